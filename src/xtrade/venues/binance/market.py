"""What Binance can be asked of its markets: book, trades, bars, marks, funding."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, TypeVar

from msgspec import Struct

from xtrade.model.errors import UsageError
from xtrade.model.events import Bar, Funding, MarkPrice, Trade
from xtrade.model.instruments import Instrument
from xtrade.model.numbers import number, steps
from xtrade.model.sides import Side
from xtrade.net.limits import Cost
from xtrade.venues.asks import Answer, Ask, Page
from xtrade.venues.base import SettledFunding
from xtrade.venues.binance.listing import SpotListing, UsdmListing, read_spot, read_usdm
from xtrade.venues.binance.requests import Requests
from xtrade.venues.binance.sections import SPOT, USDM, section_of
from xtrade.venues.levels import counters, levels
from xtrade.venues.markets import Listed, Markets
from xtrade.venues.streams import BookPart

__all__ = ["INTERVALS", "MarketQuestions", "funding_interval_ns"]

T = TypeVar("T")

_MS_NS: Final = 1_000_000
_HOUR_NS: Final = 3_600 * 10**9
_FUNDING_HOURS: Final = 8
_PAGE: Final = 1_000

INTERVALS: Final[Mapping[int, str]] = {
    count * unit * 1_000_000_000: f"{count}{letter}"
    for unit, letter, counts in (
        (1, "s", (1,)),
        (60, "m", (1, 3, 5, 15, 30)),
        (3_600, "h", (1, 2, 4, 6, 8, 12)),
        (86_400, "d", (1, 3)),
        (7 * 86_400, "w", (1,)),
    )
    for count in counts
}
"""Lengths of bars; one second is for spot alone."""

_Kline = tuple[int, str, str, str, str, str, int, str, int, str, str, str]


class _Time(Struct, rename="camel"):
    server_time: int


class _Depth(Struct, rename="camel"):
    last_update_id: int
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]
    T: int | None = None


class _Trade(Struct, rename="camel"):
    id: int
    price: str
    qty: str
    time: int
    is_buyer_maker: bool


class _Aggregate(Struct):
    a: int
    p: str
    q: str
    T: int
    m: bool


class _Premium(Struct, rename="camel"):
    mark_price: str
    index_price: str
    last_funding_rate: str
    next_funding_time: int
    time: int


class _Interval(Struct, rename="camel"):
    symbol: str
    funding_interval_hours: int | None = None


class _Settled(Struct, rename="camel"):
    funding_rate: str
    funding_time: int


class MarketQuestions:
    """Questions that anybody may ask."""

    def __init__(self, requests: Requests, markets: Markets) -> None:
        self._requests = requests
        self._markets = markets

    def listings(self) -> Sequence[Ask[Sequence[Listed]]]:
        """All markets of both halves."""
        return (
            self._requests.question(
                "list spot markets",
                SPOT,
                "/exchangeInfo",
                # The sets of permissions are most of the bytes, and nothing is read of them.
                {"showPermissionSets": "false"},
                SpotListing,
                lambda listing, _: read_spot(listing),
                weight=SPOT.weights["exchangeInfo"],
            ),
            self._requests.question(
                "list USD-M markets",
                USDM,
                "/exchangeInfo",
                {},
                UsdmListing,
                lambda listing, _: read_usdm(listing),
                weight=USDM.weights["exchangeInfo"],
            ),
            self._requests.question(
                "list funding intervals",
                USDM,
                "/fundingInfo",
                {},
                list[_Interval],
                lambda rows, _: self._with_intervals(rows),
                weight=1,
                costs=(Cost("usdm funding history"),),
            ),
        )

    def _with_intervals(self, rows: list[_Interval]) -> Sequence[Listed]:
        """Put to each perpetual how often it pays: the venue names only those that do not pay every eight hours."""
        hours = {row.symbol: row.funding_interval_hours for row in rows}
        return [
            listed._replace(code=str(hours.get(listed.instrument.native) or _FUNDING_HOURS))
            for listed in self._markets.in_section(USDM.name)
            if listed.instrument.expiry_ns is None
        ]

    def clock(self) -> Ask[int]:
        """The time of the spot half; both halves keep one."""
        return self._requests.question(
            "ask the time",
            SPOT,
            "/time",
            {},
            _Time,
            lambda told, _: told.server_time * _MS_NS,
            weight=SPOT.weights["time"],
        )

    def book(self, key: str, depth: int) -> Ask[BookPart]:
        """A snapshot: of the least depth on offer that is deep enough."""
        instrument = self._markets.of(key).instrument
        section = section_of(instrument)
        limit = next((limit for limit in section.depths if limit >= depth), max(section.depths))

        def read(told: _Depth, answer: Answer) -> BookPart:
            return BookPart(
                instrument=key,
                bids=levels(told.bids, instrument),
                asks=levels(told.asks, instrument),
                whole=True,
                last=told.last_update_id,
                venue_ns=None if told.T is None else told.T * _MS_NS,
                received_ns=answer.received_ns,
            )

        return self._requests.question(
            f"book of {instrument.native}",
            section,
            "/depth",
            {"symbol": instrument.native, "limit": str(limit)},
            _Depth,
            read,
            weight=section.depths[limit],
        )

    def trades(self, key: str, count: int) -> Ask[Sequence[Trade]]:
        """The last trades, under the ids that the stream gives them."""
        instrument = self._markets.of(key).instrument
        section = section_of(instrument)
        ask = partial(
            self._requests.question,
            f"trades of {instrument.native}",
            section,
            section.trades_path,
            {"symbol": instrument.native, "limit": str(max(1, min(count, _PAGE)))},
            weight=section.weights["trades"],
        )
        if section is SPOT:
            return ask(
                list[_Trade],
                lambda rows, answer: [
                    _trade(instrument, answer, row.id, row.price, row.qty, row.time, row.is_buyer_maker)
                    for row in rows
                ],
            )
        return ask(
            list[_Aggregate],
            lambda rows, answer: [
                _trade(instrument, answer, row.a, row.p, row.q, row.T, row.m) for row in rows
            ],
        )

    def bars(self, key: str, interval_ns: int, start_ns: int, end_ns: int) -> Ask[Page[Bar]]:
        """Bars, a thousand a page; the last may still be running."""
        instrument = self._markets.of(key).instrument
        section = section_of(instrument)
        interval = INTERVALS.get(interval_ns)
        if interval is None or (interval == "1s" and section is USDM):
            known = ", ".join(name for name in INTERVALS.values() if name != "1s" or section is SPOT)
            raise UsageError(f"binance has no bars of {interval_ns / 1e9:g} s for {key}: it has {known}")

        def read(rows: list[_Kline], answer: Answer) -> Page[Bar]:
            found = [_bar(instrument, interval_ns, row, answer.received_ns) for row in rows]
            inside = tuple(bar for bar in found if start_ns <= bar.start_ns < end_ns)
            next_ns = found[-1].start_ns + interval_ns if found else end_ns
            if len(rows) < _PAGE or next_ns >= end_ns:
                return Page(inside)
            return Page(inside, self.bars(key, interval_ns, next_ns, end_ns))

        return self._requests.question(
            f"bars of {instrument.native}",
            section,
            "/klines",
            {
                "symbol": instrument.native,
                "interval": interval,
                "startTime": str(-(-start_ns // _MS_NS)),
                "endTime": str((end_ns - 1) // _MS_NS),
                "limit": str(_PAGE),
            },
            list[_Kline],
            read,
            weight=section.weights["klines"],
        )

    def mark(self, key: str) -> Ask[MarkPrice] | None:
        """The mark and the index of a contract."""

        def read(told: _Premium, answer: Answer) -> MarkPrice:
            return MarkPrice(
                instrument=key,
                mark=number(told.mark_price),
                index=number(told.index_price),
                venue_ns=told.time * _MS_NS,
                received_ns=answer.received_ns,
            )

        return self._premium("mark price", key, read)

    def funding(self, key: str) -> Ask[Funding] | None:
        """The estimate for the coming settlement, which is what the venue calls the last rate."""
        if self._markets.of(key).instrument.expiry_ns is not None:
            return None

        def read(told: _Premium, answer: Answer) -> Funding:
            return Funding(
                instrument=key,
                rate=number(told.last_funding_rate or "0"),
                next_ns=told.next_funding_time * _MS_NS or None,
                interval_ns=funding_interval_ns(self._markets, key),
                venue_ns=told.time * _MS_NS,
                received_ns=answer.received_ns,
            )

        return self._premium("funding rate", key, read)

    def funding_history(self, key: str, start_ns: int, end_ns: int) -> Ask[Page[SettledFunding]] | None:
        """Rates that were charged, a thousand a page. The venue does not say after which interval each was."""
        instrument = self._markets.of(key).instrument
        if section_of(instrument) is SPOT:
            return None

        def read(rows: list[_Settled], _: Answer) -> Page[SettledFunding]:
            found = tuple(
                SettledFunding(instrument=key, at_ns=row.funding_time * _MS_NS, rate=number(row.funding_rate))
                for row in rows
            )
            inside = tuple(each for each in found if start_ns <= each.at_ns < end_ns)
            if len(rows) < _PAGE or found[-1].at_ns + _MS_NS >= end_ns:
                return Page(inside)
            return Page(inside, self.funding_history(key, found[-1].at_ns + _MS_NS, end_ns))

        return self._requests.question(
            f"funding history of {instrument.native}",
            USDM,
            "/fundingRate",
            {
                "symbol": instrument.native,
                "startTime": str(-(-start_ns // _MS_NS)),
                "endTime": str((end_ns - 1) // _MS_NS),
                "limit": str(_PAGE),
            },
            list[_Settled],
            read,
            weight=1,
            costs=(Cost("usdm funding history"),),
        )

    def _premium(self, what: str, key: str, read: Callable[[_Premium, Answer], T]) -> Ask[T] | None:
        instrument = self._markets.of(key).instrument
        if section_of(instrument) is SPOT:
            return None
        return self._requests.question(
            f"{what} of {instrument.native}",
            USDM,
            "/premiumIndex",
            {"symbol": instrument.native},
            _Premium,
            read,
            weight=USDM.weights["premiumIndex"],
        )


def funding_interval_ns(markets: Markets, key: str) -> int | None:
    """Return how often a perpetual pays; None while that is not listed."""
    code = markets.of(key).code
    return int(code) * _HOUR_NS if code else None


def _trade(
    instrument: Instrument,
    answer: Answer,
    number_: int,
    price: str,
    quantity: str,
    time_ms: int,
    buyer_makes: bool,
) -> Trade:
    ticks, lots = counters(instrument)
    return Trade(
        instrument=instrument.key,
        trade_id=str(number_),
        ticks=ticks(price),
        lots=lots(quantity),
        taker=Side.SELL if buyer_makes else Side.BUY,
        venue_ns=time_ms * _MS_NS,
        received_ns=answer.received_ns,
    )


def _bar(instrument: Instrument, interval_ns: int, row: _Kline, received_ns: int) -> Bar:
    """Read a row. The grid may have been finer when it was made: what lies between is rounded to the nearest."""
    open_, high, low, close = (
        instrument.ticks(price, toward="nearest") for price in (row[1], row[2], row[3], row[4])
    )
    return Bar(
        instrument=instrument.key,
        start_ns=row[0] * _MS_NS,
        interval_ns=interval_ns,
        open_ticks=open_,
        high_ticks=high,
        low_ticks=low,
        close_ticks=close,
        volume_lots=steps(number(row[5]), instrument.lot, toward="nearest"),
        closed=row[6] * _MS_NS < received_ns,
        venue_ns=row[6] * _MS_NS,
        received_ns=received_ns,
    )
