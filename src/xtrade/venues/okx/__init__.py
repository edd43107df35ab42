"""OKX: spot and linear swaps of one account, in net mode. Facts, signatures, wire; docs/venues/okx.md is the page.

spec      addresses, limits, abilities, lines, what the codes mean
auth      the key, and what it signs
wire      requests, and what every answer has in common
listing   the markets
markets   what is asked of a market
orders    the forms of orders, and the rows in which orders and fills are told
stops     orders that sleep until a price is reached
trading   commands: orders placed, changed, canceled
reports   what is asked about orders and fills
account   balances, positions, fees, and how the account is set up
codec     all of that, and the streams

The other end of the same wire, for boxes:

server           requests, logins, subscriptions
server_orders    what is asked of the floor
server_stops     orders that sleep
server_answers   what is answered when it is asked for
server_news      what is told because it happened
server_streams   who listens, and the books that they see
server_rows      the rows in which it is told
server_refusals  what is refused, in the venue's words
"""
