"""Binance: spot, and USD-M futures; two exchanges under one name, with one key (docs/venues/binance.md).

spec        facts: addresses, limits, lines, what it can do
auth        how a request is signed: HMAC, Ed25519, RSA
errors      its error codes, and what each means
sections    where its two halves differ, as data
requests    a question or a command, as bytes over HTTP or the WebSocket API
listing     its markets
market      what can be asked of them
forms       an order, in its words
orders      orders: placed, changed, canceled
account     what it knows of the account, when asked
public      what it tells of markets
told        what its user streams have in common
private_*   what it tells of the account, spot and futures
codec       all of it, as the link uses it
"""
