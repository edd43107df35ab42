"""What Binance tells of an account's futures: orders, fills, conditional orders, positions, funding.

Orders that are not ours, and what the venue does by force, give no events of orders: they show in positions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, TypeAlias

import msgspec
from msgspec import Struct

from xtrade.model.events import (
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
from xtrade.model.instruments import Instrument
from xtrade.model.money import Money
from xtrade.model.numbers import number
from xtrade.venues.binance.account import usdm_account
from xtrade.venues.binance.answers import ALGO
from xtrade.venues.binance.forms import IDS
from xtrade.venues.binance.requests import UNREADABLE
from xtrade.venues.binance.sections import USDM
from xtrade.venues.binance.told import NO_REASON, about, fill_of, listed
from xtrade.venues.codec import Unread
from xtrade.venues.levels import counters
from xtrade.venues.markets import Markets
from xtrade.venues.streams import Leaving, Missed, Said

__all__ = ["UsdmAccountStream"]

_MS_NS: Final = 1_000_000


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
        instrument = listed(self._markets, told.s, USDM.name)
        ticks, lots = counters(instrument)
        whose = about(order, str(told.i), told.T, received_ns)
        match told.x:
            case "NEW":
                return [OrderAccepted(**whose)]
            case "TRADE":
                return [OrderFilled(**whose, fill=fill_of(told, instrument), cumulative_lots=lots(told.z))]
            case "CANCELED":
                return [OrderCanceled(**whose, cumulative_lots=lots(told.z))]
            case "EXPIRED":
                reason = told.X if str(told.er) in NO_REASON else str(told.er)
                return [OrderExpired(**whose, reason=reason, cumulative_lots=lots(told.z))]
            case "AMENDMENT":
                return [OrderAmended(**whose, lots=lots(told.q), ticks=ticks(told.p) or None)]
            case "REJECTED":
                return [OrderRejected(**whose, reason=str(told.er) or told.X)]
            case _:
                return []

    def _trade(self, told: _TradeLite, received_ns: int) -> Sequence[OrderEvent]:
        order = IDS.decode(told.c)
        if order is None:
            return []
        instrument = listed(self._markets, told.s, USDM.name)
        whose = about(order, str(told.i), told.T, received_ns)
        return [OrderFilled(**whose, fill=fill_of(told, instrument))]

    def _algo(self, told: _AlgoUpdate, received_ns: int) -> Sequence[OrderEvent]:
        row = told.o
        order = IDS.decode(row.caid)
        if order is None:
            return []
        instrument = listed(self._markets, row.s, USDM.name)
        _, lots = counters(instrument)
        waiting = f"{ALGO}{row.aid}"
        whose = about(order, waiting, told.T, received_ns)
        match row.X:
            case "NEW" | "TRIGGERING":
                return [OrderAccepted(**whose)]
            case "TRIGGERED" if row.ai:
                # It goes on as an order, with a number of the other series and our name.
                lived_on = about(order, str(row.ai), told.T, received_ns)
                return [OrderAmended(**lived_on, lots=lots(row.q), replaces=waiting)]
            case "CANCELED":
                return [OrderCanceled(**whose, reason=row.rm)]
            case "EXPIRED":
                return [OrderExpired(**whose, reason=row.rm or row.X)]
            case "REJECTED":
                # It was accepted once, and never became an order: its end is not that of a refused order.
                return [OrderExpired(**whose, reason=row.rm or row.X)]
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
