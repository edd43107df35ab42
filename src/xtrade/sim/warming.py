"""Compile the simulator before it is needed, and tell how far that has come.

warm_up     play a few rows, so that every kernel of a replay is compiled or loaded
compiling   tell of each function that is compiled in the meantime

The first time on a machine this takes seconds; from then on the machine code is on disk and nothing is told at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final

import numpy as np
from numba.core import event
from typing_extensions import override

from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument, Kind
from xtrade.model.orders import OrderIntent, OrderType
from xtrade.model.sides import Side
from xtrade.sim.bars.columns import Bars
from xtrade.sim.bars.replay import BarReplay
from xtrade.sim.replay.compiled import KERNELS
from xtrade.sim.replay.replay import Replay
from xtrade.sim.replay.tape import Happening, Tape

__all__ = ["Tell", "compiling", "warm_up"]

Tell = Callable[[int, int], None]
"""Is told how many functions are compiled, and of how many."""

_Listener: Any = event.Listener
_SIZE: Final = Decimal("0.01")
_MARKET: Final = Instrument(
    venue="warming", symbol="A/B:B", native="AB", kind=Kind.LINEAR, base="A", quote="B", settle="B",
    tick=_SIZE, lot=_SIZE,
)  # fmt: skip


def warm_up(tell: Tell = lambda _done, _count: None, *, bars: bool = False) -> None:
    """Compile what a replay of tapes (or of bars) runs, unless that was done before on this machine."""
    rooms = ("xtrade.sim.replay.", "xtrade.sim.bars.") if bars else ("xtrade.sim.replay.",)
    with compiling(tell, count=sum(name.startswith(rooms) for name in KERNELS)):
        if bars:
            _play_bars()
        else:
            _play_tape()


@contextmanager
def compiling(tell: Tell, *, count: int) -> Iterator[None]:
    """Tell, as long as this lasts, of each function that was compiled; `count` is how many are expected at most."""
    listener = _Counting(tell, count)
    with event.install_listener("numba:compile", listener):
        yield
    if listener.done:
        tell(count, count)


class _Counting(_Listener):  # type: ignore[misc]
    """Counts compilations; functions that are compiled for others come first."""

    def __init__(self, tell: Tell, count: int) -> None:
        self._tell = tell
        self._count = count
        self.done = 0

    @override
    def on_start(self, event: Any) -> None:
        self._tell(self.done, self._count)

    @override
    def on_end(self, event: Any) -> None:
        self.done = min(self.done + 1, self._count)
        self._tell(self.done, self._count)


def _order(name: int, ticks: int) -> OrderIntent:
    return OrderIntent(
        client_order_id=ClientOrderId(name),
        instrument=_MARKET.key,
        instrument_version=_MARKET.version,
        side=Side.BUY,
        type=OrderType.LIMIT,
        ticks=ticks,
        lots=1,
    )


def _play_tape() -> None:
    """Ask a replay for everything that the engine may ask it for."""
    columns = {
        "kind": [Happening.LEVEL, Happening.LEVEL, Happening.TRADE],
        "side": [0, 1, 1],
        "ticks": [100, 102, 99],
        "lots": [5, 5, 1],
    }
    times = np.array([1, 2, 3])
    replay = Replay(
        Tape.from_columns(
            _MARKET,
            local_ns=times,
            venue_ns=times,
            **{name: np.array(values, np.int64) for name, values in columns.items()},
        )
    )
    replay.watch(_MARKET.key, book=True, trades=True)
    replay.advance(2)
    replay.book(_MARKET.key).levels(Side.BUY, 2)
    replay.place(_order(1, 100))
    replay.amend(ClientOrderId(1), lots=2, ticks=100)
    replay.cancel(ClientOrderId(1))
    replay.advance(3)


def _play_bars() -> None:
    replay = BarReplay(
        Bars.from_columns(
            _MARKET,
            interval_ns=60,
            start_ns=[0, 60],
            open_ticks=[100, 100],
            high_ticks=[100, 100],
            low_ticks=[100, 100],
            close_ticks=[100, 100],
            volume_lots=[1, 1],
        )
    )
    replay.advance(60)
    replay.place(_order(1, 100))
    replay.amend(ClientOrderId(1), lots=2, ticks=100)
    replay.cancel(ClientOrderId(1))
    replay.advance(120)
