"""What is asked of a market in public, and the rows in which it is told, over HTTP and on streams alike.

Whatever is asked in pages comes newest first: a page is turned round, and the next one ends where it began.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

import msgspec
from msgspec import Struct
from typing_extensions import override

from xtrade.model.durations import duration_ns, duration_text
from xtrade.model.errors import DataError, UsageError
from xtrade.model.events import Bar, Funding, MarkPrice, Trade
from xtrade.model.instruments import Instrument
from xtrade.model.numbers import number
from xtrade.model.sides import Side
from xtrade.net.http import Request
from xtrade.venues.asks import Answer, Ask, Page
from xtrade.venues.base import SettledFunding
from xtrade.venues.codec import Codec
from xtrade.venues.levels import counters, levels
from xtrade.venues.markets import Listed, Markets
from xtrade.venues.okx.auth import OkxKey
from xtrade.venues.okx.listing import read_listing
from xtrade.venues.okx.spec import cost
from xtrade.venues.okx.wire import BROKEN, MS_NS, Requests, amount, ns, rows
from xtrade.venues.spec import Addresses
from xtrade.venues.streams import BookPart

__all__ = [
    "MINUTE_NS",
    "BarRow",
    "BookRow",
    "FundingRow",
    "MarkRow",
    "MarketAsks",
    "TradeRow",
    "bar_of",
    "book_of",
    "funding_of",
    "mark_of",
    "trade_of",
]

T = TypeVar("T")
R = TypeVar("R")

LEVELS_MAX: Final = 400
TRADES_MAX: Final = 500
MINUTE_NS: Final = duration_ns("1m")
# Longer bars begin at midnight in Hong Kong unless UTC is asked for.
_BARS: Final[Mapping[int, str]] = {
    duration_ns(name.removesuffix("utc").lower()): name
    for name in (
        *("1s", "1m", "3m", "5m", "15m", "30m", "1H", "2H", "4H"),
        *("6Hutc", "12Hutc", "1Dutc", "2Dutc", "3Dutc", "1Wutc"),
    )
}
# Bars before these are asked for elsewhere: the first address knows the last 1440.
_RECENT_BARS: Final = 1_400


# -- rows ---------------------------------------------------------------------------------------------------------


class BookRow(Struct, rename="camel"):
    """A book or its changes; behind price and quantity stand a nought and the number of orders."""

    asks: list[list[str]]
    bids: list[list[str]]
    ts: str
    seq_id: int = 0
    prev_seq_id: int | None = None


class TradeRow(Struct, rename="camel"):
    """A public trade; `side` is the taker's."""

    inst_id: str
    trade_id: str
    px: str
    sz: str
    side: Side
    ts: str


class MarkRow(Struct, rename="camel"):
    """A mark price."""

    inst_id: str
    mark_px: str
    ts: str


class FundingRow(Struct, rename="camel"):
    """The running funding period; what the next one's rate may be is not told any more."""

    inst_id: str
    funding_rate: str
    funding_time: str
    next_funding_time: str = ""
    ts: str = ""


class BarRow(Struct, array_like=True):
    """A bar: quantity in coins on spot and in contracts on swaps, then in two currencies."""

    ts: str
    open: str
    high: str
    low: str
    close: str
    volume: str
    _in_base: str = ""
    _in_quote: str = ""
    confirm: str = "1"


class _SettledRow(Struct, rename="camel"):
    realized_rate: str
    funding_time: str


class _ClockRow(Struct):
    ts: str


_BOOKS: Final = msgspec.json.Decoder(list[BookRow])
_TRADES: Final = msgspec.json.Decoder(list[TradeRow])
_MARKS: Final = msgspec.json.Decoder(list[MarkRow])
_FUNDING: Final = msgspec.json.Decoder(list[FundingRow])
_SETTLED: Final = msgspec.json.Decoder(list[_SettledRow])
_BAR_ROWS: Final = msgspec.json.Decoder(list[BarRow])
_CLOCK: Final = msgspec.json.Decoder(list[_ClockRow])


def book_of(row: BookRow, instrument: Instrument, received_ns: int, *, whole: bool) -> BookPart:
    """Read a book or its changes."""
    return BookPart(
        instrument=instrument.key,
        bids=levels(row.bids, instrument),
        asks=levels(row.asks, instrument),
        whole=whole,
        last=row.seq_id,
        previous=row.prev_seq_id,
        venue_ns=ns(row.ts),
        received_ns=received_ns,
    )


def trade_of(row: TradeRow, instrument: Instrument, received_ns: int) -> Trade:
    """Read a trade."""
    ticks, lots = counters(instrument)
    return Trade(
        instrument=instrument.key,
        trade_id=row.trade_id,
        ticks=ticks(row.px),
        lots=lots(row.sz),
        taker=row.side,
        venue_ns=ns(row.ts),
        received_ns=received_ns,
    )


def mark_of(row: MarkRow, instrument: Instrument, received_ns: int) -> MarkPrice:
    """Read a mark price."""
    return MarkPrice(
        instrument=instrument.key, mark=number(row.mark_px), venue_ns=ns(row.ts), received_ns=received_ns
    )


def funding_of(row: FundingRow, instrument: Instrument, received_ns: int) -> Funding:
    """Read the running funding period; its length is that of the next one."""
    ends_ns, next_ns = ns(row.funding_time), ns(row.next_funding_time)
    return Funding(
        instrument=instrument.key,
        rate=number(row.funding_rate),
        next_ns=ends_ns,
        interval_ns=next_ns - ends_ns if ends_ns and next_ns and next_ns > ends_ns else None,
        venue_ns=ns(row.ts),
        received_ns=received_ns,
    )


def bar_of(row: BarRow, instrument: Instrument, interval_ns: int, received_ns: int) -> Bar:
    """Read a bar; `confirm` says whether it has ended."""
    ticks, _ = counters(instrument)
    start_ns = ns(row.ts)
    if start_ns is None:
        raise DataError("a bar without a time")
    return Bar(
        instrument=instrument.key,
        start_ns=start_ns,
        interval_ns=interval_ns,
        open_ticks=ticks(row.open),
        high_ticks=ticks(row.high),
        low_ticks=ticks(row.low),
        close_ticks=ticks(row.close),
        # A sum over trades of a time in which the lot may have been another one.
        volume_lots=instrument.lots(row.volume, toward="nearest"),
        closed=row.confirm == "1",
        received_ns=received_ns,
    )


# -- asks ---------------------------------------------------------------------------------------------------------


class MarketAsks(Codec[OkxKey]):
    """The part of the codec that asks about markets; nothing of it is signed."""

    @override
    def __init__(
        self, addresses: Addresses, markets: Markets, auth: OkxKey | None = None, account: str = ""
    ) -> None:
        super().__init__(addresses, markets, auth, account)
        self.requests = Requests(addresses, auth)
        self.fee_groups: dict[str, str] = {}
        """By which of the account's rates each market is charged, by its native name; the listing says it."""

    @override
    def listings(self) -> Sequence[Ask[Sequence[Listed]]]:
        return [
            Ask(
                "instruments",
                self.requests.get("/api/v5/public/instruments", {"instType": section}),
                lambda answer: read_listing(answer, self.fee_groups),
                cost("instruments", key=section),
            )
            for section in ("SPOT", "SWAP")
        ]

    @override
    def clock(self) -> Ask[int]:
        def read(answer: Answer) -> int:
            told = ns(_one(answer, "time", _CLOCK).ts)
            if told is None:
                raise DataError("okx: time: the answer holds no time")
            return told

        return Ask("time", self.requests.get("/api/v5/public/time"), read, cost("time"))

    @override
    def book(self, key: str, depth: int) -> Ask[BookPart]:
        query = {"sz": str(max(1, min(depth, LEVELS_MAX)))}

        def read(answer: Answer, instrument: Instrument) -> BookPart:
            return book_of(_one(answer, "book", _BOOKS), instrument, answer.received_ns, whole=True)

        return self._ask_market("book", key, "/api/v5/market/books", query, read, "books")

    @override
    def trades(self, key: str, count: int) -> Ask[Sequence[Trade]]:
        query = {"limit": str(max(1, min(count, TRADES_MAX)))}

        def read(answer: Answer, instrument: Instrument) -> Sequence[Trade]:
            found = rows(answer, "trades", _TRADES)
            return [trade_of(row, instrument, answer.received_ns) for row in reversed(found)]

        return self._ask_market("trades", key, "/api/v5/market/trades", query, read, "trades")

    @override
    def bars(self, key: str, interval_ns: int, start_ns: int, end_ns: int) -> Ask[Page[Bar]]:
        bar = _BARS.get(interval_ns)
        if bar is None:
            known = ", ".join(duration_text(each) for each in _BARS)
            raise UsageError(f"okx has no bars of {duration_text(interval_ns)}: expected one of {known}")
        query = {"bar": bar, "limit": "300", "after": _before(end_ns)}
        recent = self._get(key, "/api/v5/market/candles", query)
        older = self._get(key, "/api/v5/market/history-candles", query)

        def build(now_ns: int) -> Request:
            return (recent if end_ns > now_ns - _RECENT_BARS * interval_ns else older)(now_ns)

        def read(answer: Answer, instrument: Instrument) -> Page[Bar]:
            found = [
                bar_of(row, instrument, interval_ns, answer.received_ns)
                for row in reversed(rows(answer, "bars", _BAR_ROWS))
            ]
            wanted = tuple(bar for bar in found if start_ns <= bar.start_ns < end_ns)
            first_ns = found[0].start_ns if found else start_ns
            # An older end is what makes sure that the pages come to one.
            goes_on = start_ns < first_ns < end_ns
            return Page(wanted, self.bars(key, interval_ns, start_ns, first_ns) if goes_on else None)

        return Ask("bars", build, self._reading("bars", key, read), cost("candles"))

    @override
    def mark(self, key: str) -> Ask[MarkPrice]:
        def read(answer: Answer, instrument: Instrument) -> MarkPrice:
            return mark_of(_one(answer, "mark price", _MARKS), instrument, answer.received_ns)

        query = {"instType": "SWAP"}
        return self._ask_market("mark price", key, "/api/v5/public/mark-price", query, read, "mark-price")

    @override
    def funding(self, key: str) -> Ask[Funding]:
        def read(answer: Answer, instrument: Instrument) -> Funding:
            return funding_of(_one(answer, "funding", _FUNDING), instrument, answer.received_ns)

        return self._ask_market("funding", key, "/api/v5/public/funding-rate", {}, read, "funding-rate")

    @override
    def funding_history(self, key: str, start_ns: int, end_ns: int) -> Ask[Page[SettledFunding]]:
        what = "funding history"

        def read(answer: Answer, _: Instrument) -> Page[SettledFunding]:
            found = [_settled(row, key) for row in reversed(rows(answer, what, _SETTLED))]
            wanted = tuple(rate for rate in found if start_ns <= rate.at_ns < end_ns)
            first_ns = found[0].at_ns if found else start_ns
            goes_on = start_ns < first_ns < end_ns
            return Page(wanted, self.funding_history(key, start_ns, first_ns) if goes_on else None)

        path = "/api/v5/public/funding-rate-history"
        query = {"limit": "100", "after": _before(end_ns)}
        return self._ask_market(what, key, path, query, read, "funding-rate-history")

    # -- how ------------------------------------------------------------------------------------------------------

    def _ask_market(
        self,
        what: str,
        key: str,
        path: str,
        query: Mapping[str, str],
        read: Callable[[Answer, Instrument], T],
        pool: str,
    ) -> Ask[T]:
        return Ask(what, self._get(key, path, query), self._reading(what, key, read), cost(pool))

    def _get(self, key: str, path: str, query: Mapping[str, str]) -> Callable[[int], Request]:
        return self.requests.get(path, {"instId": self.markets.of(key).instrument.native, **query})

    def _reading(self, what: str, key: str, read: Callable[[Answer, Instrument], T]) -> Callable[[Answer], T]:
        """Read with the instrument as it is when the answer comes; what makes no sense is a DataError."""

        def reading(answer: Answer) -> T:
            instrument = self.markets.of(key).instrument
            try:
                return read(answer, instrument)
            except BROKEN as broken:
                if isinstance(broken, DataError):
                    raise
                raise DataError(f"okx: {what} of {key}: {broken}") from None

        return reading


def _one(answer: Answer, what: str, decoder: msgspec.json.Decoder[list[R]]) -> R:
    found = rows(answer, what, decoder)
    if not found:
        raise DataError(f"okx: {what}: the answer is empty")
    return found[0]


def _settled(row: _SettledRow, key: str) -> SettledFunding:
    at_ns = ns(row.funding_time)
    rate = amount(row.realized_rate)
    if at_ns is None or rate is None:
        raise DataError(f"okx: funding history of {key}: a settlement without a time or a rate")
    return SettledFunding(instrument=key, at_ns=at_ns, rate=rate)


def _before(end_ns: int) -> str:
    """Write a time such that what the venue takes for earlier is earlier."""
    return str(-(-end_ns // MS_NS))
