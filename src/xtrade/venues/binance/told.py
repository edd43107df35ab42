"""What both user streams have in common: whose order, when, and which trade."""

from __future__ import annotations

from typing import Final, Protocol, TypedDict

from xtrade.model.errors import DataError
from xtrade.model.fills import Fill
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument
from xtrade.model.money import Money
from xtrade.model.sides import Side
from xtrade.venues.levels import counters
from xtrade.venues.markets import Markets

__all__ = ["NO_REASON", "About", "about", "fill_of", "listed"]

_MS_NS: Final = 1_000_000
_SIDES: Final = {"BUY": Side.BUY, "SELL": Side.SELL}
NO_REASON: Final = frozenset({"", "NONE"})


class About(TypedDict):
    """What every event of an order says."""

    client_order_id: ClientOrderId
    venue_order_id: str
    venue_ns: int | None
    received_ns: int


class Traded(Protocol):
    """The words that every message about a trade has: side, price, quantity, number, time, fee and in what."""

    S: str
    L: str
    l: str  # noqa: E741  (the venue's names)
    t: int
    T: int
    m: bool

    @property
    def n(self) -> str | None:
        """The fee."""
        ...

    @property
    def N(self) -> str | None:  # noqa: N802
        """What it is in."""
        ...


def about(order: ClientOrderId, venue_order_id: str, at_ms: int, received_ns: int) -> About:
    """Say which order, and when."""
    return {
        "client_order_id": order,
        "venue_order_id": venue_order_id,
        "venue_ns": at_ms * _MS_NS,
        "received_ns": received_ns,
    }


def fill_of(told: Traded, instrument: Instrument) -> Fill:
    """Read a trade of ours."""
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


def listed(markets: Markets, symbol: str, section: str) -> Instrument:
    """Return the market of an order of ours."""
    instrument = markets.native(symbol, section)
    if instrument is None:
        raise DataError(f"an order of ours is on {symbol}, which the listing does not have")
    return instrument
