"""An exchange in a box: a venue's own protocol, in front of the matching engine and its synthetic traders.

floor      the exchange itself, its time and its traders, and what a venue remembers of orders
server     what a venue's `server.py` is: requests and messages in, answers and messages out. No sockets
accounts   who may trade, with which keys
"""
