"""How a run stands: one value with everything that a person, a page or a program may want to see of it.

Status      a moment of a run: quotes, positions, orders, fills, profit, health
status_of   read off a session and the records of its run
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from xtrade.model.events import LinkDown
from xtrade.model.money import Money
from xtrade.model.numbers import plain
from xtrade.model.order_state import OrderStatus
from xtrade.model.positions import Position

if TYPE_CHECKING:
    from xtrade.app.node import Node
    from xtrade.trading.orders import Order
    from xtrade.trading.session import Session

__all__ = ["FillLine", "HealthLine", "OrderLine", "PositionLine", "QuoteLine", "Status", "status_of"]

SECOND: Final = 1_000_000_000
FILLS_SHOWN: Final = 5


class QuoteLine(Struct, frozen=True, kw_only=True):
    """Best bid and ask of one market; `age_ms` is since it was last heard of."""

    instrument: str
    bid: str | None
    bid_quantity: str
    ask: str | None
    ask_quantity: str
    spread_ticks: int | None
    age_ms: int | None
    trusted: bool


class PositionLine(Struct, frozen=True, kw_only=True):
    """What one strategy holds of one market; amounts are in its settlement currency, fees in all of theirs."""

    strategy: str
    state: str
    instrument: str
    quantity: str
    entry: str | None
    mark: str | None
    unrealised: str | None
    realised: str
    fees: str
    funding: str
    net: str | None


class OrderLine(Struct, frozen=True, kw_only=True):
    """An open order."""

    client_order_id: int
    strategy: str
    instrument: str
    side: str
    price: str | None
    quantity: str
    filled: str
    status: str
    canceling: bool
    age_ms: int


class FillLine(Struct, frozen=True, kw_only=True):
    """A fill of ours."""

    time_ns: int
    strategy: str
    instrument: str
    side: str
    price: str
    quantity: str
    maker: bool | None


class HealthLine(Struct, frozen=True, kw_only=True):
    """One connection: None where nothing was heard of it yet."""

    venue: str
    channel: str
    up: bool
    reason: str = ""


class Status(Struct, frozen=True, kw_only=True):
    """A moment of a run."""

    name: str
    mode: str
    seed: int
    now_ns: int
    elapsed_s: float
    stopping: str | None
    capital: str
    equity: str | None
    """Capital and the profit of positions settled in its currency, at the middle of their books, fees taken off."""
    profit: float | None
    quotes: tuple[QuoteLine, ...]
    positions: tuple[PositionLine, ...]
    orders: tuple[OrderLine, ...]
    fills: tuple[FillLine, ...]
    health: tuple[HealthLine, ...]
    orders_sent: int
    orders_refused: int
    fills_total: int
    in_doubt: int
    trouble: str
    """Why the journal cannot be written and no orders are sent; empty while all is well."""
    failures: dict[str, str]


def status_of(node: Node) -> Status:
    """Read off how a run stands."""
    session, recorder = node.session, node.recorder
    now_ns = session.now_ns()
    capital = node.plan.balances[0]
    profit = _profit(session, capital.currency)
    open_orders = [
        order for context in session.engine.contexts.values() for order in context.open_orders.values()
    ]
    return Status(
        name=node.plan.name,
        mode=node.plan.place.mode,
        seed=node.plan.seed,
        now_ns=now_ns,
        elapsed_s=(now_ns - session.start_ns) / SECOND if session.start_ns else 0.0,
        stopping=node.stop.reason,
        capital=str(capital),
        equity=None if profit is None else _rounded(capital + profit),
        profit=None if profit is None else float(profit.amount),
        quotes=tuple(_quotes(session, now_ns)),
        positions=tuple(_positions(session)),
        orders=tuple(_orders(open_orders, now_ns)),
        fills=tuple(_fills(node)),
        health=tuple(
            HealthLine(
                venue=venue,
                channel=channel,
                up=not isinstance(link, LinkDown),
                reason=link.reason if isinstance(link, LinkDown) else "",
            )
            for (venue, channel), link in session.links.items()
        ),
        orders_sent=recorder.orders_sent,
        orders_refused=recorder.orders_refused,
        fills_total=len(recorder.fills),
        in_doubt=sum(1 for order in open_orders if order.status is OrderStatus.IN_DOUBT),
        trouble=str(node.journal.trouble or "") if node.journal is not None else "",
        failures=dict(recorder.failures),
    )


def _quotes(session: Session, now_ns: int) -> Iterator[QuoteLine]:
    for key in session.engine.watched:
        book, heard_ns = session.books.live(key), session.books.live(key).heard_ns
        instrument, bid, ask = book.instrument, book.bid_ticks, book.ask_ticks
        yield QuoteLine(
            instrument=key,
            bid=None if bid is None else plain(instrument.price(bid)),
            bid_quantity=plain(instrument.quantity(book.bid_lots)),
            ask=None if ask is None else plain(instrument.price(ask)),
            ask_quantity=plain(instrument.quantity(book.ask_lots)),
            spread_ticks=None if bid is None or ask is None else ask - bid,
            age_ms=None if not heard_ns else (now_ns - heard_ns) // 1_000_000,
            trusted=book.is_trusted,
        )


def _positions(session: Session) -> Iterator[PositionLine]:
    for (strategy, key), position in session.engine.portfolio.all().items():
        instrument = session.books.instrument(key)
        mark = _mark(session, key)
        unrealised = None if mark is None else position.unrealised(instrument, mark)
        net = _net(position, unrealised)
        entry = position.entry_price(instrument)
        yield PositionLine(
            strategy=strategy,
            state=session.engine.contexts[strategy].state.value,
            instrument=key,
            quantity=plain(instrument.quantity(position.lots)),
            entry=None if entry is None else plain(entry.quantize(instrument.tick)),
            mark=None if mark is None else plain(mark),
            unrealised=None if unrealised is None else _rounded(unrealised),
            realised=_rounded(position.realised),
            fees=_sum(position.fees, instrument.settle),
            funding=_sum(position.funding, instrument.settle),
            net=None if net is None else _rounded(net),
        )


def _orders(orders: Iterable[Order], now_ns: int) -> Iterator[OrderLine]:
    for order in orders:
        instrument = order.instrument
        yield OrderLine(
            client_order_id=order.id,
            strategy=order.intent.strategy,
            instrument=instrument.key,
            side=order.side.value,
            price=None if order.ticks is None else plain(instrument.price(order.ticks)),
            quantity=plain(instrument.quantity(order.lots)),
            filled=plain(instrument.quantity(order.filled_lots)),
            status=order.status.value,
            canceling=order.cancel_pending,
            age_ms=(now_ns - order.intent.decided_ns) // 1_000_000,
        )


def _fills(node: Node) -> Iterator[FillLine]:
    for row in reversed(node.recorder.fills[-FILLS_SHOWN:]):
        instrument = node.session.books.instrument(row.instrument)
        yield FillLine(
            time_ns=row.received_ns,
            strategy=row.strategy,
            instrument=row.instrument,
            side=row.fill.side.value,
            price=plain(instrument.price(row.fill.ticks)),
            quantity=plain(instrument.quantity(row.fill.lots)),
            maker=row.fill.maker,
        )


def _mark(session: Session, key: str) -> Decimal | None:
    middle = session.books.book(key).mid_ticks
    return None if middle is None else session.books.instrument(key).tick * Decimal(middle)


def _profit(session: Session, currency: str) -> Money | None:
    """What all positions settled in a currency have earned; None while one cannot be valued."""
    total = Money(0, currency)
    for (_, key), position in session.engine.portfolio.all().items():
        instrument = session.books.instrument(key)
        if instrument.settle != currency:
            continue
        mark = _mark(session, key)
        if mark is None and position.lots:
            return None
        net = _net(position, Money(0, currency) if mark is None else position.unrealised(instrument, mark))
        assert net is not None, "unrealised was given"
        total += net
    return total


def _net(position: Position, unrealised: Money | None) -> Money | None:
    """Profit after fees and funding, as far as these were in the settlement currency."""
    if unrealised is None:
        return None
    net = position.realised + unrealised
    for fee in position.fees:
        if fee.currency == net.currency:
            net -= fee
    for paid in position.funding:
        if paid.currency == net.currency:
            net += paid
    return net


def _sum(amounts: tuple[Money, ...], currency: str) -> str:
    return ", ".join(_rounded(each) for each in amounts) or f"0 {currency}"


def _rounded(money: Money) -> str:
    """An amount as people read it: cents, or eight digits where it is less than a hundred units of a coin."""
    digits = 2 if money.currency in {"USD", "USDT", "USDC", "EUR"} else 8
    return f"{money.amount:,.{digits}f} {money.currency}"
