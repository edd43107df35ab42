"""Floor 5, the market that is there: what a book shows, bars built from what was told.

book   Book: what a strategy may ask of a book, whoever keeps it
bars   BarBuilder: trades, prices or smaller bars, made into bars of one interval
"""
