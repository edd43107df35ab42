"""Floor 1, the nouns: numbers, instruments, orders, fills, events, positions. No I/O, no clock, no globals."""
