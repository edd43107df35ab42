"""One half of the venue in a box: its routes, what stands before them, and what both halves answer of markets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final, NamedTuple, TypeAlias

import msgspec

from xtrade.model.errors import UsageError
from xtrade.model.instruments import Instrument
from xtrade.venues.binance.box.gate import Denied, Gate, Limits, missing, signed_parts, whole
from xtrade.venues.binance.box.rows import (
    Row,
    bar_row,
    book_rows,
    depth_row,
    my_trade,
    price,
    quantity,
    section_is_spot,
    trade_row,
)
from xtrade.venues.binance.market import INTERVALS
from xtrade.venues.binance.sections import SPOT, Section
from xtrade.venues.box.accounts import BoxAccount
from xtrade.venues.box.floor import Floor, Slip
from xtrade.venues.box.server import Asked, Told

__all__ = ["Do", "Half", "Params", "Route"]

Params: TypeAlias = Mapping[str, str]
Do: TypeAlias = Callable[[str, Params], Any]
"""Answers: the account's name ("" where nobody had to say who he is), and what is asked."""

_MS_NS: Final = 1_000_000
_MINUTE_NS: Final = 60_000_000_000
_LENGTHS: Final = {name: length_ns for length_ns, name in INTERVALS.items()}
_DAY_NS: Final = 86_400 * 10**9


class Route(NamedTuple):
    """What is asked at a method and path: what it weighs, how many orders it is, and who may ask."""

    do: Do
    weight: int = 1
    orders: int = 0
    needs: str = ""
    """Nothing; `key`: the header; `signature`: the header and a signature."""


class Half:
    """One half."""

    section: ClassVar[Section]
    limits: ClassVar[Limits]
    stride: ClassVar[int]
    """What the numbers of book changes are counted in: those of futures have holes."""

    def __init__(self, floor: Floor, accounts: Sequence[BoxAccount], now_ns: Callable[[], int]) -> None:
        self.floor = floor
        self.now_ns = now_ns
        self.gate = Gate(accounts, self.limits)
        self.instruments = {
            each.native: each
            for each in floor.instruments.values()
            if section_is_spot(each) is (self.section is SPOT)
        }
        self.routes: dict[tuple[str, str], Route] = {
            (method, path if path.startswith("/fapi") else self.section.prefix + path): route
            for (method, path), route in self.make_routes().items()
        }

    # -- answering ------------------------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Told | None:
        """Answer a request; None where there is nothing at that path."""
        route = self.routes.get((asked.method, asked.path))
        if route is None:
            return None
        headers: dict[str, str] = {}
        try:
            headers |= self.gate.weigh(asked.peer, self.weight(route, asked.parameters), self.now_ns())
            account, params = "", asked.parameters
            if route.needs:
                owner = self.gate.owner(asked.headers.get("x-mbx-apikey"))
                account = owner.name
                if route.needs == "signature":
                    signed = signed_parts(asked)
                    self.gate.check(owner, signed, self.now_ns())
                    params = signed.params
                if route.orders:
                    headers |= self.gate.count_orders(owner, route.orders, self.now_ns())
            return Told(msgspec.json.encode(route.do(account, params)), headers=headers)
        except Denied as denied:
            body = msgspec.json.encode({"code": denied.code, "msg": str(denied)})
            return Told(body, denied.status, {**headers, **denied.headers})

    def weight(self, route: Route, params: Params) -> int:
        """Say what a request weighs: a book by how deep it is."""
        if route.do != self.depth:
            return route.weight
        limit = params.get("limit", "100")
        wanted = int(limit) if limit.isascii() and limit.isdigit() and len(limit) < 9 else 0
        return next((weight for depth, weight in self.section.depths.items() if depth >= wanted), 250)

    def make_routes(self) -> dict[tuple[str, str], Route]:
        """Say what there is; each half adds its own."""
        weights = self.section.weights
        return {
            ("GET", "/ping"): Route(lambda _account, _params: {}),
            ("GET", "/time"): Route(lambda _account, _params: {"serverTime": self.now_ns() // _MS_NS}),
            ("GET", "/exchangeInfo"): Route(self.exchange_info, weights["exchangeInfo"]),
            ("GET", "/depth"): Route(self.depth),
            ("GET", "/trades"): Route(self.trades, 5),
            ("GET", "/aggTrades"): Route(self.aggregates, 4),
            ("GET", "/klines"): Route(self.klines, weights["klines"]),
            ("GET", "/ticker/price"): Route(self.ticker_price, 2),
            ("GET", "/ticker/bookTicker"): Route(self.book_ticker, 2),
            ("GET", "/ticker/24hr"): Route(self.ticker_day, 2),
        }

    # -- finding --------------------------------------------------------------------------------------------------

    def instrument(self, params: Params) -> Instrument:
        """Return the market that is asked about."""
        symbol = params.get("symbol", "")
        if not symbol:
            raise missing("symbol")
        found = self.instruments.get(symbol)
        if found is None:
            raise Denied(-1121, "Invalid symbol.")
        return found

    def asked_about(self, params: Params) -> list[Instrument]:
        """Return the market that is asked about; all, where none is named."""
        return [self.instrument(params)] if params.get("symbol") else list(self.instruments.values())

    def slip(self, account: str, params: Params, *, code: int, text: str) -> Slip:
        """Find an order by the venue's number or the client's name."""
        instrument = self.instrument(params)
        number, name = params.get("orderId", ""), params.get("origClientOrderId", "")
        if not number and not name:
            raise Denied(
                -1102,
                "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!",
            )
        slip = (
            self.floor.find(account, venue_order_id=number) if number else self.floor.find(account, text=name)
        )
        if slip is None or slip.instrument is not instrument or self.is_apart(slip):
            raise Denied(code, text)
        return slip

    def is_apart(self, slip: Slip) -> bool:  # noqa: ARG002  (futures have such orders)
        """Whether an order is not to be found among the orders."""
        return False

    def limit(self, params: Params, usual: int, most: int) -> int:
        """Read how much is asked for."""
        return min(whole(params, "limit"), most) if "limit" in params else usual

    # -- fills, which both halves tell alike -----------------------------------------------------------------

    def fills(self, account: str, params: Params, instrument: Instrument, window_ms: int) -> list[Row]:
        """Show fills, in windows of limited length."""
        rows = [my_trade(each) for each in self.floor.executed(account, instrument.key)]
        limit = self.limit(params, 500, 1_000)
        if "orderId" in params:
            rows = [row for row in rows if row["orderId"] == whole(params, "orderId")]
        if "fromId" in params:
            return [row for row in rows if row["id"] >= whole(params, "fromId")][:limit]
        if "startTime" not in params:
            return rows[-limit:]
        start_ms = whole(params, "startTime")
        end_ms = whole(params, "endTime") if "endTime" in params else start_ms + window_ms
        if end_ms - start_ms > window_ms:
            raise Denied(-1127, "More than 24 hours between startTime and endTime.")
        return [row for row in rows if start_ms <= row["time"] <= end_ms][:limit]

    # -- markets --------------------------------------------------------------------------------------------------

    def exchange_info(self, _account: str, params: Params) -> Row:
        """List the markets."""
        raise NotImplementedError

    def rate_limits(self) -> list[Row]:
        """Say what is allowed."""
        limits = self.limits
        interval, number = ("DAY", 1) if limits.long_name == "1D" else ("MINUTE", 1)
        return [
            _limit("REQUEST_WEIGHT", "MINUTE", 1, limits.weight),
            _limit("ORDERS", "SECOND", 10, limits.orders),
            _limit("ORDERS", interval, number, limits.orders_long),
        ]

    def depth(self, _account: str, params: Params) -> Row:
        """Show a book."""
        instrument = self.instrument(params)
        limit = self.limit(params, 100, max(self.section.depths))
        return depth_row(instrument, self.floor.exchange.book(instrument.key), limit, self.stride)

    def trades(self, _account: str, params: Params) -> list[Row]:
        """Show the last trades."""
        instrument = self.instrument(params)
        found = self.floor.chronicle.trades(instrument.key, self.limit(params, 500, 1_000))
        return [trade_row(instrument, each) for each in found]

    def aggregates(self, _account: str, params: Params) -> list[Row]:
        """Show the last trades, each an aggregate of one."""
        instrument = self.instrument(params)
        found = self.floor.chronicle.trades(instrument.key, self.limit(params, 500, 1_000))
        rows = [trade_row(instrument, each) for each in found]
        since_ms = whole(params, "startTime") if "startTime" in params else 0
        return [
            {
                "a": row["id"],
                "p": row["price"],
                "q": row["qty"],
                "f": row["id"],
                "l": row["id"],
                "T": row["time"],
                "m": row["isBuyerMaker"],
                "M": True,
            }
            for row in rows
            if row["time"] >= since_ms
        ]

    def klines(self, _account: str, params: Params) -> list[list[Any]]:
        """Show candles; the last may still be running."""
        instrument = self.instrument(params)
        length_ns = _LENGTHS.get(params.get("interval", ""))
        if length_ns is None:
            raise Denied(-1120, "Invalid interval.")
        start_ns = whole(params, "startTime") * _MS_NS if "startTime" in params else 0
        end_ns = whole(params, "endTime") * _MS_NS + 1 if "endTime" in params else 2**63
        try:
            found = self.floor.chronicle.bars(instrument.key, length_ns, start_ns, end_ns)
        except UsageError:
            return []  # what is shorter than a minute is not remembered here
        limit = self.limit(params, 500, 1_000)
        return [bar_row(instrument, bar) for bar in (found[:limit] if start_ns else found[-limit:])]

    def ticker_price(self, _account: str, params: Params) -> Row | list[Row]:
        """Show last prices."""
        rows = [
            {"symbol": each.native, "price": price(each, self.last_ticks(each)), "time": self.now_ms()}
            for each in self.asked_about(params)
        ]
        return rows[0] if params.get("symbol") else rows

    def book_ticker(self, _account: str, params: Params) -> Row | list[Row]:
        """Show best bids and asks."""
        rows = [self._best(each) for each in self.asked_about(params)]
        return rows[0] if params.get("symbol") else rows

    def ticker_day(self, _account: str, params: Params) -> Row | list[Row]:
        """Show a day's figures, of as much of it as there was."""
        rows = [self._day(each) for each in self.asked_about(params)]
        return rows[0] if params.get("symbol") else rows

    # -- how ------------------------------------------------------------------------------------------------------

    def now_ms(self) -> int:
        """The venue's clock in milliseconds."""
        return self.now_ns() // _MS_NS

    def last_ticks(self, instrument: Instrument) -> int | None:
        """The last price that was traded."""
        last = self.floor.chronicle.last_trade(instrument.key)
        return None if last is None else last.ticks

    def _best(self, instrument: Instrument) -> Row:
        book = self.floor.exchange.book(instrument.key)
        best = {"symbol": instrument.native}
        for word, levels in (("bid", book.bids), ("ask", book.asks)):
            rows = book_rows(instrument, list(levels)[:1]) or [["0", "0"]]
            best |= {f"{word}Price": rows[0][0], f"{word}Qty": rows[0][1]}
        return best

    def _day(self, instrument: Instrument) -> Row:
        now_ns = self.floor.now_ns
        bars = self.floor.chronicle.bars(instrument.key, _MINUTE_NS, now_ns - _DAY_NS, now_ns + 1)
        last = price(instrument, self.last_ticks(instrument))
        volume = quantity(instrument, sum(bar.volume_lots for bar in bars))
        best = self._best(instrument)
        return {
            **best,
            "lastPrice": last,
            "openPrice": price(instrument, bars[0].open_ticks) if bars else last,
            "highPrice": price(instrument, max(bar.high_ticks for bar in bars)) if bars else last,
            "lowPrice": price(instrument, min(bar.low_ticks for bar in bars)) if bars else last,
            "volume": volume,
            "quoteVolume": "0",
            "openTime": self.now_ms() - 86_400_000,
            "closeTime": self.now_ms(),
            "count": len(bars),
        }


def _limit(kind: str, interval: str, number: int, limit: int) -> Row:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}
