"""Floor 6, trading: strategies decide, the engine lets their orders out, and keeps account.

strategy        Strategy: callbacks, typed parameters; and two thin bases over it
params          Params, and how they are read
subscriptions   what a strategy wants to hear of
context         Context: what a strategy can see and do
orders          Order: an order in a strategy's hands
tasks           multi-step work as coroutines
risk            the gate every order passes
engine          Engine: tells strategies, lets orders out
portfolio       who holds what
journal         what is written down before it happens
order_store     what a journal adds up to: orders, positions, what is in doubt
reconciliation  our books beside a venue's report: differences, causes, actions
execution       orders of several steps: tracking limit, TWAP, iceberg, bracket, paired legs
health          which venues and books can be relied on
ports           what the engine asks of the world around it
listeners timers   the parts
"""
