"""The kill switch of a node: how it reaches the venues, and how what it closes gets into the books.

switch_of     the switch of a session; its thread needs nothing of the loop, and tells it what it did
halt_file_of  the file that all nodes of this user watch
nodes_dir     where running nodes say that they are there
KILL_SIGNAL   what throws the switch of one process
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from xtrade.app.paths import state_dir
from xtrade.app.places import Placed
from xtrade.model.orders import OrderIntent
from xtrade.model.sides import Side
from xtrade.trading.acting import turn
from xtrade.trading.engine import Engine
from xtrade.trading.risk.halt_file import Halt, HaltFile
from xtrade.trading.risk.kill import EmergencyAccess, Fence, Flattened, KillSwitch
from xtrade.trading.risk.state import TradingState
from xtrade.trading.session import Session

__all__ = ["KILL_SIGNAL", "halt_file_of", "nodes_dir", "switch_of"]

KILL_SIGNAL: Final = signal.SIGUSR1
"""What throws the kill switch of a running process: `kill -USR1 PID`."""


def halt_file_of() -> HaltFile:
    """Return the file whose presence halts every node of this user."""
    return HaltFile(state_dir() / "HALTED")


def nodes_dir() -> Path:
    """Return the directory in which the running nodes of this user say that they are there."""
    return state_dir() / "nodes"


def switch_of(
    session: Session,
    accesses: Callable[[Placed], Mapping[str, EmergencyAccess]],
    *,
    halt_file: HaltFile,
    fence: Fence,
    tell_loop: Callable[[Callable[[], object]], object],
    ask: Callable[[str], object],
    flattened: Callable[[Flattened], object],
) -> KillSwitch:
    """Build the switch: `tell_loop` has the loop call something when it can, `ask` asks for the end of the run.

    `accesses` gives the way into each account, which says what it closes before it does.
    """

    def act(action: Callable[[int], object]) -> None:
        tell_loop(lambda: session.act(action))

    def killed(halt: Halt) -> None:
        act(lambda _: turn(session.engine, TradingState.HALTED, halt.why, by=halt.by))

    def finished(report: Flattened) -> None:
        flattened(report)
        why = "" if switch.halt is None else switch.halt.why
        tell_loop(lambda: ask(f"the kill switch was thrown: {why}"))

    def placed(intent: OrderIntent) -> None:
        act(partial(_adopt, session.engine, intent))

    switch = KillSwitch(halt_file, fence, accesses(placed), killed=killed, finished=finished)
    return switch


def _adopt(engine: Engine, intent: OrderIntent, now_ns: int) -> None:
    """Book what the switch closes to whoever holds the most of it: the account has one position for all."""
    if intent.instrument not in engine.watched:
        return
    way = 1 if intent.side is Side.SELL else -1
    name = max(engine.contexts, key=lambda each: way * engine.portfolio.lots(each, intent.instrument))
    engine.adopt(name, intent, now_ns)
