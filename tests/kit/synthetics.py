"""Synthetic tapes that several tests look at, made once."""

from functools import cache

from xtrade.sim.synthetic.presets import preset
from xtrade.sim.synthetic.tapes import synthetic_tape

START_NS = 1_700_000_000_000_000_000
SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS


@cache
def tape_of(name, *, seed=7, minutes=60):
    return synthetic_tape(preset(name), seed=seed, start_ns=START_NS, duration_ns=minutes * MINUTE_NS)


def rows_of(tape, key):
    return tape.rows[tape.rows["instrument"] == tape.keys.index(key)]
