"""Questions about markets: what there is, books, trades, bars, marks and funding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from msgspec import Struct

from xtrade.model.errors import DataError, SymbolError, UsageError
from xtrade.model.events import Bar, Funding, MarkPrice, Trade
from xtrade.model.instruments import Instrument, Kind, TradingStatus
from xtrade.model.levels import Levels
from xtrade.model.numbers import number
from xtrade.symbols.symbol import Symbol
from xtrade.venues.asks import Answer, Ask, Page
from xtrade.venues.base import SettledFunding
from xtrade.venues.levels import counters
from xtrade.venues.lighter import messages as wire
from xtrade.venues.lighter.asking import Reader, question
from xtrade.venues.lighter.memory import Memory
from xtrade.venues.lighter.messages import time_ns
from xtrade.venues.lighter.orders import BASE_MAX
from xtrade.venues.lighter.rows import (
    HOUR_NS,
    by_trade_id,
    next_hour_ns,
    percent,
    public_trade,
)
from xtrade.venues.lighter.wire import VENUE, Requests
from xtrade.venues.markets import Listed, Markets
from xtrade.venues.streams import BookPart

__all__ = ["RESOLUTIONS", "MarketQuestions"]

_MS_NS: Final = 1_000_000
_SECOND_NS: Final = 1_000_000_000
_MINUTE_NS: Final = 60 * _SECOND_NS

RESOLUTIONS: Final[Mapping[int, str]] = {
    _MINUTE_NS: "1m",
    5 * _MINUTE_NS: "5m",
    15 * _MINUTE_NS: "15m",
    30 * _MINUTE_NS: "30m",
    HOUR_NS: "1h",
    4 * HOUR_NS: "4h",
    12 * HOUR_NS: "12h",
    24 * HOUR_NS: "1d",
    7 * 24 * HOUR_NS: "1w",
}
"""The venue's words for how long a candle is."""

_SPOT: Final = "spot"
_CONTRACT: Final = "perp"
_COLLATERAL: Final = "USDC"
_ROWS_MAX: Final = 100
_CANDLES_MAX: Final = 500
_BOOK_ORDERS_MAX: Final = 250
# The running rate is told for eight hours, and charged every hour.
_HOURS_OF_RATE: Final = 8


class _Details(Struct):
    order_book_details: list[wire.Market] | None = None
    spot_order_book_details: list[wire.Market] | None = None


class _BookOrders(Struct):
    asks: list[wire.BookOrder] | None = None
    bids: list[wire.BookOrder] | None = None


class _Trades(Struct):
    trades: list[wire.Trade] | None = None
    next_cursor: str | None = None


class _Candles(Struct):
    c: list[wire.Candle] | None = None


class _Rates(Struct):
    funding_rates: list[wire.Rate] | None = None


class _Fundings(Struct):
    fundings: list[wire.Settled] | None = None


class _Clock(Struct):
    timestamp: int


_details: Final = Reader(_Details)
_book_orders: Final = Reader(_BookOrders)
_trades: Final = Reader(_Trades)
_candles: Final = Reader(_Candles)
_rates: Final = Reader(_Rates)
_fundings: Final = Reader(_Fundings)
_clock: Final = Reader(_Clock)


class MarketQuestions:
    """What anybody may ask."""

    def __init__(self, requests: Requests, markets: Markets, memory: Memory) -> None:
        self._requests = requests
        self._markets = markets
        self._memory = memory

    def listings(self) -> Ask[Sequence[Listed]]:
        """Ask for all markets."""

        def answered(answer: Answer) -> Sequence[Listed]:
            told = _details(answer, "markets")
            rows = [*(told.order_book_details or ()), *(told.spot_order_book_details or ())]
            listed = []
            for row in rows:
                instrument = _instrument(row)
                if instrument is not None:
                    listed.append(Listed(instrument))
                    self._note_price(row, instrument)
            return listed

        return question("markets", self._requests.get("orderBookDetails", filter="all"), answered)

    def clock(self) -> Ask[int]:
        """Ask for the time, which is told in whole seconds: the middle of that second is meant."""
        return question(
            "time",
            self._requests.get(""),
            lambda answer: _clock(answer, "time").timestamp * _SECOND_NS + _SECOND_NS // 2,
        )

    def book(self, key: str) -> Ask[BookPart]:
        """Ask for a book, which is told order by order."""
        instrument = self._markets.of(key).instrument

        def answered(answer: Answer) -> BookPart:
            told = _book_orders(answer, "book")
            return BookPart(
                instrument=key,
                bids=_summed(told.bids or (), instrument),
                asks=_summed(told.asks or (), instrument),
                whole=True,
                last=0,
                received_ns=answer.received_ns,
            )

        build = self._requests.get("orderBookOrders", market_id=instrument.native, limit=_BOOK_ORDERS_MAX)
        return question("book", build, answered)

    def trades(self, key: str, count: int) -> Ask[Sequence[Trade]]:
        """Ask for the last trades."""
        instrument = self._markets.of(key).instrument

        def answered(answer: Answer) -> Sequence[Trade]:
            rows = _trades(answer, "trades").trades or ()
            return [
                public_trade(row, instrument, answer.received_ns) for row in sorted(rows, key=by_trade_id)
            ]

        limit = max(1, min(count, _ROWS_MAX))
        build = self._requests.get("recentTrades", market_id=instrument.native, limit=limit)
        return question("trades", build, answered)

    def bars(self, key: str, interval_ns: int, start_ns: int, end_ns: int) -> Ask[Page[Bar]]:
        """Ask for bars, as many at once as the venue gives."""
        resolution = RESOLUTIONS.get(interval_ns)
        if resolution is None:
            known = ", ".join(RESOLUTIONS.values())
            raise UsageError(f"lighter has no bars of {interval_ns / _MINUTE_NS:g} minutes, but of {known}")
        instrument = self._markets.of(key).instrument
        stop_ns = min(end_ns, start_ns + _CANDLES_MAX * interval_ns)

        def answered(answer: Answer) -> Page[Bar]:
            rows = _candles(answer, "bars").c or ()
            bars = [_bar(row, instrument, interval_ns, answer.received_ns) for row in rows]
            kept = sorted((bar for bar in bars if start_ns <= bar.start_ns < stop_ns), key=_start)
            more = self.bars(key, interval_ns, stop_ns, end_ns) if stop_ns < end_ns else None
            return Page(tuple(kept), more)

        build = self._requests.get(
            "candles",
            market_id=instrument.native,
            resolution=resolution,
            start_timestamp=start_ns // _MS_NS,
            end_timestamp=stop_ns // _MS_NS,
            count_back=_CANDLES_MAX,
        )
        return question("bars", build, answered)

    def mark(self, key: str) -> Ask[MarkPrice] | None:
        """Ask for the mark price; a pair has none."""
        instrument = self._markets.of(key).instrument
        if instrument.kind is Kind.SPOT:
            return None

        def answered(answer: Answer) -> MarkPrice:
            told = _details(answer, "mark price")
            row = next((row for row in told.order_book_details or () if row.mark_price), None)
            if row is None:
                raise DataError(f"lighter: mark price: the answer has none of {key}")
            self._note_price(row, instrument)
            return MarkPrice(
                instrument=key,
                mark=number(row.mark_price),
                index=number(row.index_price) if row.index_price else None,
                received_ns=answer.received_ns,
            )

        build = self._requests.get("orderBookDetails", market_id=instrument.native)
        return question("mark price", build, answered)

    def funding(self, key: str) -> Ask[Funding] | None:
        """Ask for the running rate; a pair has none."""
        instrument = self._markets.of(key).instrument
        if instrument.kind is Kind.SPOT:
            return None

        def answered(answer: Answer) -> Funding:
            rows = _rates(answer, "funding rate").funding_rates or ()
            for row in rows:
                if row.exchange == VENUE and str(row.market_id) == instrument.native:
                    return Funding(
                        instrument=key,
                        rate=row.rate / _HOURS_OF_RATE,
                        next_ns=next_hour_ns(answer.received_ns),
                        interval_ns=HOUR_NS,
                        received_ns=answer.received_ns,
                    )
            raise DataError(f"lighter: funding rate: the answer has none of {key}")

        return question("funding rate", self._requests.get("funding-rates"), answered)

    def funding_history(self, key: str, start_ns: int, end_ns: int) -> Ask[Page[SettledFunding]] | None:
        """Ask for the rates that were charged."""
        instrument = self._markets.of(key).instrument
        if instrument.kind is Kind.SPOT:
            return None
        stop_ns = min(end_ns, start_ns + _ROWS_MAX * HOUR_NS)

        def answered(answer: Answer) -> Page[SettledFunding]:
            rows = _fundings(answer, "funding history").fundings or ()
            settled = [_settled(row, key) for row in rows]
            kept = sorted((each for each in settled if start_ns <= each.at_ns < stop_ns), key=_settled_at)
            more = self.funding_history(key, stop_ns, end_ns) if stop_ns < end_ns else None
            return Page(tuple(kept), more)

        build = self._requests.get(
            "fundings",
            market_id=instrument.native,
            resolution="1h",
            start_timestamp=start_ns // _MS_NS,
            end_timestamp=stop_ns // _MS_NS,
            count_back=_ROWS_MAX,
        )
        return question("funding history", build, answered)

    def _note_price(self, row: wire.Market, instrument: Instrument) -> None:
        price = row.mark_price or row.last_trade_price
        if price:
            self._memory.ticks[instrument.key] = instrument.ticks(price, toward="nearest")


def _instrument(row: wire.Market) -> Instrument | None:
    """Return a market as an instrument; None for one that has no name here (options, requests for quotes)."""
    try:
        if row.market_type == _SPOT:
            base, _, quote = row.symbol.partition("/")
            symbol = Symbol(base, quote)
        elif row.market_type == _CONTRACT:
            symbol = Symbol(row.symbol, _COLLATERAL, _COLLATERAL)
        else:
            return None
    except SymbolError:
        return None
    lot = Decimal(1).scaleb(-row.size_decimals)
    return Instrument(
        venue=VENUE,
        symbol=str(symbol),
        native=str(row.market_id),
        kind=symbol.kind,
        base=symbol.base,
        quote=symbol.quote,
        settle=symbol.settle or symbol.quote,
        tick=Decimal(1).scaleb(-row.price_decimals),
        lot=lot,
        min_lots=max(1, int(number(row.min_base_amount) / lot)),
        max_lots=BASE_MAX,
        max_market_lots=BASE_MAX,
        min_notional=number(row.min_quote_amount),
        maker_fee=percent(row.maker_fee),
        taker_fee=percent(row.taker_fee),
        status=TradingStatus.TRADING if row.status == "active" else TradingStatus.HALTED,
    )


def _summed(rows: Sequence[wire.BookOrder], instrument: Instrument) -> Levels:
    """Sum orders, best first, to levels. Where not all orders are told, the last level may not be whole: it is not."""
    ticks, lots = counters(instrument)
    summed: dict[int, int] = {}
    for row in rows:
        price = ticks(row.price)
        summed[price] = summed.get(price, 0) + lots(row.remaining_base_amount)
    pairs = list(summed.items())
    return Levels.of(pairs[:-1] if len(rows) >= _BOOK_ORDERS_MAX else pairs)


def _bar(row: wire.Candle, instrument: Instrument, interval_ns: int, received_ns: int) -> Bar:
    """Return a candle; its numbers are floats, whose last digits are noise."""
    start_ns = row.t * _MS_NS
    return Bar(
        instrument=instrument.key,
        start_ns=start_ns,
        interval_ns=interval_ns,
        open_ticks=_near(row.o, instrument),
        high_ticks=_near(row.h, instrument),
        low_ticks=_near(row.l, instrument),
        close_ticks=_near(row.c, instrument),
        volume_lots=instrument.lots(row.v, toward="nearest"),
        closed=start_ns + interval_ns <= received_ns,
        received_ns=received_ns,
    )


def _near(price: Decimal, instrument: Instrument) -> int:
    return instrument.ticks(price, toward="nearest")


def _settled(row: wire.Settled, key: str) -> SettledFunding:
    rate = percent(row.rate)
    return SettledFunding(
        instrument=key,
        at_ns=time_ns(row.timestamp) or 0,
        rate=-rate if row.direction == "short" else rate,
        interval_ns=HOUR_NS,
    )


def _start(bar: Bar) -> int:
    return bar.start_ns


def _settled_at(settled: SettledFunding) -> int:
    return settled.at_ns
