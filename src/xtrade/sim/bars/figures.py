"""One figure of one bar, as the parts of a kernel read it; the columns stay where all runs of a sweep read them."""

from __future__ import annotations

from xtrade.sim.bars.layout import COLUMN_COUNT, COLUMNS, SUM, World
from xtrade.sim.replay.blocks import column
from xtrade.sim.replay.compiled import part

__all__ = ["figure"]

_KINDS = SUM + 1


@part
def figure(world: World, what: int, row: int) -> int:
    """Return the START, OPEN, HIGH, LOW, CLOSE or VOLUME of a bar."""
    count = world[COLUMN_COUNT]
    return int(column(world[COLUMNS], _KINDS * count)[what * count + row])
