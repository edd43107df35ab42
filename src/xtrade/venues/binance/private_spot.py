"""What Binance tells of an account's spot half: orders, fills and balances.

Orders that are not ours give no events of orders: what they do shows in balances.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import msgspec
from msgspec import Struct

from xtrade.model.events import (
    BalanceReport,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderRejected,
)
from xtrade.model.money import Money
from xtrade.venues.binance.answers import EXPIRED
from xtrade.venues.binance.forms import IDS
from xtrade.venues.binance.public import LEAVING_MS
from xtrade.venues.binance.requests import UNREADABLE
from xtrade.venues.binance.sections import SPOT
from xtrade.venues.binance.told import NO_REASON, about, fill_of, listed
from xtrade.venues.codec import Unread
from xtrade.venues.levels import counters
from xtrade.venues.markets import Markets
from xtrade.venues.streams import Leaving, Missed, Said

__all__ = ["SpotAccountStream"]

_MS_NS: Final = 1_000_000


class _Execution(Struct, tag_field="e", tag="executionReport"):
    s: str
    c: str
    S: str
    x: str
    X: str
    i: int
    q: str
    l: str  # noqa: E741  (the venue's name)
    z: str
    L: str
    T: int
    t: int = -1
    C: str = ""
    m: bool = False
    n: str | None = None
    N: str | None = None
    r: str = ""
    eR: str = ""  # noqa: N815  (the venue's name)


class _Held(Struct):
    a: str
    f: str
    l: str  # noqa: E741


class _AccountPosition(Struct, tag_field="e", tag="outboundAccountPosition"):
    u: int
    B: list[_Held]


class _BalanceUpdate(Struct, tag_field="e", tag="balanceUpdate"):
    """A deposit or transfer; what there is then is told beside it."""


class _ExternalLock(Struct, tag_field="e", tag="externalLockUpdate"):
    a: str = ""


class _ListStatus(Struct, tag_field="e", tag="listStatus"):
    """Lists of orders are not ours."""


class _Terminated(Struct, tag_field="e", tag="eventStreamTerminated"):
    pass


class _Shutdown(Struct, tag_field="e", tag="serverShutdown"):
    pass


_SpotTold: TypeAlias = (
    _Execution | _AccountPosition | _BalanceUpdate | _ExternalLock | _ListStatus | _Terminated | _Shutdown
)
_SPOT_TOLD: Final = msgspec.json.Decoder(_SpotTold)


class SpotAccountStream:
    """Reads the events of spot's user stream."""

    def __init__(self, markets: Markets, account: str) -> None:
        self._markets = markets
        self._account = account

    def hear(self, payload: bytes, received_ns: int) -> Sequence[Said | Unread]:
        """Say what an event means."""
        try:
            return self._read(_SPOT_TOLD.decode(payload), received_ns)
        except UNREADABLE as error:
            return [Unread(str(error))]

    def _read(self, told: _SpotTold, received_ns: int) -> Sequence[Said]:
        match told:
            case _Execution():
                return self._execution(told, received_ns)
            case _AccountPosition():
                return [self._balance(row, told.u, received_ns) for row in told.B]
            case _ExternalLock():
                return [Missed(f"{told.a} was locked or released from outside")]
            case _Terminated():
                return [Leaving(0, "the venue has ended the user stream")]
            case _Shutdown():
                return [Leaving(LEAVING_MS, "the venue restarts this server")]
            case _:
                return []

    def _balance(self, row: _Held, at_ms: int, received_ns: int) -> BalanceReport:
        held = Money.of(row.l, row.a)
        return BalanceReport(
            account=self._account,
            total=Money.of(row.f, row.a) + held,
            held=held,
            venue_ns=at_ms * _MS_NS,
            received_ns=received_ns,
        )

    def _execution(self, told: _Execution, received_ns: int) -> Sequence[OrderEvent]:
        # A cancel, or a new quantity, has a name of its own; the order's is the original one.
        order = IDS.decode(told.C or told.c)
        if order is None:
            return []
        instrument = listed(self._markets, told.s, SPOT.name)
        _, lots = counters(instrument)
        whose = about(order, str(told.i), told.T, received_ns)
        match told.x:
            case "NEW":
                return [OrderAccepted(**whose)]
            case "TRADE":
                return [OrderFilled(**whose, fill=fill_of(told, instrument), cumulative_lots=lots(told.z))]
            case "CANCELED":
                return [OrderCanceled(**whose, cumulative_lots=lots(told.z))]
            case "REJECTED":
                return [OrderRejected(**whose, reason=told.r or told.X)]
            case "EXPIRED" | "TRADE_PREVENTION" if told.X in EXPIRED:
                reason = told.X if told.eR in NO_REASON else told.eR
                return [OrderExpired(**whose, reason=reason, cumulative_lots=lots(told.z))]
            case "REPLACED":
                return [OrderAmended(**whose, lots=lots(told.q))]
            case _:
                return []
