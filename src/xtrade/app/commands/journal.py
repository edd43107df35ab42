"""`xtrade journal`: what was decided and what became of it, read while trading goes on or long after."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import cyclopts
import msgspec
from cyclopts import Parameter
from msgspec import Struct

from xtrade.app import exit_codes
from xtrade.app.output import Json, answer, columns, note
from xtrade.model.errors import DataError, UsageError
from xtrade.model.instruments import Instrument
from xtrade.model.money import Money
from xtrade.model.numbers import plain
from xtrade.model.order_state import OrderState
from xtrade.model.records import to_json

if TYPE_CHECKING:
    from rich.console import RenderableType

    from xtrade.trading.journal.entries import Entry
    from xtrade.trading.journal.opening import Readable
    from xtrade.trading.journal.story import Step
    from xtrade.trading.order_store import OrderStore

__all__ = ["EntryRow", "FillRow", "OrderRow", "StepRow", "Verdict", "app"]

app = cyclopts.App(
    name="journal",
    help="""Read what was decided and what became of it: orders, fills, and why.

    The journal may be in use: reading it disturbs nobody.

    **Examples**

    - `xtrade journal orders --open`
    - `xtrade journal why 1763740000000000001`
    - `xtrade journal verify`
    """,
    group_commands=cyclopts.Group("Commands"),
)

Place = Annotated[
    str | None,
    Parameter(
        name="--journal",
        metavar="PLACE",
        help="A file, or postgresql://USER@HOST:PORT/DATABASE#NAME; by default the configuration's.",
    ),
]
Last = Annotated[
    int, Parameter(name="--last", metavar="COUNT", help="So many, counted from the end; 0 for all.")
]
Strategy = Annotated[str | None, Parameter(name="--strategy", metavar="NAME", help="Those of one strategy.")]

SECOND = 1_000_000_000
SHOWN = 30


class EntryRow(Struct, frozen=True, kw_only=True):
    """One record of the journal."""

    sequence: int
    session: int
    at_ns: int
    kind: str
    order: int | None
    record: msgspec.Raw


class OrderRow(Struct, frozen=True, kw_only=True):
    """One order as it stands. Quantities and prices are as people write them, where the instrument is known."""

    order: int
    strategy: str
    instrument: str
    side: str
    type: str
    quantity: str
    price: str | None
    filled: str
    status: str
    pending: tuple[str, ...]
    decided_ns: int
    venue_order_id: str | None


class FillRow(Struct, frozen=True, kw_only=True):
    """One trade of ours."""

    order: int
    strategy: str
    instrument: str
    side: str
    quantity: str
    price: str
    fee: str | None
    maker: bool | None
    trade_id: str
    at_ns: int


class StepRow(Struct, frozen=True, kw_only=True):
    """One step in the life of an order; `took_ns` is since the step before."""

    sequence: int
    at_ns: int
    what: str
    detail: str
    took_ns: int | None
    venue_ns: int | None


class Verdict(Struct, frozen=True, kw_only=True):
    """What reading the whole journal found."""

    journal: str
    whole: bool
    entries: int
    sessions: int
    first_ns: int | None
    last_ns: int | None
    ended_in_order: bool
    orders: int
    open_orders: int
    in_doubt: int
    fingerprint: str | None
    problem: str | None


@app.command
def show(
    *,
    journal: Place = None,
    last: Last = SHOWN,
    kind: Annotated[
        str | None, Parameter(metavar="KIND", help="Records of one kind, such as OrderFilled or Noted.")
    ] = None,
    json: Json = False,
) -> None:
    """Show the records as they were written, the latest last.

    **Examples**

    - `xtrade journal show`
    - `xtrade journal show --last 5 --kind Refused`
    - `xtrade journal show --last 0 --json`
    """
    from xtrade.trading.journal.kinds import KINDS, record_of
    from xtrade.trading.journal.story import said_of

    if kind is not None and kind not in KINDS:
        from xtrade.model.errors import did_you_mean

        raise UsageError(f"--kind {kind}: there is no such kind of record.{did_you_mean(kind, KINDS)}")
    with _reading(journal) as found:
        after = 0 if kind is not None or not last else max(0, found.head()[0] - last)
        entries = list(found.read(after=after, kind=kind))
    entries = entries[-last:] if last else entries
    records = [record_of(entry.kind, entry.body) for entry in entries]
    answer(
        [
            EntryRow(
                sequence=entry.sequence,
                session=entry.session,
                at_ns=entry.at_ns,
                kind=entry.kind,
                order=entry.order,
                record=msgspec.Raw(to_json(record)),
            )
            for entry, record in zip(entries, records, strict=True)
        ],
        json=json,
        human=lambda: _table(
            ("entry", "written (UTC)", "order", "what", ""),
            [
                (str(entry.sequence), _time(entry.at_ns), _or_dash(entry.order), *said_of(record))
                for entry, record in zip(entries, records, strict=True)
            ],
            "Nothing was written yet.",
        ),
    )


@app.command
def orders(
    *,
    journal: Place = None,
    only_open: Annotated[
        bool,
        Parameter(
            name="--open",
            negative="",
            show_default=False,
            help="Those that may still trade, in doubt or not.",
        ),
    ] = False,
    strategy: Strategy = None,
    last: Last = SHOWN,
    json: Json = False,
) -> None:
    """Show what became of the orders: the state that the whole journal adds up to.

    **Examples**

    - `xtrade journal orders`
    - `xtrade journal orders --open --json`
    - `xtrade journal orders --strategy maker --last 0`
    """
    store = _folded(journal)
    states = store.open_orders() if only_open else list(store.orders.values())
    states = [state for state in states if strategy in {None, state.intent.strategy}]
    rows = [
        _order_row(state, store.instruments.get(state.intent.instrument))
        for state in (states[-last:] if last else states)
    ]
    answer(
        rows,
        json=json,
        human=lambda: _table(
            (
                "order",
                "decided (UTC)",
                "strategy",
                "instrument",
                "side",
                "quantity",
                "price",
                "filled",
                "status",
            ),
            [
                (
                    str(row.order),
                    _time(row.decided_ns),
                    row.strategy or "-",
                    row.instrument,
                    row.side,
                    row.quantity,
                    row.price or "market",
                    row.filled,
                    ", ".join([row.status.replace("_", " "), *row.pending]),
                )
                for row in rows
            ],
            "No order is open." if only_open else "There is no order.",
        ),
    )


@app.command
def fills(
    *, journal: Place = None, strategy: Strategy = None, last: Last = SHOWN, json: Json = False
) -> None:
    """Show the trades, each once, the latest last; those that the venue took back are left out.

    **Examples**

    - `xtrade journal fills`
    - `xtrade journal fills --strategy maker --json`
    """
    store = _folded(journal)
    rows = sorted(
        (
            row
            for state in store.orders.values()
            if strategy in {None, state.intent.strategy}
            for row in _fill_rows(state, store.instruments.get(state.intent.instrument))
        ),
        key=lambda row: row.at_ns,
    )
    shown = rows[-last:] if last else rows
    answer(
        shown,
        json=json,
        human=lambda: _table(
            ("order", "traded (UTC)", "strategy", "instrument", "side", "quantity", "price", "fee", "trade"),
            [
                (
                    str(row.order),
                    _time(row.at_ns),
                    row.strategy or "-",
                    row.instrument,
                    row.side,
                    row.quantity,
                    row.price,
                    row.fee or "not told",
                    row.trade_id,
                )
                for row in shown
            ],
            "Nothing was traded.",
        ),
    )


@app.command(usage="xtrade journal why [OPTIONS] ORDER")
def why(
    order: Annotated[
        int, Parameter(metavar="ORDER", help="An order's id, as `xtrade journal orders` shows it.")
    ],
    /,
    *,
    journal: Place = None,
    json: Json = False,
) -> None:
    """Tell one order's life: what the strategy saw, what the risk gate said, what left and what came back.

    Each step says how long it took after the one before.

    **Examples**

    - `xtrade journal why 1763740000000000001`
    - `xtrade journal why 1763740000000000001 --json`
    """
    from xtrade.trading.journal.story import known_instruments, story

    with _reading(journal) as found:
        steps = story(found.read(order=order), known_instruments(found.read(kind="InstrumentKnown")))
        if not steps:
            raise DataError(
                f"{found.name} has no order {order}: `xtrade journal orders` shows the ids that it has"
            )
    answer(
        [
            StepRow(
                sequence=step.sequence,
                at_ns=step.at_ns,
                what=step.what,
                detail=step.detail,
                took_ns=step.took_ns,
                venue_ns=step.venue_ns,
            )
            for step in steps
        ],
        json=json,
        human=lambda: _story(order, steps),
    )


@app.command
def verify(*, journal: Place = None, json: Json = False) -> int:
    """Read the whole journal and say whether it is whole: exit code 0 for yes, 1 for no.

    Every record is checked against the chain, read, and added up to orders and positions.

    **Examples**

    - `xtrade journal verify`
    - `xtrade journal verify --journal desk/trading.journal --json`
    """
    from xtrade.trading.journal.entries import checked
    from xtrade.trading.journal.kinds import record_of
    from xtrade.trading.order_store import OrderStore

    store, problem = OrderStore(), None
    count = sessions = 0
    first_ns = last_ns = None
    with _reading(journal) as found:
        try:
            for entry in _shown("checking", found, checked(found.read(), found.genesis, where=found.name)):
                store.take(record_of(entry.kind, entry.body))
                count, sessions, last_ns = count + 1, entry.session, entry.at_ns
                first_ns = entry.at_ns if first_ns is None else first_ns
        except DataError as error:
            problem = str(error)
        verdict = Verdict(
            journal=found.name,
            whole=problem is None,
            entries=count,
            sessions=sessions,
            first_ns=first_ns,
            last_ns=last_ns,
            ended_in_order=store.ended_in_order,
            orders=len(store.orders),
            open_orders=len(store.open_orders()),
            in_doubt=len(store.in_doubt()),
            fingerprint=store.fingerprint() if problem is None else None,
            problem=problem,
        )
    answer(verdict, json=json, human=lambda: _judgement(verdict))
    return exit_codes.OK if verdict.whole else exit_codes.NO


@app.command(usage="xtrade journal export [OPTIONS] FILE")
def export(
    file: Annotated[
        Path, Parameter(metavar="FILE", help="Where to: a file that is not there yet, one JSON a line.")
    ],
    /,
    *,
    journal: Place = None,
) -> None:
    """Write everything that is whole to a file, one JSON document a line.

    Of a damaged journal that is all up to the damage; the exit code is then 7.

    **Examples**

    - `xtrade journal export orders.jsonl`
    - `xtrade journal export saved.jsonl --journal desk/trading.journal`
    """
    from xtrade.trading.journal.entries import checked
    from xtrade.trading.journal.kinds import record_of

    count, problem = 0, None
    try:
        with _reading(journal) as found, file.open("xb") as out:
            try:
                for entry in _shown("writing", found, checked(found.read(), found.genesis, where=found.name)):
                    row = EntryRow(
                        sequence=entry.sequence,
                        session=entry.session,
                        at_ns=entry.at_ns,
                        kind=entry.kind,
                        order=entry.order,
                        record=msgspec.Raw(to_json(record_of(entry.kind, entry.body))),
                    )
                    out.write(msgspec.json.encode(row) + b"\n")
                    count += 1
            except DataError as error:
                problem = error
    except FileExistsError:
        raise UsageError(f"{file} is there already: name a file that is not") from None
    except OSError as error:
        raise DataError(f"cannot write {file}: {error.strerror}") from error
    note(f"{count:,} records are in {file}.")
    if problem is not None:
        raise problem


# -- how --------------------------------------------------------------------------------------------------------------


@contextmanager
def _reading(place: str | None) -> Iterator[Readable]:
    from xtrade.trading.journal.opening import is_database, read_journal

    if place is None:
        from xtrade.app.config.load import load
        from xtrade.app.journals import place_of

        place = place_of(load().config)
    with read_journal(place if is_database(place) else Path(place).expanduser()) as found:
        yield found


def _folded(place: str | None) -> OrderStore:
    from xtrade.trading.journal.entries import checked
    from xtrade.trading.order_store import replayed

    with _reading(place) as found:
        return replayed(_shown("reading", found, checked(found.read(), found.genesis, where=found.name)))


def _shown(doing: str, journal: Readable, entries: Iterable[Entry]) -> Iterator[Entry]:
    """Pass entries on, with a bar on standard error where that is a terminal and the journal is long."""
    total = journal.head()[0]
    if not sys.stderr.isatty() or total < 50_000:
        yield from entries
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(
        entries, description=f"{doing} the journal", total=total, console=Console(stderr=True), transient=True
    )


def _order_row(state: OrderState, market: Instrument | None) -> OrderRow:
    intent = state.intent
    pending = [
        what
        for what, is_so in (("cancel pending", state.cancel_pending), ("change pending", state.amend_pending))
        if is_so
    ]
    return OrderRow(
        order=intent.client_order_id,
        strategy=intent.strategy,
        instrument=intent.instrument,
        side=intent.side.value,
        type=intent.type.value,
        quantity=_size(state.lots, market) if intent.quote_amount is None else str(intent.quote_amount),
        price=None if state.ticks is None else _price(state.ticks, market),
        filled=_size(state.executed_lots, market),
        status=state.status.value,
        pending=tuple(pending),
        decided_ns=intent.decided_ns,
        venue_order_id=state.venue_order_id,
    )


def _fill_rows(state: OrderState, market: Instrument | None) -> Iterator[FillRow]:
    for fill in state.fills:
        if fill.trade_id in state.reversed_trades:
            continue
        yield FillRow(
            order=state.intent.client_order_id,
            strategy=state.intent.strategy,
            instrument=state.intent.instrument,
            side=fill.side.value,
            quantity=_size(fill.lots, market),
            price=_price(fill.ticks, market),
            fee=_fee(fill.fee),
            maker=fill.maker,
            trade_id=fill.trade_id,
            at_ns=fill.venue_ns or state.intent.decided_ns,
        )


def _fee(fee: Money | None) -> str | None:
    return None if fee is None else str(fee)


def _size(lots: int, market: Instrument | None) -> str:
    return f"{lots} lots" if market is None else plain(market.quantity(lots))


def _price(ticks: int, market: Instrument | None) -> str:
    return f"{ticks} ticks" if market is None else plain(market.price(ticks))


def _table(heading: tuple[str, ...], rows: list[tuple[Any, ...]], nothing: str) -> RenderableType:
    from rich.text import Text

    return columns(heading, rows) if rows else Text(nothing)


def _story(order: int, steps: list[Step]) -> RenderableType:
    from rich.text import Text

    whole = steps[-1].at_ns - steps[0].at_ns
    text = Text(f"order {order}", style="bold")
    text.append(f"  {len(steps)} steps in {_span(whole)}\n\n", style="not bold")
    rows = [
        (
            _time(step.at_ns),
            "" if step.took_ns is None else f"+{_span(step.took_ns)}",
            step.what,
            step.detail,
        )
        for step in steps
    ]
    return text + columns(("when (UTC)", "after", "what", ""), rows)


def _judgement(verdict: Verdict) -> RenderableType:
    from rich.text import Text

    text = Text(f"{verdict.journal}: {'whole' if verdict.whole else 'damaged'}", style="bold")
    if verdict.problem is not None:
        text.append(f"\n  {verdict.problem}", style="not bold")
    facts = [("records", f"{verdict.entries:,}, sessions {verdict.sessions:,}")]
    if verdict.first_ns is not None and verdict.last_ns is not None:
        facts.append(("from, to", f"{_time(verdict.first_ns)}, {_time(verdict.last_ns)} (UTC)"))
    facts.append(
        ("ended", "in order" if verdict.ended_in_order else "the last process is running, or it died")
    )
    facts.append(
        (
            "orders",
            f"{verdict.orders:,}, of which {verdict.open_orders:,} open, {verdict.in_doubt:,} in doubt",
        )
    )
    if verdict.fingerprint is not None:
        facts.append(("adds up to", verdict.fingerprint))
    for label, value in facts:
        text.append(f"\n  {label:<10}  ", style="dim not bold").append(value, style="not bold")
    return text


def _time(at_ns: int) -> str:
    seconds, rest = divmod(at_ns, SECOND)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{rest // 1_000:06}"


def _span(ns: int) -> str:
    for unit, size in (("s", SECOND), ("ms", 1_000_000), ("µs", 1_000)):
        if ns >= size:
            return f"{ns / size:.3g} {unit}" if ns < 1_000 * size else f"{ns / size:,.0f} {unit}"
    return f"{ns} ns"


def _or_dash(order: int | None) -> str:
    return "-" if order is None else str(order)
