"""Markets that are not there: prices, flow and books made from a seed, good enough to develop strategies against.

markets      what there is: assets, venues, listings, regimes, as data
presets      worlds by name
fundamental  the price beneath everything, minute by minute: regimes, volatility, jumps, basis
steps        the same price, refined to tenths of a second, as each listing sees it
flow         when takers come, on which side, with how much: a Hawkes process
book         a limit order book around the price, as a kernel: orders, cancels, takers that walk it
tapes        form one: event columns for the replay
bars         the same prices as bars, of months in a moment
traders      form two: live accounts that trade on the matching engine
funding      what the basis makes longs and shorts pay
arithmetic draws   the same numbers on every machine, and from which stream each is drawn

Both forms of one seed have the same price, the same weather and the same takers.
"""
