"""An exchange in a box: orders of many accounts meet in price-time order, and every atom is accounted for.

exchange      Exchange: what a server, a test or a synthetic trader calls
rules         what a venue decides for itself: post-only, self-trades, fees, margin tiers
state         everything the exchange knows: markets, accounts, the house's purses, the tape
entry         an order at the door: what is refused, and what becomes of it
plan          which resting orders an incoming one would meet: pure, nothing is moved
settlement    a trade, booked: balances, positions, fees, and the orders that must shrink after it
margin        what a position ties up, when it is too little, and at which price that will be
liquidation   closing what can no longer be carried: book, insurance fund, auto-deleverage
funding       what longs pay shorts
book triggers markets accounts orders tape   the parts

Nothing here has a clock, a float or a random number: time is an argument, and the same calls give the same events.
"""
