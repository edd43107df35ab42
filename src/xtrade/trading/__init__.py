"""Floor 6, trading: strategies decide, the engine lets their orders out, and keeps account.

strategy        Strategy: callbacks, typed parameters; and two thin bases over it
params          Params, and how they are read
subscriptions   what a strategy wants to hear of
context         Context: what a strategy can see and do
orders          Order: an order in a strategy's hands
tasks           multi-step work as coroutines
risk            the gate every order passes, guards, the kill switch; a room of its own
engine          Engine: tells strategies, lets orders out
acting          what the desk itself does: turn the dial, cancel, close
guardian        looks at the desk on a timer, and does what the guards ask for
portfolio       who holds what
exposure        what is held and may still come, by asset and venue
pnl             profit and loss, by strategy, instrument, venue and account
marks           what positions are valued at, and how old that is
accounts        what venues say of our accounts
journal         what is written down before it happens
order_store     what a journal adds up to: orders, positions, what is in doubt
checkpoints     what it added up to when it was last read, so that the next start reads the rest
reconciliation  our books beside a venue's report: differences, causes, actions
execution       orders of several steps: tracking limit, TWAP, iceberg, bracket, paired legs
health          which venues and books can be relied on
ports           what the engine asks of the world around it
listeners timers   the parts
"""
