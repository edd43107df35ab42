"""What `xtrade positions`, `orders` and `pnl` show: rows for machines, tables for people. Amounts in rows are exact."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import Struct

from xtrade.app.desk import Desk, Process
from xtrade.app.journal_tables import FillRow, fill_rows, time_text
from xtrade.model.errors import DataError
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument
from xtrade.model.money import ATOMS_PER_UNIT, Money
from xtrade.model.numbers import divided, plain
from xtrade.model.order_state import OrderState
from xtrade.model.positions import Position
from xtrade.model.sides import Side
from xtrade.trading.exposure import Holding, account_of, by_base, venue_of
from xtrade.trading.marks import Mark
from xtrade.trading.pnl import By, Line, shared_worth, statement, totals
from xtrade.trading.risk.situation import waiting

if TYPE_CHECKING:
    from rich.text import Text

__all__ = [
    "ExposureRow",
    "OrderView",
    "PositionRow",
    "ProfitRow",
    "Standing",
    "Which",
    "age_text",
    "exposure_rows",
    "lines_of",
    "money_text",
    "order_of",
    "order_view",
    "position_row",
    "position_table",
    "price_text",
    "profit_rows",
    "purse_text",
    "standing",
    "standing_text",
]

SECOND: Final = 1_000_000_000
# What is exact is in the JSON.
CENTS: Final = frozenset({"USD", "USDT", "USDC", "EUR"})


class Which(NamedTuple):
    """Whose lines are asked for; None: everybody's."""

    strategy: str | None = None
    instrument: str | None = None
    venue: str | None = None

    def takes(self, strategy: str, key: str) -> bool:
        """Say whether what a strategy has of an instrument is asked for."""
        return (
            self.strategy in {None, strategy}
            and self.instrument in {None, key}
            and self.venue in {None, venue_of(key)}
        )


class Standing(Struct, frozen=True, kw_only=True):
    """Which journal was read, up to when, and what is known of its writer."""

    journal: str
    as_of_ns: int | None
    process: Process
    ended_because: str | None


class PositionRow(Struct, frozen=True, kw_only=True):
    """What one strategy holds of one instrument, what it earned, and the book that it is valued at."""

    strategy: str
    instrument: str
    account: str
    venue: str
    quantity: str
    lots: int
    entry: str | None
    mark: str | None
    mark_age_ms: int | None
    unrealised: Money | None
    """None: something is held, and the journal has no book to value it at."""
    realised: Money
    fees: tuple[Money, ...]
    funding: tuple[Money, ...]


class ExposureRow(Struct, frozen=True, kw_only=True):
    """Exposure to one asset in its coins, spot and contracts of all venues together.

    `highest` and `lowest` are what it may become if everything that is open fills on one side.
    """

    asset: str
    net: Money | None
    highest: Money | None
    lowest: Money | None


class ProfitRow(Struct, frozen=True, kw_only=True):
    """The sum of some positions in one currency; `without_mark` names what could not be valued and is in no sum."""

    name: str
    currency: str
    realised: Money
    unrealised: Money
    funding: Money
    fees: Money
    earned: Money
    without_mark: tuple[str, ...]


class OrderView(Struct, frozen=True, kw_only=True):
    """One order as it stands, and what it holds by itself, apart from all the others."""

    order: int
    strategy: str
    instrument: str
    side: str
    type: str
    quantity: str
    price: str | None
    filled: str
    average: str | None
    """What it traded at; None while it has not."""
    status: str
    pending: tuple[str, ...]
    final: bool
    decided_ns: int
    age_ms: int
    venue_order_id: str | None
    realised: Money | None
    unrealised: Money | None
    """What closing what it traded would leave, at the mark; None without a trade or a mark."""
    mark: str | None
    mark_age_ms: int | None
    fees: tuple[Money, ...]
    fills: tuple[FillRow, ...]


def standing(desk: Desk) -> Standing:
    """Say what was read."""
    return Standing(
        journal=desk.journal, as_of_ns=desk.last_ns, process=desk.process, ended_because=desk.ended or None
    )


def standing_text(desk: Desk) -> str:
    """Say it for people, in a line."""
    if desk.last_ns is None:
        return f"{desk.journal}: nothing was written yet"
    opened = desk.store.session
    pid, host = (opened.pid, opened.host) if opened is not None else (0, "")
    match desk.process:
        case "running":
            how = f"process {pid} is at it"
        case "ended":
            how = f"ended{f': {desk.ended}' if desk.ended else ' in order'}"
        case "died":
            how = f"process {pid} is gone and did not end in order"
        case _:
            how = f"written by process {pid} of {host}, which has not ended in order"
    return f"{desk.journal}, as of {time_text(desk.last_ns)[:-7]} UTC; {how}"


def lines_of(desk: Desk, which: Which) -> list[Line]:
    """Return the statement's lines that are asked for."""
    return [
        line
        for line in statement(desk.store.portfolio, desk.marks())
        if which.takes(line.strategy, line.instrument.key)
    ]


def position_row(line: Line) -> PositionRow:
    """Show what one strategy holds of one instrument."""
    market, position = line.instrument, line.position
    entry = position.entry_price(market)
    return PositionRow(
        strategy=line.strategy,
        instrument=market.key,
        account=account_of(market.key),
        venue=venue_of(market.key),
        quantity=plain(market.quantity(position.lots)),
        lots=position.lots,
        entry=None if entry is None else plain(entry),
        mark=None if line.mark is None else price_text(line.mark),
        mark_age_ms=_age_ms(line.mark),
        unrealised=line.unrealised,
        realised=position.realised,
        fees=position.fees,
        funding=position.funding,
    )


def position_table(rows: Sequence[PositionRow]) -> Text:
    """Draw positions."""
    from xtrade.app.output import columns

    return columns(
        (
            "strategy",
            "instrument",
            "quantity",
            "entry",
            "mid",
            "age",
            "unrealised",
            "realised",
            "fees",
            "funding",
        ),
        [
            (
                row.strategy or "-",
                row.instrument,
                row.quantity,
                row.entry or "-",
                row.mark or "not known",
                age_text(row.mark_age_ms),
                "not known" if row.unrealised is None else money_text(row.unrealised),
                money_text(row.realised),
                purse_text(row.fees),
                purse_text(row.funding),
            )
            for row in rows
        ],
    )


def exposure_rows(desk: Desk, which: Which) -> list[ExposureRow]:
    """Add up by asset what is held, and what open orders may add."""
    held: dict[str, int] = {}
    for line in lines_of(desk, which):
        held[line.instrument.key] = held.get(line.instrument.key, 0) + line.position.lots
    waits = [
        state
        for state in desk.store.open_orders()
        if which.takes(state.intent.strategy, state.intent.instrument)
    ]
    keys = dict.fromkeys((*held, *(state.intent.instrument for state in waits)))
    holdings = []
    for key in keys:
        mark = desk.mark(key)
        holdings.append(
            Holding(
                desk.store.instruments[key],
                held.get(key, 0),
                None if mark is None else mark.price,
                waiting(waits, key, Side.BUY),
                waiting(waits, key, Side.SELL),
            )
        )
    return [
        ExposureRow(asset=asset, net=each.net, highest=each.highest, lowest=each.lowest)
        for asset, each in by_base(holdings).items()
    ]


def profit_rows(lines: Sequence[Line], *, by: By) -> Iterator[ProfitRow]:
    """Add lines up, in a row for each currency: amounts of different currencies are never added."""
    for total in totals(lines, by=by):
        purses = (total.realised, total.unrealised, total.funding, total.fees)
        # Who has traded and has nothing to show for it has a row of zeros, in the currency of a line of theirs.
        currencies = {money.currency for purse in purses for money in purse} or {lines[0].instrument.settle}
        for currency in sorted(currencies):
            realised, unrealised, funding, fees = (_part(purse, currency) for purse in purses)
            yield ProfitRow(
                name=total.name,
                currency=currency,
                realised=realised,
                unrealised=unrealised,
                funding=funding,
                fees=fees,
                earned=realised + unrealised + funding - fees,
                without_mark=total.without_mark,
            )


def order_view(desk: Desk, state: OrderState) -> OrderView:
    """Show an order as it stands, and what its own trades hold."""
    intent, market = state.intent, desk.instrument_of(state.intent)
    mark = desk.mark(intent.instrument)
    position = None if market is None else _own_position(state, market)
    entry = None if position is None or market is None else position.entry_price(market)
    worth = None
    if position is not None and position.lots and mark is not None and market is not None:
        worth = Money(
            shared_worth(market, mark.price, {"": position.lots})[""] - position.cost.atoms, market.settle
        )
    pending = (("cancel pending", state.cancel_pending), ("change pending", state.amend_pending))
    return OrderView(
        order=intent.client_order_id,
        strategy=intent.strategy,
        instrument=intent.instrument,
        side=intent.side.value,
        type=intent.type.value,
        quantity=str(intent.quote_amount) if intent.quote_amount is not None else _size(state.lots, market),
        price=_ticks_text(state.ticks, market),
        filled=_size(state.executed_lots, market),
        average=None if entry is None else plain(entry),
        status=state.status.value,
        pending=tuple(what for what, is_so in pending if is_so),
        final=state.is_final,
        decided_ns=intent.decided_ns,
        age_ms=max(0, (desk.last_ns or 0) - intent.decided_ns) // 1_000_000,
        venue_order_id=state.venue_order_id,
        realised=None if position is None else position.realised,
        unrealised=worth,
        mark=None if mark is None else price_text(mark),
        mark_age_ms=_age_ms(mark),
        fees=() if position is None else position.fees,
        fills=tuple(fill_rows(state, market)),
    )


def order_of(desk: Desk, order: int) -> OrderView:
    """Show the order of an id; DataError says what became of one that the gate refused, or where ids are."""
    state = desk.store.orders.get(ClientOrderId(order))
    if state is not None:
        return order_view(desk, state)
    if order in desk.refusals:
        refused, at_ns = desk.refusals[order]
        raise DataError(
            f"order {order} of {refused.intent.strategy} never left: at {time_text(at_ns)} UTC {refused.rule} refused"
            f" it: {refused.reason} (limit {refused.limit}, figure {refused.figure})"
        )
    raise DataError(f"{desk.journal} has no order {order}: `xtrade orders --all` shows those that it has")


def money_text(money: Money) -> str:
    """Write an amount as people read it: cents of dollars, or more digits where it is less than one; coins in eight."""
    digits = 8 if money.currency not in CENTS else 2 if abs(money.amount) >= 1 or not money else 6
    return f"{money.amount:,.{digits}f} {money.currency}"


def purse_text(purse: Iterable[Money]) -> str:
    """Write amounts of several currencies."""
    return ", ".join(money_text(money) for money in purse) or "0"


def price_text(mark: Mark) -> str:
    """Write a mark exactly: the middle of a book has a last digit."""
    atoms = divided(mark.price.numerator * ATOMS_PER_UNIT, mark.price.denominator, toward="nearest")
    return plain(Money(atoms, "").amount)


def age_text(ms: int | None) -> str:
    """Write an age as people read it."""
    if ms is None:
        return "-"
    if ms < 1_000:
        return f"{ms} ms"
    seconds = ms // 1_000
    if seconds < 120:
        return f"{ms / 1_000:.1f} s"
    return f"{seconds // 60} min" if seconds < 7_200 else f"{seconds // 3_600} h"


def _own_position(state: OrderState, market: Instrument) -> Position:
    position = Position.flat(market)
    for fill in state.fills:
        if fill.trade_id not in state.reversed_trades:
            position = position.after_fill(market, fill)
    return position


def _part(purse: Iterable[Money], currency: str) -> Money:
    return next((money for money in purse if money.currency == currency), Money(0, currency))


def _size(lots: int, market: Instrument | None) -> str:
    return f"{lots} lots" if market is None else plain(market.quantity(lots))


def _ticks_text(ticks: int | None, market: Instrument | None) -> str | None:
    if ticks is None:
        return None
    return f"{ticks} ticks" if market is None else plain(market.price(ticks))


def _age_ms(mark: Mark | None) -> int | None:
    return None if mark is None or mark.age_ns is None else mark.age_ns // 1_000_000
