"""The compiled form of a strategy: the same decisions as a kernel, for sweeps that play a market hundreds of times.

    class Mine(Strategy[MineParams]):
        def compiled(self, instrument):
            return Compiled(mine_decides, [self.params.away, self.params.lots])

docs/compiled-strategies.md says how the function is written. It hears of one book (BookFeed, on books and trades) or of
the bars of one instrument (BarFeed, on bars), and of nothing else; its orders pass the same rules of the risk gate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["Compiled"]


@dataclass(frozen=True)
class Compiled:
    """A decision for the kernel: the function, what it is told, and how many numbers it may remember."""

    decide: Callable[..., None]
    params: Sequence[float] = ()
    state: int = 16
