"""Floor 9, the public kit for tests: worlds in which things go wrong, by seed.

faults      what goes wrong, as data, and the dice that say when
troubled    a venue to which it happens, and one that goes on when we are gone
disk        what a journal is written on: it can be full, and lose its power
life        one process of the node, from its start on the journal to its death
world       a node at such a venue under virtual time: played, healed, and brought to rest
invariants  what must hold then, at every step, and whenever something is sent
command     `xtrade-worlds`: play many, and show the smallest plan that fails
wanderer    a strategy that orders, changes and cancels without sense: what a world is driven with
"""
