"""Print the digest of everything that one seed makes, in little time even uncompiled."""

import hashlib
import sys

from xtrade.sim.synthetic.bars import synthetic_bars
from xtrade.sim.synthetic.presets import preset
from xtrade.sim.synthetic.tapes import synthetic_tape


def main():
    tape = synthetic_tape(preset("spot-and-perpetual"), seed=11, start_ns=0, duration_ns=120_000_000_000)
    bars = synthetic_bars(
        preset("several-assets"), seed=11, start_ns=0, interval_ns=60_000_000_000, count=500
    )
    digest = hashlib.sha256(tape.rows.tobytes())
    for each in bars.values():
        for column in (each.open_ticks, each.high_ticks, each.low_ticks, each.close_ticks, each.volume_lots):
            digest.update(column.tobytes())
    sys.stdout.write(digest.hexdigest())


main()
