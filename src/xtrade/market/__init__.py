"""Floor 5, the market that is there: what a book shows, bars built from what was told.

book         Book: what a strategy may ask of a book, whoever keeps it
live_books   books kept from snapshots and deltas, trusted while nothing is missing
bars         BarBuilder: trades, prices or smaller bars, made into bars of one interval

On one footing across venues:

best     who bids most and asks least after the fee, and how old that knowledge is
impact   what taking costs, on one book or split over several
funding  rates of a year, whatever the interval
"""
