"""Floor 9, the public kit for tests: worlds in which things go wrong, by seed.

faults      what goes wrong between us and a venue, as data; and a venue to which it happens
world       a session at such a venue under virtual time: played, healed, and brought to rest
invariants  what must hold then, and at every step
command     `xtrade-worlds`: play many, and show the smallest plan that fails
wanderer    a strategy that orders, changes and cancels without sense: what a world is driven with
"""
