"""`xtrade journal`: what was decided and what became of it, read while trading goes on or long after."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import cyclopts
import msgspec
from cyclopts import Parameter

from xtrade.app import exit_codes
from xtrade.app.journal_tables import (
    EntryRow,
    StepRow,
    Verdict,
    fill_rows,
    judgement,
    or_dash,
    order_row,
    story_text,
    table,
    time_text,
)
from xtrade.app.output import Json, answer, note
from xtrade.model.errors import DataError, UsageError
from xtrade.model.records import to_json

if TYPE_CHECKING:
    from xtrade.trading.journal.entries import Entry
    from xtrade.trading.journal.opening import Readable
    from xtrade.trading.order_store import OrderStore

__all__ = ["app"]

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
        help="A file, or postgresql://USER@HOST:PORT/DATABASE#NAME; by default the configuration's, or the newest of"
        " ./runs.",
    ),
]
Last = Annotated[
    int, Parameter(name="--last", metavar="COUNT", help="So many, counted from the end; 0 for all.")
]
Strategy = Annotated[str | None, Parameter(name="--strategy", metavar="NAME", help="Those of one strategy.")]

SHOWN = 30


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
        human=lambda: table(
            ("entry", "written (UTC)", "order", "what", ""),
            [
                (str(entry.sequence), time_text(entry.at_ns), or_dash(entry.order), *said_of(record))
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
        order_row(state, store.instruments.get(state.intent.instrument))
        for state in (states[-last:] if last else states)
    ]
    answer(
        rows,
        json=json,
        human=lambda: table(
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
                    time_text(row.decided_ns),
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
            for row in fill_rows(state, store.instruments.get(state.intent.instrument))
        ),
        key=lambda row: row.at_ns,
    )
    shown = rows[-last:] if last else rows
    answer(
        shown,
        json=json,
        human=lambda: table(
            ("order", "traded (UTC)", "strategy", "instrument", "side", "quantity", "price", "fee", "trade"),
            [
                (
                    str(row.order),
                    time_text(row.at_ns),
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
        human=lambda: story_text(order, steps),
    )


@app.command
def verify(*, journal: Place = None, json: Json = False) -> int:
    """Read the whole journal and say whether it is whole: exit code 0 for yes, 1 for no.

    Every record is checked against the chain, read, and added up to orders and positions; the checkpoint must tell the
    same of its place.

    **Examples**

    - `xtrade journal verify`
    - `xtrade journal verify --journal desk/trading.journal --json`
    """
    from xtrade.trading.checkpoints import from_bytes, to_bytes
    from xtrade.trading.journal.entries import checked
    from xtrade.trading.journal.kinds import record_of
    from xtrade.trading.order_store import OrderStore

    store, problem = OrderStore(), None
    count = sessions = 0
    first_ns = last_ns = None
    kept, checkpoint = None, "none"
    with _reading(journal) as found:
        try:
            data = found.checkpoint()
            kept = None if data is None else from_bytes(data, found.genesis)
        except DataError as error:
            checkpoint = f"will not be used: {error}"
        if kept is not None:
            checkpoint = (
                f"will not be used: the journal ends before record {kept.sequence}, where it was made"
            )
        try:
            for entry in _shown("checking", found, checked(found.read(), found.genesis, where=found.name)):
                store.take(record_of(entry.kind, entry.body))
                store.has_read(entry)
                count, sessions, last_ns = count + 1, entry.session, entry.at_ns
                first_ns = entry.at_ns if first_ns is None else first_ns
                if kept is not None and kept.sequence == entry.sequence:
                    holds = to_bytes(kept, found.genesis) == to_bytes(store, found.genesis)
                    checkpoint = (
                        f"at record {kept.sequence:,}, tells {'the same' if holds else 'something else'}"
                    )
                    problem = None if holds else _WRONG_CHECKPOINT.format(kept.sequence)
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
            checkpoint=checkpoint,
            problem=problem,
        )
    answer(verdict, json=json, human=lambda: judgement(verdict))
    return exit_codes.OK if verdict.whole else exit_codes.NO


_WRONG_CHECKPOINT = (
    "the checkpoint at record {} tells something else than the records up to there, and a start would go on from it:"
    " make a new one with `xtrade journal checkpoint`"
)


@app.command
def checkpoint(*, journal: Place = None) -> None:
    """Read the whole journal and keep what it adds up to: the next start reads only what came after.

    A start makes one by itself when it had to read much. Where a process trades for weeks, this shortens the start
    after it: run it now and then. Whoever trades goes on meanwhile; a checkpoint that was there is not believed.

    **Examples**

    - `xtrade journal checkpoint`
    - `xtrade journal checkpoint --journal postgresql://trader@db.lan/desk#trading`
    """
    from xtrade.trading.checkpoints import keep_checkpoint
    from xtrade.trading.journal.entries import checked
    from xtrade.trading.order_store import replayed

    with _reading(journal) as found:
        entries = checked(found.read(), found.genesis, where=found.name)
        store = replayed(_shown("reading", found, entries))
        keep_checkpoint(found, store)
    note(f"The checkpoint of {found.name} is at record {store.sequence:,}.")


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
        from xtrade.app.desk_flags import place_of

        place = place_of(None, None).address
    with read_journal(place if is_database(place) else Path(place).expanduser()) as found:
        yield found


def _folded(place: str | None) -> OrderStore:
    from xtrade.trading.checkpoints import restored

    with _reading(place) as journal:
        found = restored(journal, shown=lambda entries: _shown("reading", journal, entries))
    if found.word:
        note(f"Note: {found.word}.")
    return found.store


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
