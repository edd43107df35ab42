"""What Binance tells of an account: orders, fills, balances, positions; by spot's user stream and that of futures.

Orders that are not ours give no events of orders: what they do shows in balances and positions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, TypeAlias, TypedDict

import msgspec
from msgspec import Struct

from xtrade.model.errors import DataError
from xtrade.model.events import (
    BalanceReport,
    FundingPaid,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    PositionReport,
)
from xtrade.model.fills import Fill
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument
from xtrade.model.money import Money
from xtrade.model.numbers import number
from xtrade.model.sides import Side
from xtrade.venues.binance.account import usdm_account
from xtrade.venues.binance.answers import ALGO, EXPIRED
from xtrade.venues.binance.forms import IDS
from xtrade.venues.binance.public import LEAVING_MS
from xtrade.venues.binance.requests import UNREADABLE
from xtrade.venues.binance.sections import SPOT, USDM
from xtrade.venues.codec import Unread
from xtrade.venues.levels import counters
from xtrade.venues.markets import Markets
from xtrade.venues.streams import Leaving, Missed, Said

__all__ = ["SpotAccountStream", "UsdmAccountStream"]

_MS_NS: Final = 1_000_000
_SIDES: Final = {"BUY": Side.BUY, "SELL": Side.SELL}
_NO_REASON: Final = frozenset({"", "NONE"})


# -- spot ---------------------------------------------------------------------------------------------------------


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
        instrument = _listed(self._markets, told.s, SPOT.name)
        _, lots = counters(instrument)
        about = _about(order, str(told.i), told.T, received_ns)
        match told.x:
            case "NEW":
                return [OrderAccepted(**about)]
            case "TRADE":
                return [OrderFilled(**about, fill=_fill(told, instrument), cumulative_lots=lots(told.z))]
            case "CANCELED":
                return [OrderCanceled(**about, cumulative_lots=lots(told.z))]
            case "REJECTED":
                return [OrderRejected(**about, reason=told.r or told.X)]
            case "EXPIRED" | "TRADE_PREVENTION" if told.X in EXPIRED:
                reason = told.X if told.eR in _NO_REASON else told.eR
                return [OrderExpired(**about, reason=reason, cumulative_lots=lots(told.z))]
            case "REPLACED":
                return [OrderAmended(**about, lots=lots(told.q))]
            case _:
                return []


# -- futures ------------------------------------------------------------------------------------------------------


class _Update(Struct):
    s: str
    c: str
    S: str
    x: str
    X: str
    i: int
    q: str
    p: str
    l: str  # noqa: E741
    z: str
    L: str
    T: int
    t: int = 0
    m: bool = False
    n: str | None = None
    N: str | None = None
    er: str | int = ""


class _OrderUpdate(Struct, tag_field="e", tag="ORDER_TRADE_UPDATE"):
    o: _Update


class _TradeLite(Struct, tag_field="e", tag="TRADE_LITE"):
    """A fill, told sooner and without its fee; the order's own event follows."""

    s: str
    c: str
    S: str
    i: int
    l: str  # noqa: E741
    L: str
    T: int
    t: int
    m: bool = False
    n: None = None
    N: None = None


class _AlgoOrder(Struct):
    caid: str
    aid: int
    s: str
    S: str
    q: str
    X: str
    ai: str | int = ""
    rm: str = ""


class _AlgoUpdate(Struct, tag_field="e", tag="ALGO_UPDATE"):
    T: int
    o: _AlgoOrder


class _Wallet(Struct):
    a: str
    bc: str = "0"


class _Position(Struct):
    s: str
    pa: str
    ep: str
    ps: str = "BOTH"


class _Account(Struct):
    m: str = ""
    B: list[_Wallet] = []
    P: list[_Position] = []
    S: str = ""


class _AccountUpdate(Struct, tag_field="e", tag="ACCOUNT_UPDATE"):
    T: int
    a: _Account


class _ConfigUpdate(Struct, tag_field="e", tag="ACCOUNT_CONFIG_UPDATE"):
    """Leverage or margin mode was changed."""


class _MarginCall(Struct, tag_field="e", tag="MARGIN_CALL"):
    """Told when liquidation is near, and not every time: nothing is built on it."""


class _KeyExpired(Struct, tag_field="e", tag="listenKeyExpired"):
    pass


_UsdmTold: TypeAlias = (
    _OrderUpdate | _TradeLite | _AlgoUpdate | _AccountUpdate | _ConfigUpdate | _MarginCall | _KeyExpired
)
_USDM_TOLD: Final = msgspec.json.Decoder(_UsdmTold)


class UsdmAccountStream:
    """Reads the events of the user stream of futures."""

    def __init__(self, markets: Markets, account: str) -> None:
        self._markets = markets
        self._account = usdm_account(account)

    def hear(self, payload: bytes, received_ns: int) -> Sequence[Said | Unread]:
        """Say what an event means."""
        try:
            return self._read(_USDM_TOLD.decode(payload), received_ns)
        except UNREADABLE as error:
            return [Unread(str(error))]

    def _read(self, told: _UsdmTold, received_ns: int) -> Sequence[Said]:
        match told:
            case _OrderUpdate():
                return self._order(told.o, received_ns)
            case _TradeLite():
                return self._trade(told, received_ns)
            case _AlgoUpdate():
                return self._algo(told, received_ns)
            case _AccountUpdate():
                return self._wallet(told, received_ns)
            case _KeyExpired():
                return [Leaving(0, "the listen key has expired")]
            case _:
                return []

    def _order(self, told: _Update, received_ns: int) -> Sequence[OrderEvent]:
        # What the venue does by force (liquidation, settlement) has names of its own, and is nobody's order here.
        order = IDS.decode(told.c)
        if order is None:
            return []
        instrument = _listed(self._markets, told.s, USDM.name)
        ticks, lots = counters(instrument)
        about = _about(order, str(told.i), told.T, received_ns)
        match told.x:
            case "NEW":
                return [OrderAccepted(**about)]
            case "TRADE":
                return [OrderFilled(**about, fill=_fill(told, instrument), cumulative_lots=lots(told.z))]
            case "CANCELED":
                return [OrderCanceled(**about, cumulative_lots=lots(told.z))]
            case "EXPIRED":
                reason = told.X if str(told.er) in _NO_REASON else str(told.er)
                return [OrderExpired(**about, reason=reason, cumulative_lots=lots(told.z))]
            case "AMENDMENT":
                return [OrderAmended(**about, lots=lots(told.q), ticks=ticks(told.p) or None)]
            case "REJECTED":
                return [OrderRejected(**about, reason=str(told.er) or told.X)]
            case _:
                return []

    def _trade(self, told: _TradeLite, received_ns: int) -> Sequence[OrderEvent]:
        order = IDS.decode(told.c)
        if order is None:
            return []
        instrument = _listed(self._markets, told.s, USDM.name)
        about = _about(order, str(told.i), told.T, received_ns)
        return [OrderFilled(**about, fill=_fill(told, instrument))]

    def _algo(self, told: _AlgoUpdate, received_ns: int) -> Sequence[OrderEvent]:
        row = told.o
        order = IDS.decode(row.caid)
        if order is None:
            return []
        instrument = _listed(self._markets, row.s, USDM.name)
        _, lots = counters(instrument)
        waiting = f"{ALGO}{row.aid}"
        about = _about(order, waiting, told.T, received_ns)
        match row.X:
            case "NEW" | "TRIGGERING":
                return [OrderAccepted(**about)]
            case "TRIGGERED" if row.ai:
                # It goes on as an order, with a number of the other series and our name.
                lived_on = _about(order, str(row.ai), told.T, received_ns)
                return [OrderAmended(**lived_on, lots=lots(row.q), replaces=waiting)]
            case "CANCELED":
                return [OrderCanceled(**about, reason=row.rm)]
            case "EXPIRED":
                return [OrderExpired(**about, reason=row.rm or row.X)]
            case "REJECTED":
                # It was accepted once, and never became an order: its end is not that of a refused order.
                return [OrderExpired(**about, reason=row.rm or row.X)]
            case _:
                return []

    def _wallet(self, told: _AccountUpdate, received_ns: int) -> Sequence[Said]:
        said: list[Said] = []
        sides: defaultdict[str, list[_Position]] = defaultdict(list)
        for row in told.a.P:
            sides[row.s].append(row)
        for symbol, rows in sides.items():
            instrument = self._markets.native(symbol, USDM.name)
            if instrument is None:
                continue
            if len(rows) == 1 and rows[0].ps != "BOTH":
                said.append(Missed(f"one side alone of a position in {symbol} was told"))
                continue
            said.append(self._position(rows, instrument, told.T, received_ns))
        if told.a.m == "FUNDING_FEE":
            said += self._funding(told, received_ns)
        elif told.a.m != "ORDER" and told.a.B:
            # The stream tells what a wallet has, and not what of it is free: that is to be asked.
            said.append(Missed(f"the wallet of futures has changed: {told.a.m or 'no reason given'}"))
        return said

    def _position(
        self, rows: Sequence[_Position], instrument: Instrument, at_ms: int, received_ns: int
    ) -> PositionReport:
        _, lots = counters(instrument)
        held = [row for row in rows if lots(row.pa)]
        return PositionReport(
            account=self._account,
            instrument=instrument.key,
            lots=sum(lots(row.pa) for row in held),
            entry_price=number(held[0].ep) if len(held) == 1 else None,
            venue_ns=at_ms * _MS_NS,
            received_ns=received_ns,
        )

    def _funding(self, told: _AccountUpdate, received_ns: int) -> Sequence[Said]:
        named = told.a.S or (told.a.P[0].s if len(told.a.P) == 1 else "")
        instrument = self._markets.native(named, USDM.name)
        if instrument is None or len(told.a.B) != 1:
            return [Missed("funding was settled on a market that the message does not name")]
        row = told.a.B[0]
        return [
            FundingPaid(
                account=self._account,
                instrument=instrument.key,
                payment_id=f"{instrument.native}:{told.T}",
                amount=Money.of(row.bc, row.a),
                venue_ns=told.T * _MS_NS,
                received_ns=received_ns,
            )
        ]


# -- both ---------------------------------------------------------------------------------------------------------


class _About(TypedDict):
    client_order_id: ClientOrderId
    venue_order_id: str
    venue_ns: int | None
    received_ns: int


def _about(order: ClientOrderId, venue_order_id: str, at_ms: int, received_ns: int) -> _About:
    return {
        "client_order_id": order,
        "venue_order_id": venue_order_id,
        "venue_ns": at_ms * _MS_NS,
        "received_ns": received_ns,
    }


def _fill(told: _Execution | _Update | _TradeLite, instrument: Instrument) -> Fill:
    ticks, lots = counters(instrument)
    fee = None if told.n is None or not told.N else Money.of(told.n, told.N)
    side = _SIDES.get(told.S)
    if side is None:
        raise DataError(f"{told.S!r} is no side of an order")
    return Fill(
        trade_id=str(told.t),
        side=side,
        ticks=ticks(told.L),
        lots=lots(told.l),
        fee=fee,
        maker=told.m,
        venue_ns=told.T * _MS_NS,
    )


def _listed(markets: Markets, symbol: str, section: str) -> Instrument:
    instrument = markets.native(symbol, section)
    if instrument is None:
        raise DataError(f"an order of ours is on {symbol}, which the listing does not have")
    return instrument
