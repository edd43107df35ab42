"""Orders of several steps, as coroutines on the engine: `outcome = await track_limit(ctx, TrackingLimit(...))`.

tracking     a limit order that follows the touch, with a guarded market order at the end if that is wanted
protected    a market order that knows the worst price it may pay
twap         a quantity spread evenly over a time
iceberg      a large limit order of which little is shown
bracket      an entry, its take-profit and its stop
round_trip   open by a tracking limit, close by market
queued       an order for a venue that is down: rejected, or sent when it is back, if that is still wanted
paired       two legs on two venues, with a bound on what is naked and for how long
common_lot exposure   what both legs can trade, and what may be naked at worst
checks       which figures make sense
prices       at which price to ask
parent       what all of them work with: one quantity, and the orders sent for it
outcome      what was done, and why it ended

None of them ever has more in the market than is still wanted: what was asked to be canceled, what is in doubt and
what was never answered counts as possibly filled until the venue says otherwise.
"""
