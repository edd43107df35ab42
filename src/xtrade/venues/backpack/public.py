"""Backpack's markets: what is listed, books, trades, bars, marks and funding."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, TypeVar

from msgspec import Struct
from typing_extensions import override

from xtrade.model.errors import UsageError
from xtrade.model.events import Bar, Funding, MarkPrice, Trade
from xtrade.model.instruments import Instrument, Kind, TradingStatus
from xtrade.model.numbers import COUNT_MAX, number, steps
from xtrade.model.sides import Side
from xtrade.venues.asks import Ask, Page
from xtrade.venues.backpack.asking import Asking
from xtrade.venues.backpack.spec import DEPTHS, INTERVALS, PAGE
from xtrade.venues.base import SettledFunding
from xtrade.venues.levels import counters, levels
from xtrade.venues.markets import Listed
from xtrade.venues.streams import BookPart

__all__ = ["MarketQuestions", "Number", "instant_ns"]

T = TypeVar("T")

Number = str | int
"""Numbers come as text in one place and bare in the next."""

_US_NS: Final = 1_000
_MS_NS: Final = 1_000_000
_SECOND_NS: Final = 10**9
_KINDS: Final[Mapping[str, Kind]] = {"SPOT": Kind.SPOT, "PERP": Kind.LINEAR}
_STATES: Final[Mapping[str, TradingStatus]] = {
    "Open": TradingStatus.TRADING,
    "LimitOnly": TradingStatus.TRADING,
    "PostOnly": TradingStatus.POST_ONLY,
    "CancelOnly": TradingStatus.CANCEL_ONLY,
    "Closed": TradingStatus.CLOSED,
}


class _Price(Struct, rename="camel"):
    tick_size: str


class _Quantity(Struct, rename="camel"):
    step_size: str
    min_quantity: str
    max_quantity: str | None = None


class _Filters(Struct):
    price: _Price
    quantity: _Quantity


class _Market(Struct, rename="camel"):
    symbol: str
    base_symbol: str
    quote_symbol: str
    market_type: str
    filters: _Filters
    order_book_state: str = "Closed"
    visible: bool = True
    funding_interval: Number | None = None


class _Depth(Struct, rename="camel"):
    asks: list[list[str]]
    bids: list[list[str]]
    last_update_id: Number
    timestamp: Number = 0


class _Trade(Struct, rename="camel"):
    id: Number
    price: str
    quantity: str
    timestamp: int
    is_buyer_maker: bool


class _Bar(Struct):
    start: str
    open: str | None = None
    high: str | None = None
    low: str | None = None
    close: str | None = None
    volume: str | None = None


class _Mark(Struct, rename="camel"):
    symbol: str
    mark_price: str
    index_price: str | None = None
    funding_rate: str | None = None
    next_funding_timestamp: int | None = None


class _Settled(Struct, rename="camel"):
    funding_rate: str
    interval_end_timestamp: str


class MarketQuestions(Asking):
    """The questions that need no key."""

    @override
    def clock(self) -> Ask[int]:
        return self._ask("time", "GET", "/api/v1/time", lambda told, _: told * _MS_NS, int)

    @override
    def listings(self) -> Sequence[Ask[Sequence[Listed]]]:
        return [
            self._ask(
                "markets",
                "GET",
                "/api/v1/markets",
                lambda told, _: [
                    _listed(market) for market in told if market.market_type in _KINDS and market.visible
                ],
                list[_Market],
            )
        ]

    @override
    def book(self, key: str, depth: int) -> Ask[BookPart]:
        instrument = self.markets.of(key).instrument
        limit = DEPTHS[min(bisect_left(DEPTHS, depth), len(DEPTHS) - 1)]

        def read(told: _Depth, at_ns: int) -> BookPart:
            return BookPart(
                instrument=key,
                bids=levels(reversed(told.bids), instrument),  # the best bid is the last one
                asks=levels(told.asks, instrument),
                whole=True,
                last=int(told.last_update_id),
                venue_ns=int(told.timestamp) * _US_NS or None,
                received_ns=at_ns,
            )

        return self._ask(
            "book", "GET", "/api/v1/depth", read, _Depth, query={"symbol": instrument.native, "limit": limit}
        )

    @override
    def trades(self, key: str, count: int) -> Ask[Sequence[Trade]]:
        instrument = self.markets.of(key).instrument
        ticks, lots = counters(instrument)

        def read(told: list[_Trade], at_ns: int) -> Sequence[Trade]:
            found = [
                Trade(
                    instrument=key,
                    trade_id=str(row.id),
                    ticks=ticks(row.price),
                    lots=lots(row.quantity),
                    taker=Side.SELL if row.is_buyer_maker else Side.BUY,
                    venue_ns=row.timestamp * _MS_NS,
                    received_ns=at_ns,
                )
                for row in told
            ]
            return sorted(found, key=lambda trade: (trade.venue_ns or 0, int(trade.trade_id)))

        query = {"symbol": instrument.native, "limit": max(1, min(count, PAGE))}
        return self._ask("trades", "GET", "/api/v1/trades", read, list[_Trade], query=query)

    @override
    def bars(self, key: str, interval_ns: int, start_ns: int, end_ns: int) -> Ask[Page[Bar]]:
        name = INTERVALS.get(interval_ns)
        if name is None:
            raise UsageError(
                f"backpack has no bars of {interval_ns / 1e9:g} s, but {', '.join(INTERVALS.values())}"
            )
        instrument = self.markets.of(key).instrument
        # The venue does not say how many it gives at once: a thousand are asked for.
        part_ns = min(end_ns, start_ns + PAGE * interval_ns)

        def read(told: list[_Bar], at_ns: int) -> Page[Bar]:
            found = [_bar(instrument, row, interval_ns, at_ns) for row in told if row.open is not None]
            bars = tuple(bar for bar in found if start_ns <= bar.start_ns < part_ns)
            return Page(bars, self.bars(key, interval_ns, part_ns, end_ns) if part_ns < end_ns else None)

        query = {
            "symbol": instrument.native,
            "interval": name,
            "startTime": start_ns // _SECOND_NS,
            "endTime": -(-part_ns // _SECOND_NS),
        }
        return self._ask("bars", "GET", "/api/v1/klines", read, list[_Bar], query=query)

    @override
    def mark(self, key: str) -> Ask[MarkPrice]:
        def read(told: list[_Mark], at_ns: int) -> MarkPrice:
            row = told[0]
            index = None if row.index_price is None else number(row.index_price)
            return MarkPrice(instrument=key, mark=number(row.mark_price), index=index, received_ns=at_ns)

        return self._mark(key, "mark price", read)

    @override
    def funding(self, key: str) -> Ask[Funding]:
        interval_ns = self._interval_ns(key)

        def read(told: list[_Mark], at_ns: int) -> Funding:
            row = told[0]
            next_ms = row.next_funding_timestamp
            return Funding(
                instrument=key,
                rate=number(row.funding_rate or "0"),
                next_ns=None if next_ms is None else next_ms * _MS_NS,
                interval_ns=interval_ns,
                received_ns=at_ns,
            )

        return self._mark(key, "funding rate", read)

    @override
    def funding_history(self, key: str, start_ns: int, end_ns: int) -> Ask[Page[SettledFunding]]:
        return self._settled(key, start_ns, end_ns, 0)

    # -- how ------------------------------------------------------------------------------------------------------

    def _mark(self, key: str, what: str, read: Callable[[list[_Mark], int], T]) -> Ask[T]:
        query = {"symbol": self.markets.of(key).instrument.native}
        return self._ask(what, "GET", "/api/v1/markPrices", read, list[_Mark], query=query)

    def _settled(self, key: str, start_ns: int, end_ns: int, offset: int) -> Ask[Page[SettledFunding]]:
        interval_ns = self._interval_ns(key)

        def read(told: list[_Settled], _at_ns: int) -> Page[SettledFunding]:
            rows = [(instant_ns(row.interval_end_timestamp), number(row.funding_rate)) for row in told]
            found = tuple(
                SettledFunding(instrument=key, at_ns=at_ns, rate=rate, interval_ns=interval_ns)
                for at_ns, rate in rows
                if start_ns <= at_ns < end_ns
            )
            # Newest first: a page that reaches before the start is the last one.
            goes_on = len(rows) == PAGE and rows[-1][0] >= start_ns
            return Page(found, self._settled(key, start_ns, end_ns, offset + PAGE) if goes_on else None)

        query = {"symbol": self.markets.of(key).instrument.native, "limit": PAGE, "offset": offset}
        return self._ask("funding history", "GET", "/api/v1/fundingRates", read, list[_Settled], query=query)

    def _interval_ns(self, key: str) -> int | None:
        """How long a funding period is, as the listing says."""
        code = self.markets.of(key).code
        return int(code) * _MS_NS if code else None


def instant_ns(text: str) -> int:
    """Read a time without a zone, which is UTC, with or without fractions of a second."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * _SECOND_NS + moment.microsecond * _US_NS


def _listed(market: _Market) -> Listed:
    kind = _KINDS[market.market_type]
    base, quote = market.base_symbol, market.quote_symbol
    symbol = f"{base}/{quote}" if kind is Kind.SPOT else f"{base}/{quote}:{quote}"
    lot = Decimal(market.filters.quantity.step_size)
    instrument = Instrument(
        venue="backpack",
        symbol=symbol,
        native=market.symbol,
        kind=kind,
        base=base,
        quote=quote,
        settle=quote,
        tick=Decimal(market.filters.price.tick_size),
        lot=lot,
        min_lots=max(1, steps(Decimal(market.filters.quantity.min_quantity), lot, toward="up")),
        max_lots=_most(market.filters.quantity.max_quantity, lot),
        max_market_lots=_most(market.filters.quantity.max_quantity, lot),
        status=_STATES.get(market.order_book_state, TradingStatus.HALTED),
    )
    return Listed(instrument, code="" if market.funding_interval is None else str(market.funding_interval))


def _most(quantity: str | None, lot: Decimal) -> int:
    return COUNT_MAX if quantity is None else max(1, steps(Decimal(quantity), lot, toward="down"))


def _bar(instrument: Instrument, row: _Bar, interval_ns: int, at_ns: int) -> Bar:
    ticks, lots = counters(instrument)
    return Bar(
        instrument=instrument.key,
        start_ns=instant_ns(row.start),
        interval_ns=interval_ns,
        open_ticks=ticks(row.open or ""),
        high_ticks=ticks(row.high or ""),
        low_ticks=ticks(row.low or ""),
        close_ticks=ticks(row.close or ""),
        volume_lots=lots(row.volume or "0"),
        received_ns=at_ns,
    )
