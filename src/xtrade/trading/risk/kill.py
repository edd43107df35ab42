"""The kill switch: cancels everything, closes everything, and verifies it, while a strategy hangs.

    fence = Fence()
    engine = Engine(…, orders=FencedOrders(orders, fence))
    switch = KillSwitch(HaltFile(path), fence, {"okx": EmergencyAccess(…)}, killed=tell_the_loop)
    with switch.on_signal(signal.SIGUSR1), switch.watching():
        run()

Three ways in: the halt file appears (`touch`, `xtrade kill`, a guard), the signal, or a call of `trigger`. What follows
is done by a thread of its own, which needs nothing of the loop that may be stuck:

1. the fence goes down: whatever the strategies still decide, nothing but cancels leaves
2. the halt file is written: a restart is refused until somebody clears it
3. each account is flattened over an access of its own: cancel all, close what is held, and ask again
4. flat is what the venue says it is, twice in a row; an answer that fails is no answer, and never "flat"

`flatten` is step 3 and 4 alone, for another process (`xtrade kill`) to run when this one is gone.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Final, NamedTuple, Protocol

from msgspec import Struct

from xtrade.model.errors import RiskRejected, XtradeError
from xtrade.model.ids import ClientOrderId
from xtrade.model.orders import OrderIntent
from xtrade.trading.ports import Orders
from xtrade.trading.risk.halt_file import Halt, HaltFile

__all__ = ["AccountLeft", "EmergencyAccess", "Fence", "FencedOrders", "Flattened", "KillSwitch", "flatten"]

FLAT_READINGS: Final = 2
"""How often in a row a venue must say that nothing is left: a fill may be on its way during the first."""


class EmergencyAccess(Protocol):
    """One account, reached without the loop that trades. Each call blocks, has a time-out of its own, and raises
    an XtradeError if it got no complete answer.
    """

    def cancel_all(self) -> None:
        """Cancel every order of the account."""
        ...

    def open_orders(self) -> tuple[str, ...]:
        """Return what is open, by the venue's names."""
        ...

    def positions(self) -> Mapping[str, int]:
        """Return signed lots by instrument: what can be closed, so neither dust nor coins that one wants to keep."""
        ...

    def close(self, key: str, lots: int) -> None:
        """Close so many signed lots at the market, as an order that can only reduce."""
        ...


class AccountLeft(Struct, frozen=True, kw_only=True):
    """What is left on one account; `is_flat` only if the venue said so."""

    account: str
    is_flat: bool
    open_orders: tuple[str, ...] = ()
    positions: dict[str, int]
    errors: tuple[str, ...] = ()
    """What went wrong on the way, each kind once."""


class Flattened(Struct, frozen=True, kw_only=True):
    """How it went, account by account."""

    accounts: tuple[AccountLeft, ...]
    rounds: int

    @property
    def is_flat(self) -> bool:
        """Whether every venue said that nothing is left."""
        return all(account.is_flat for account in self.accounts)

    def lines(self) -> list[str]:
        """Say it in words, a line for each account."""
        return [_in_words(account) for account in self.accounts]


class _Round(NamedTuple):
    orders: tuple[str, ...]
    positions: Mapping[str, int]
    error: str | None


def flatten(
    accounts: Mapping[str, EmergencyAccess], *, wait: Callable[[], None], rounds_max: int = 120
) -> Flattened:
    """Cancel and close everything, and ask until each venue says twice in a row that nothing is left.

    `wait` lets some time pass between rounds. One account that does not answer does not hold up the others.
    """
    readings = dict.fromkeys(accounts, 0)
    last: dict[str, _Round] = {}
    errors: dict[str, dict[str, None]] = {name: {} for name in accounts}
    rounds = 0
    while rounds < rounds_max and any(count < FLAT_READINGS for count in readings.values()):
        if rounds:
            wait()
        rounds += 1
        for name, access in accounts.items():
            if readings[name] >= FLAT_READINGS:
                continue
            last[name] = _flatten_once(access, closes=rounds > 1)
            flat = (
                last[name].error is None and not last[name].orders and not any(last[name].positions.values())
            )
            readings[name] = readings[name] + 1 if flat else 0
            if (error := last[name].error) is not None:
                errors[name][error] = None
    return Flattened(
        accounts=tuple(
            AccountLeft(
                account=name,
                is_flat=readings[name] >= FLAT_READINGS,
                open_orders=last[name].orders if name in last else (),
                positions=dict(last[name].positions) if name in last else {},
                errors=tuple(errors[name]),
            )
            for name in accounts
        ),
        rounds=rounds,
    )


def _flatten_once(access: EmergencyAccess, *, closes: bool) -> _Round:
    """Cancel, look, and close what can be: not while orders may still fill, unless they will not go away."""
    failed: str | None = None
    orders: tuple[str, ...] = ()
    positions: Mapping[str, int] = {}
    try:
        orders = access.open_orders()
        if orders:
            access.cancel_all()
    except Exception as error:  # noqa: BLE001  (whatever happens, what is held must be closed)
        failed = _told(error)
    try:
        positions = access.positions()
    except Exception as error:  # noqa: BLE001
        return _Round(orders, positions, failed or _told(error))
    for key, lots in positions.items():
        if not lots or (orders and not closes):
            continue
        try:
            access.close(key, lots)
        except Exception as error:  # noqa: BLE001  (the others are closed all the same)
            failed = failed or _told(error)
    return _Round(orders, positions, failed)


class Fence:
    """Once down, nothing but cancels leaves; it cannot be put up again in this process."""

    def __init__(self) -> None:
        self._down = threading.Event()
        self.why = ""

    @property
    def is_down(self) -> bool:
        """Whether orders are held back."""
        return self._down.is_set()

    def take_down(self, why: str) -> None:
        """Hold back all orders from here on; the first reason stays."""
        if not self._down.is_set():
            self.why = why
            self._down.set()


class FencedOrders:
    """Orders behind a fence: the engine's way to the venues."""

    def __init__(self, orders: Orders, fence: Fence) -> None:
        self._orders = orders
        self._fence = fence

    def place(self, intent: OrderIntent) -> None:
        """Send an order, unless the fence is down."""
        self._check(f"{intent.side} {intent.lots} lots")
        self._orders.place(intent)

    def cancel(self, client_order_id: ClientOrderId) -> bool:
        """Ask to cancel, always."""
        return self._orders.cancel(client_order_id)

    def amend(self, client_order_id: ClientOrderId, *, lots: int, ticks: int) -> bool:
        """Ask for a change, unless the fence is down."""
        return not self._fence.is_down and self._orders.amend(client_order_id, lots=lots, ticks=ticks)

    def _check(self, figure: str) -> None:
        if self._fence.is_down:
            raise RiskRejected(
                f"the kill switch was thrown: {self._fence.why}",
                rule="kill_switch",
                limit="no orders",
                figure=figure,
            )


class KillSwitch:
    """Watches for the halt file and the signal, in a thread of its own, and kills. `report` says how it went."""

    def __init__(
        self,
        halt_file: HaltFile,
        fence: Fence,
        accounts: Mapping[str, EmergencyAccess],
        *,
        killed: Callable[[Halt], object] = lambda _: None,
        finished: Callable[[Flattened], object] = lambda _: None,
        look_every_s: float = 0.25,
        wait_s: float = 0.5,
        rounds_max: int = 120,
    ) -> None:
        self._halt_file = halt_file
        self._fence = fence
        self._accounts = accounts
        self._killed = killed
        self._finished = finished
        self._look_every_s = look_every_s
        self._wait_s = wait_s
        self._rounds_max = rounds_max
        self._asked: Halt | None = None
        self._wake = threading.Event()
        self._ended = threading.Event()
        self.done = threading.Event()
        """Set when everything that can be done has been done."""
        self.halt: Halt | None = None
        """Why the switch was thrown; None while it was not."""
        self.report: Flattened | None = None
        self.problems: tuple[str, ...] = ()
        """What went wrong beside the accounts: the halt file could not be written, the loop could not be told."""

    def trigger(self, why: str, by: str, at_ns: int = 0) -> None:
        """Throw the switch, from any thread; returns at once."""
        self._asked = self._asked or Halt(why=why, by=by, at_ns=at_ns)
        self._wake.set()

    @contextmanager
    def on_signal(self, number: signal.Signals) -> Iterator[None]:
        """Throw the switch on a signal (`kill -USR1`). Only the main thread may say so.

        Python runs it when the main thread is between two steps: a strategy that hangs in a loop does not hinder it,
        one that hangs inside a C library does. The file works then, too.
        """

        def handle(_number: int, _frame: FrameType | None) -> None:
            self.trigger(f"signal {number.name}", "signal")

        before = signal.signal(number, handle)
        try:
            yield
        finally:
            signal.signal(number, before)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch while the block runs; a kill that has begun is finished before it ends."""
        thread = threading.Thread(target=self._watch, name="kill-switch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            self._wake.set()
            thread.join()

    def _watch(self) -> None:
        # The first thing that is done with a kill must also be done if the block ends at that moment.
        while True:
            ended = self._ended.is_set()
            halt = self._asked or self._halt_file.read()
            if halt is not None:
                self._kill(halt)
                return
            if ended:
                return
            self._wake.wait(self._look_every_s)

    def _kill(self, halt: Halt) -> None:
        self._fence.take_down(f"{halt.why} (by {halt.by})")
        self.halt = halt
        problems: list[str] = []
        self._try(lambda: self._halt_file.halt(halt), problems)
        self._try(lambda: self._killed(halt), problems)
        report = flatten(self._accounts, wait=self._pause, rounds_max=self._rounds_max)
        self.report = report
        self._try(lambda: self._finished(report), problems)
        self.problems = tuple(problems)
        self.done.set()

    def _try(self, step: Callable[[], object], problems: list[str]) -> None:
        try:
            step()
        except Exception as error:  # noqa: BLE001  (a full disk must not keep positions open)
            problems.append(_told(error))

    def _pause(self) -> None:
        # Not the event that wakes the watch: that one is set by now.
        threading.Event().wait(self._wait_s)


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, XtradeError) else f"{type(error).__name__}: {error}"


def _in_words(left: AccountLeft) -> str:
    if left.is_flat:
        return f"{left.account}: flat, as the venue says: no open order, no position"
    held = (
        ", ".join(f"{lots} lots of {key}" for key, lots in left.positions.items() if lots)
        or "no position seen"
    )
    orders = f"{len(left.open_orders)} open orders" if left.open_orders else "no open order seen"
    told = f" ({'; '.join(left.errors)})" if left.errors else ""
    return f"{left.account}: NOT verified flat: {orders}, {held}{told}. Look there by hand"
