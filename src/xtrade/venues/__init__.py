"""Floor 4, venues: where orders go and prices come from, behind one port.

base        the port by capability, and what a venue can do as tables
simulated   the built-in exchange with its synthetic traders, in this process
"""
