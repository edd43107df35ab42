"""Questions about the account: orders, fills, balances, positions, fees."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Final

from msgspec import Struct

from xtrade.model.events import BalanceReport, PositionReport
from xtrade.model.sides import Side
from xtrade.net.limits import Priority
from xtrade.venues.asks import Answer, Ask, Page
from xtrade.venues.base import FeeRates, FillReport, OrderReport
from xtrade.venues.lighter import messages as wire
from xtrade.venues.lighter.asking import Reader, question
from xtrade.venues.lighter.memory import Memory
from xtrade.venues.lighter.orders import changed_to, lots_of, own, status
from xtrade.venues.lighter.rows import (
    balance,
    by_trade_id,
    fill,
    margin_terms,
    own_sides,
    position,
    venue_order_id,
)
from xtrade.venues.lighter.wire import Build, Requests
from xtrade.venues.markets import Markets

__all__ = ["AccountQuestions"]

_ROWS_MAX: Final = 100


class _Trades(Struct):
    trades: list[wire.Trade] | None = None
    next_cursor: str | None = None


class _Orders(Struct):
    orders: list[wire.Order] | None = None
    next_cursor: str | None = None


class _Accounts(Struct):
    accounts: list[wire.Account] | None = None


class _Fees(Struct):
    current_maker_fee_tick: int
    current_taker_fee_tick: int


_trades: Final = Reader(_Trades)
_orders: Final = Reader(_Orders)
_accounts: Final = Reader(_Accounts)
_fees: Final = Reader(_Fees)


class AccountQuestions:
    """What an account may ask about itself. `account` is its name in events."""

    def __init__(self, requests: Requests, markets: Markets, memory: Memory, account: str) -> None:
        self._requests = requests
        self._markets = markets
        self._memory = memory
        self._account = account

    def fee_rates(self, keys: Collection[str]) -> Ask[Mapping[str, FeeRates]]:
        """Ask for the account's rates, which are the same for all markets that charge any."""

        def answered(answer: Answer) -> Mapping[str, FeeRates]:
            told = _fees(answer, "fee rates")
            rates = FeeRates(
                Decimal(told.current_maker_fee_tick).scaleb(-6),
                Decimal(told.current_taker_fee_tick).scaleb(-6),
            )
            return dict.fromkeys(keys, rates)

        build = self._requests.private_get("accountLimits", account_index=self._index)
        return question("fee rates", build, answered, Priority.ACCOUNT)

    def open_orders(self) -> Ask[Page[OrderReport]]:
        """Ask for all open orders."""
        build = self._requests.private_get("accountActiveOrders", account_index=self._index)
        return question(
            "open orders",
            build,
            lambda answer: Page(tuple(self._reports(_orders(answer, "open orders"))), None),
            Priority.ACCOUNT,
        )

    def order(self, client_order_index: int) -> Ask[OrderReport | None]:
        """Ask for the order of that name, open or over: the last one, for names may be used again."""

        def answered(answer: Answer) -> OrderReport | None:
            found = [
                report
                for report in self._reports(_orders(answer, "order"))
                if report.client_order_id == client_order_index
            ]
            return max(
                found, key=lambda report: (not report.status.is_final, _last_part(report)), default=None
            )

        build = self._requests.private_get(
            "accountOrders", account_index=self._index, client_order_indexes=client_order_index
        )
        return question("order", build, answered, Priority.ACCOUNT)

    def fills(self, since_ns: int, cursor: str = "") -> Ask[Page[FillReport]]:
        """Ask for our trades, from the newest page back to a time."""

        def answered(answer: Answer) -> Page[FillReport]:
            told = _trades(answer, "fills")
            rows = sorted(told.trades or (), key=by_trade_id)
            reports = [report for row in rows for report in self._fill(row) if _since(report, since_ns)]
            older = not rows or (rows[0].at_ns or 0) < since_ns
            more = self.fills(since_ns, told.next_cursor) if told.next_cursor and not older else None
            return Page(tuple(reports), more)

        query: dict[str, str | int] = {
            "account_index": self._index,
            "sort_by": "timestamp",
            "sort_dir": "desc",
            "limit": _ROWS_MAX,
        }
        if cursor:
            query["cursor"] = cursor
        return question("fills", self._requests.private_get("trades", **query), answered, Priority.ACCOUNT)

    def balances(self) -> Ask[Sequence[BalanceReport]]:
        """Ask for what there is of each asset."""
        return question(
            "balances",
            self._account_of_index(),
            lambda answer: [
                balance(row, self._account, None, answer.received_ns)
                for told in _accounts(answer, "balances").accounts or ()
                for row in told.assets or ()
            ],
            Priority.ACCOUNT,
        )

    def positions(self) -> Ask[Sequence[PositionReport]]:
        """Ask for what is held."""

        def answered(answer: Answer) -> Sequence[PositionReport]:
            reports = []
            for told in _accounts(answer, "positions").accounts or ():
                for row in told.positions or ():
                    instrument = self._markets.native(str(row.market_id))
                    if instrument is None:
                        continue
                    self._memory.terms |= margin_terms(row, instrument)
                    report = position(row, instrument, self._account, answer.received_ns)
                    if report.lots:
                        reports.append(report)
            return reports

        return question("positions", self._account_of_index(), answered, Priority.ACCOUNT)

    @property
    def _index(self) -> int:
        return self._requests.key.account_index

    def _account_of_index(self) -> Build:
        return self._requests.get("account", by="index", value=self._index)

    def _reports(self, told: _Orders) -> list[OrderReport]:
        reports = []
        for row in told.orders or ():
            instrument = self._markets.native(str(row.market_index))
            if instrument is None:
                continue
            _, filled_lots = lots_of(row, instrument)
            lots, ticks = changed_to(row, instrument)
            reports.append(
                OrderReport(
                    instrument=instrument.key,
                    venue_order_id=str(row.order_index),
                    client_order_id=own(row.client_order_index),
                    side=Side.SELL if row.is_ask else Side.BUY,
                    status=status(row, filled_lots),
                    lots=lots,
                    filled_lots=filled_lots,
                    ticks=ticks,
                )
            )
        return reports

    def _fill(self, row: wire.Trade) -> list[FillReport]:
        instrument = self._markets.native(str(row.market_id))
        if instrument is None:
            return []
        return [
            FillReport(
                instrument=instrument.key,
                venue_order_id=venue_order_id(row, side) or "",
                client_order_id=own(row.ask_client_id if side is Side.SELL else row.bid_client_id),
                fill=fill(row, side, instrument),
            )
            for side in own_sides(row, self._index)
        ]


def _since(report: FillReport, since_ns: int) -> bool:
    return (report.fill.venue_ns or 0) >= since_ns


def _last_part(report: OrderReport) -> int:
    return int(report.venue_order_id)
