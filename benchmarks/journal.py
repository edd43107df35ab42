"""
What "write before you send" costs: one append, as the engine waits for it, in a file and in PostgreSQL, for each level
of durability; beside a bare fdatasync of this disk, and a bare commit of this server. Then how long a restart takes
with a million records behind it, without a checkpoint and with one, and how long a warm standby takes to go on.

Rounds alternate; figures are of all appends together. PostgreSQL is left out where none answers at XTRADE_TEST_POSTGRES
(postgresql://postgres@127.0.0.1:5432/postgres).
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from itertools import count, islice
from pathlib import Path
from time import perf_counter, perf_counter_ns, process_time

from xtrade.model.events import (
    BalanceReport,
    CancelSent,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderSent,
)
from xtrade.model.fills import Fill
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument, Kind
from xtrade.model.money import Money
from xtrade.model.orders import OrderIntent, OrderType
from xtrade.model.sides import Side
from xtrade.trading.checkpoints import keep_checkpoint, restored
from xtrade.trading.journal import open_journal
from xtrade.trading.journal.durable import Store
from xtrade.trading.journal.entries import checked, sealed
from xtrade.trading.journal.kinds import kind_of, order_of, to_body
from xtrade.trading.order_store import replayed
from xtrade.trading.ports import Asked, Decided, InstrumentKnown, Record

SERVER = os.environ.get("XTRADE_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
ROUNDS = 7
APPENDS = 150
RECORDS = 1_000_000
AFTER_CHECKPOINT = 10_000
TAKE_OVERS = 5
BEGAN_NS = 1_763_740_000_000_000_000


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="xtrade-journal-", dir=os.environ.get("XTRADE_BENCHMARK_DIR")))
    database = make_database()
    took: dict[str, list[int]] = {}
    opened = []
    writers: list[tuple[str, Callable[[int], object]]] = [
        ("a bare 300-byte write and fdatasync", bare_write(folder))
    ]
    places = [("SQLite", str(folder / "file"))] + ([("PostgreSQL", f"{database}#bench")] if database else [])
    if database:
        writers.append(("a bare INSERT through asyncpg, awaited", bare_insert(database)))
    for name, where in places:
        for level in ("power", "process"):
            journal = open_journal(f"{where}-{level}", durability=level)
            opened.append(journal)
            writers.append((f"{name}, an order, {level}", lambda n, j=journal: j.append(order(n))))
        writers.append((f"{name}, a record that is not urgent", lambda n, j=opened[-2]: j.append(sent(n))))
    number = 0
    for _ in range(ROUNDS):
        for name, write in writers:
            times = took.setdefault(name, [])
            for _ in range(APPENDS):
                number += 1
                began = perf_counter_ns()
                write(number)
                times.append(perf_counter_ns() - began)
    for journal in opened:
        journal.close()
    print(f"Python {sys.version.split()[0]}, {ROUNDS} rounds of {APPENDS} appends each\n")
    print("| One append | median, µs | 99 of 100, µs | worst, ms |\n|---|---:|---:|---:|")
    for name, times in took.items():
        times.sort()
        print(f"| {name} | {at(times, 0.5):,.0f} | {at(times, 0.99):,.0f} | {times[-1] / 1e6:,.1f} |")

    print(
        f"\n| Restart with {RECORDS:,} records: seconds, in brackets those of our processor | from the beginning"
        f" | to keep a checkpoint | from a checkpoint {AFTER_CHECKPOINT:,} records ago |\n|---|---:|---:|---:|"
    )
    for name, where in places:
        took = restart(f"{where}-restart")
        print(f"| {name} |", " | ".join(f"{wall:.1f} ({own:.1f})" for wall, own in took), "|")
    if database:
        took = sorted(take_over(f"{database}#standby{turn}") for turn in range(TAKE_OVERS))
        print(
            f"\nA warm standby writes {took[len(took) // 2] * 1e3:,.0f} ms after the holder is killed",
            end="",
        )
        print(f" (median of {TAKE_OVERS}; {took[0] * 1e3:,.0f} to {took[-1] * 1e3:,.0f}).")
        drop_database(database)


def at(times: list[int], share: float) -> float:
    return times[min(len(times) - 1, int(len(times) * share))] / 1e3


def order(number: int, side: Side = Side.BUY) -> OrderIntent:
    return OrderIntent(
        client_order_id=ClientOrderId(number),
        instrument="binance:BTC/USDT:USDT",
        instrument_version=1,
        side=side,
        type=OrderType.LIMIT,
        lots=10,
        ticks=950_000,
        strategy="maker",
        decided_ns=BEGAN_NS + number,
    )


def sent(number: int) -> OrderSent:
    return OrderSent(client_order_id=ClientOrderId(number))


def bare_write(folder: Path) -> Callable[[int], object]:
    file = os.open(folder / "bare", os.O_WRONLY | os.O_CREAT)
    os.posix_fallocate(file, 0, 4 << 20)
    return lambda n: (os.pwrite(file, b"x" * 300, n % 10_000 * 300), os.fdatasync(file))


def bare_insert(database: str) -> Callable[[int], object]:
    import asyncpg

    loop = asyncio.new_event_loop()
    connection = loop.run_until_complete(asyncpg.connect(database))
    loop.run_until_complete(connection.execute("CREATE TABLE bare (n bigint PRIMARY KEY, body bytea)"))
    body = b"x" * 300
    return lambda n: loop.run_until_complete(connection.execute("INSERT INTO bare VALUES ($1, $2)", n, body))


def restart(where: str) -> list[tuple[float, float]]:
    """Seconds to add a journal up from its beginning, to keep a checkpoint, and to go on from that."""
    records = day()
    store = open_journal(where, durability="process").store
    try:
        write(store, islice(records, RECORDS - AFTER_CHECKPOINT))
        before = restored(store).store
        kept = seconds(lambda: keep_checkpoint(store, before))
        before = None
        write(store, islice(records, AFTER_CHECKPOINT))
        assert restored(store)[1:] == (AFTER_CHECKPOINT, ""), "the checkpoint is used"
        rest = seconds(lambda: restored(store))
        whole = seconds(lambda: replayed(checked(store.read(), store.genesis, where=store.name)))
        return [whole, kept, rest]
    finally:
        store.close()


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """How long something takes, and how much of that this process was on the processor."""
    began, own = perf_counter(), process_time()
    made = work()
    took = perf_counter() - began, process_time() - own
    del made  # to take a million records apart again is no part of it
    return took


def write(store: Store, records: Iterable[Record]) -> None:
    """Write records many at a time, as no trader could."""
    sequence, session, digest = store.head()
    while batch := list(islice(records, 5_000)):
        entries = []
        for record in batch:
            sequence += 1
            entry = sealed(
                digest,
                sequence=sequence,
                session=session,
                at_ns=sequence,
                kind=kind_of(record),
                order=order_of(record),
                body=to_body(record),
            )
            entries.append(entry)
            digest = entry.digest
        store.append(entries, urgent=True)


def day() -> Iterator[Record]:
    """A maker's day: of three orders one trades, in two fills, and two are canceled."""
    market = Instrument(
        venue="binance",
        symbol="BTC/USDT:USDT",
        native="BTCUSDT",
        kind=Kind.LINEAR,
        base="BTC",
        quote="USDT",
        settle="USDT",
        tick=Decimal("0.1"),
        lot=Decimal("0.001"),
    )
    yield InstrumentKnown(instrument=market)
    for number in count(1):
        own, theirs, now_ns = (
            ClientOrderId(number),
            f"{8_000_000_000 + number}",
            BEGAN_NS + number * 1_000_000,
        )
        told = {
            "client_order_id": own,
            "venue_order_id": theirs,
            "venue_ns": now_ns,
            "received_ns": now_ns + 1,
        }
        side = Side.BUY if number % 2 else Side.SELL
        yield Decided(
            client_order_id=own,
            callback="on_book",
            cause=f"BookDelta {market.key}",
            heard_ns=now_ns,
            venue_ns=now_ns - 4_000_000,
            sequence=number,
            bid_ticks=949_999,
            ask_ticks=950_001,
        )
        yield order(number, side=side)
        yield sent(number)
        yield OrderAccepted(**told)
        if number % 3:
            yield Asked(client_order_id=own, what="cancel", request=1, at_ns=now_ns)
            yield CancelSent(client_order_id=own, request=1)
            yield OrderCanceled(**told)
            continue
        for part, lots in enumerate((4, 6)):
            fill = Fill(
                trade_id=f"{2 * number + part}",
                side=side,
                ticks=950_000,
                lots=lots,
                fee=Money.of("0.0152", "USDT"),
                maker=True,
                venue_ns=now_ns,
            )
            yield OrderFilled(**told, fill=fill, cumulative_lots=4 + 6 * part)
        total = Money.of(f"{10_000 + number}.25", "USDT")
        yield BalanceReport(account="binance", total=total, held=Money.of("1.5", "USDT"), received_ns=now_ns)


HOLDER = """
import sys
from xtrade.trading.journal import open_journal
from xtrade.trading.ports import Noted
journal = open_journal(sys.argv[1], accounts=["okx"], wait_s=float(sys.argv[2]))
journal.append(Noted(strategy="", text="here", at_ns=0))
journal.flush()
print("here", flush=True)
sys.stdin.read()
"""


def take_over(where: str) -> float:
    """Seconds from the kill of the holder to the first durable record of the standby."""
    holder = start(where, "0")
    holder.stdout.readline()
    standby = start(where, "60")
    while not waits(where):
        pass
    holder.kill()
    began = perf_counter()
    standby.stdout.readline()
    seconds = perf_counter() - began
    for process in (holder, standby):
        process.kill()
        process.wait()
    return seconds


def start(where: str, wait: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(HOLDER), where, wait]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def waits(where: str) -> bool:
    return bool(ask(where, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"))


def make_database() -> str:
    name = f"xtrade_bench_{os.getpid()}"
    try:
        ask(SERVER, f"CREATE DATABASE {name}")
    except OSError:
        return ""
    return SERVER.rpartition("/")[0] + f"/{name}"


def drop_database(database: str) -> None:
    ask(SERVER, f"DROP DATABASE {database.rpartition('/')[2]} WITH (FORCE)")


def ask(where: str, statement: str) -> list[object]:
    import asyncpg

    async def once() -> list[object]:
        connection = await asyncpg.connect(where.partition("#")[0])
        try:
            return list(await connection.fetch(statement))
        finally:
            await connection.close()

    return asyncio.run(once())


if __name__ == "__main__":
    main()
