"""Questions about an account, through ccxt.

Each is asked market by market, for the markets that this run cares for: what it listens to, and what it trades.
Without a market ccxt asks for one type of market, whichever its default is, and does not say what it left out.

Lists come in pages. Some venues tell the oldest of a span first, others the newest: so a full page is followed in both
directions, until nothing new comes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from typing_extensions import override

from xtrade.model.errors import Rejected, Unavailable
from xtrade.model.events import BalanceReport, PositionReport
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Kind
from xtrade.net.limits import Priority
from xtrade.runtime import clock
from xtrade.venues.base import Account, FillReport
from xtrade.venues.ccxt.abilities import features_of
from xtrade.venues.ccxt.markets import Market
from xtrade.venues.ccxt.own_orders import OwnOrders
from xtrade.venues.ccxt.reading import read
from xtrade.venues.ccxt.reports import balances_told, order_told, position_told
from xtrade.venues.ccxt.wire import Wire

__all__ = ["Questions"]

MS: Final = 1_000_000
SECOND: Final = 1_000_000_000
_PAGES_MAX: Final = 50
# What ccxt says of a venue's pages is not always so; no venue's are smaller than this.
_PAGE_MIN: Final = 20
# A venue's clock and ours, and the time that an order takes to its list.
_SLACK_NS: Final = 60 * SECOND
# Where orders that are over are listed. Which of these lists holds what differs by venue, so all are read.
_ENDED: Final = (
    ("fetchCanceledAndClosedOrders", "fetch_canceled_and_closed_orders"),
    ("fetchOrders", "fetch_orders"),
    ("fetchClosedOrders", "fetch_closed_orders"),
    ("fetchCanceledOrders", "fetch_canceled_orders"),
)

T = TypeVar("T")
Row = Mapping[str, Any]


class Questions(Account):
    """What one account can be asked."""

    def __init__(self, wire: Wire, own: OwnOrders) -> None:
        self._wire = wire
        self._own = own
        self.markets: dict[str, Market] = {}
        """What this run cares for, by ccxt's name."""

    def care_for(self, market: Market) -> None:
        """Ask about this market too, from now on."""
        self.markets.setdefault(market.symbol, market)

    # -- the port -------------------------------------------------------------------------------------------------

    @override
    async def balances(self) -> Sequence[BalanceReport]:
        """Return what there is of each currency."""
        told = await self._wire.ask("balances", "fetch_balance", priority=Priority.ACCOUNT)
        return self._read("balances", partial(balances_told, self._wire.name, told, clock.now_ns()))

    @override
    async def positions(self) -> Sequence[PositionReport]:
        """Return the contracts held."""
        found = []
        for market in self._cared_for():
            if market.instrument.kind is Kind.SPOT or not self._wire.can_somehow("fetchPositions"):
                continue
            rows = await self._wire.ask(
                "positions", "fetch_positions", [market.symbol], priority=Priority.ACCOUNT
            )
            report = self._read("positions", partial(self._position, rows, market))
            if report is not None:
                found.append(report)
        return found

    @override
    async def fills(self, since_ns: int) -> Sequence[FillReport]:
        """Return the fills of the markets that this run cares for."""
        found = []
        for market in self._cared_for():
            for row in await self.trade_rows(market, since_ns):
                report = self._read("fills", partial(self._own.fill_report, row))
                if report is not None:
                    found.append(report)
        return sorted(found, key=lambda report: report.fill.venue_ns or 0)

    # -- rows, as ccxt has them -----------------------------------------------------------------------------------

    async def open_rows(self, *, priority: Priority = Priority.ACCOUNT) -> dict[str, list[Row]]:
        """Return the orders that are open, whoever entered them, by market."""
        return {market.symbol: await self.open_rows_of(market, priority) for market in self._cared_for()}

    async def open_rows_of(self, market: Market, priority: Priority = Priority.ACCOUNT) -> list[Row]:
        """Return the orders that are open on one market."""
        told = await self._wire.ask("open orders", "fetch_open_orders", market.symbol, priority=priority)
        return self._read("open orders", partial(_since, told, 0))

    async def trade_rows(self, market: Market, since_ns: int) -> list[Row]:
        """Return our trades on one market from a time on, oldest first."""
        return await self._listed("fills", "fetchMyTrades", "fetch_my_trades", market, since_ns)

    async def order_row(self, number: ClientOrderId) -> Row | None:
        """Return what the venue says of one order; None if it has no such order, as far as its lists show."""
        own = self._own.find(number)
        markets = [own.market] if own is not None else list(self._cared_for())
        alike = False
        for market in markets:
            if own is not None and own.name is not None and self._wire.can_somehow("fetchOrder"):
                row = await self._by_name(own.name, market)
                if row is not None:
                    return row
            async for row in self._rows_since(market, self._own.form.space.instant_ns(number) - _SLACK_NS):
                told = self._read("order", partial(order_told, row, market.instrument))
                if self._own.number_of(told.client_text, told.venue_order_id) == number:
                    return row
                alike = alike or (
                    own is not None
                    and told.client_text is None
                    and (told.side, told.lots) == (own.side, own.lots)
                )
        if own is None or own.name is None:
            self._require_proof(alike)
        return None

    # -- how ------------------------------------------------------------------------------------------------------

    def _position(self, rows: Sequence[Row], market: Market) -> PositionReport | None:
        theirs = [row for row in rows if row.get("symbol") == market.symbol]
        return position_told(self._wire.name, theirs, market.instrument, clock.now_ns())

    def _cared_for(self) -> Iterator[Market]:
        yield from list(self.markets.values())

    async def _by_name(self, name: str, market: Market) -> Row | None:
        try:
            row = await self._wire.ask("order", "fetch_order", name, market.symbol, priority=Priority.ACCOUNT)
        except Rejected:
            return None  # "not found" proves nothing, and some venues find no order that is over
        return {**row, "symbol": market.symbol} if isinstance(row, Mapping) and row.get("id") else None

    async def _rows_since(self, market: Market, since_ns: int) -> AsyncIterator[Row]:
        for row in await self.open_rows_of(market):
            yield row
        for ability, method in _ENDED:
            if self._wire.can_somehow(ability):
                for row in await self._listed("orders", ability, method, market, since_ns):
                    yield row

    def _require_proof(self, alike: bool) -> None:
        """Say that nothing can be said, where "not found" would be taken for "was never there"."""
        if alike:
            why = "it lists an order just like it without any id of ours: look at it by hand"
        elif not any(self._wire.can_somehow(ability) for ability, _ in _ENDED):
            why = "ccxt lists no orders of this venue that are over: look at the account by hand"
        else:
            return
        raise Unavailable(
            f"{self._wire.name}: what became of the order cannot be asked: {why}",
            venue=self._wire.name,
            request="order",
        )

    async def _listed(self, what: str, ability: str, method: str, market: Market, since_ns: int) -> list[Row]:
        """Return every row of one market from a time on."""
        features = features_of(self._wire, market.type, market.instrument.kind).get(ability) or {}
        limit = features.get("limit")
        full = _PAGE_MIN if limit is None else min(limit, _PAGE_MIN)
        since_ms = max(0, since_ns) // MS
        found: dict[str, Row] = {}

        async def page(from_ms: int, *until: Mapping[str, int]) -> list[Row] | None:
            """Return what a page has that is new; None where nothing lies beyond it."""
            told = await self._wire.ask(
                what, method, market.symbol, from_ms, limit, *until, priority=Priority.ACCOUNT
            )
            rows = self._read(what, partial(_since, told, since_ms))
            new = [row for row in rows if _name(row) not in found]
            found.update({_name(row): row for row in new})
            return new if new and len(rows) >= full else None

        pages = 1
        first = later = await page(since_ms)
        while later and pages < _PAGES_MAX:
            later = await page(max(_times(later), default=since_ms))
            pages += 1
        earlier = first
        while earlier and pages < _PAGES_MAX:
            earlier = await page(since_ms, {"until": min(_times(earlier), default=since_ms)})
            pages += 1
        if later or earlier:
            raise Unavailable(
                f"{self._wire.name}: {what}: more than {pages} pages since {since_ms} ms: ask for a shorter time",
                venue=self._wire.name,
                request=what,
            )
        return sorted(found.values(), key=lambda row: (row.get("timestamp") or 0, _name(row)))

    def _read(self, what: str, reader: Callable[[], T]) -> T:
        return read(self._wire.name, what, reader)


def _since(told: Any, since_ms: int) -> list[Row]:
    """Return the rows from a time on; some venues do not look at it."""
    return [row for row in told if row.get("timestamp") is None or row["timestamp"] >= since_ms]


def _name(row: Row) -> str:
    """What tells a row from others: its id, or where the venue gives none, all that it says."""
    return str(row["id"]) if row.get("id") is not None else str(row.get("info"))


def _times(rows: Sequence[Row]) -> list[int]:
    return [int(row["timestamp"]) for row in rows if row.get("timestamp") is not None]
