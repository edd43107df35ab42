"""The other end of Binance's wire, for boxes; `xtrade.venues.binance.server` puts it together.

gate      who asks, whether the signature is right, and whether it is too much
entry     an order as a client words it, as ours; and refusals in the venue's words
rows      what is true on the floor, as the venue writes it
rest      what can be asked and commanded, by method and path
streams   market data through sockets
private   user streams
"""
