"""An exchange in a box: a venue's own protocol, in front of the matching engine and its synthetic traders.

floor      the exchange itself, its time and its traders, and what a venue remembers of orders
server     what a venue's `server.py` is: requests and messages in, answers and messages out. No sockets
accounts   who may trade, with which keys
worlds     one market under several venues
serving    Box: a server room behind real HTTP and WebSocket
trouble    what goes wrong there, on demand
"""
