"""A node as it trades live, and is killed: journal, link, engine, reconciler, and a strategy that orders without sense.

    node.py DIRECTORY ADDRESS KEY SEED [--end]

On standard output it says `opened` when it has the journal, `ready MS OPEN DOUBTFUL` when all that the process before
left is settled, and a line for each record that it has written. With `--end` it trades no more: it cancels what is
open, waits until nothing is in doubt, and tells in one line of JSON what each balance has become by our books.
"""

import asyncio
import json
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path

import structlog

from kit.toy.auth import Key
from kit.toy.codec import ToyCodec
from kit.toy.spec import SPEC
from xtrade.model.errors import VenueError
from xtrade.model.money import Money
from xtrade.model.numbers import plain
from xtrade.runtime import chance, clock
from xtrade.runtime.ids import BITS_63, ClientOrderIds, FileMark
from xtrade.runtime.real import run
from xtrade.runtime.secrets import Secret
from xtrade.testing.wanderer import Wanderer, WandererParams
from xtrade.trading.handover import Handover
from xtrade.trading.journal import open_journal
from xtrade.trading.order_store import replayed
from xtrade.trading.reconciler import Pace, Reconciler
from xtrade.trading.reconciliation import Policy
from xtrade.trading.risk import Limits
from xtrade.trading.session import Session
from xtrade.venues.link import Link
from xtrade.venues.markets import Markets

KEY = "toy:BTC/USDT"
PACE = Pace(answer_s=1.0, again_s=0.2, every_s=2.0)
# A box answers within milliseconds: what it has not heard of after so long never reached it.
POLICY = Policy(silence_ns=3 * 10**9)


class Resting(Wanderer):
    """Goes on with what is there, and orders nothing."""

    def on_start(self, ctx):
        """Set no timer."""


class Telling:
    """A journal that tells of each record, once it is written."""

    tells_why = True

    def __init__(self, journal):
        self._journal = journal

    @property
    def may_cancel(self):
        return self._journal.may_cancel

    def append(self, record):
        self._journal.append(record)
        print(type(record).__name__, flush=True)


async def main():
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    directory, address, key, seed, *end = sys.argv[1:]
    fields = {name: Secret(value) for name, value in json.loads(key).items()}
    link = Link(ToyCodec(SPEC.at("box", address), Markets(), Key.from_key(fields)))
    await link.load()
    began_ns = clock.monotonic_ns()
    journal = open_journal(Path(directory) / "trading.journal", accounts=["toy.1"])
    store = replayed(journal.entries())
    print("opened", flush=True)
    opened = len(store.open_orders()), len(store.in_doubt())
    handover = Handover.of(store, store.handed_over_ns)
    link.orders.remember(state.intent for state in store.open_orders())
    kind = Resting if end else Wanderer
    session = Session(
        {"one": kind(WandererParams(instrument=KEY, every_s=0.02))},
        {"toy": link},
        ids=ClientOrderIds(FileMark(Path(directory), BITS_63), clock.now_ns),
        limits={"one": Limits(position_value_max=Decimal(50_000))},
        journal=journal if end else Telling(journal),
        handover=handover,
    )
    reconciler = Reconciler(session, policy=POLICY, pace=PACE)
    with chance.using(chance.Streams(int(seed))):
        await session.start(begin=False)
        await reconciler.take_over(handover)
        print("ready", (clock.monotonic_ns() - began_ns) // 10**6, *opened, flush=True)
        session.begin()
        task = asyncio.create_task(reconciler.run())
        if not end:
            await task
        session.act(session.engine.wind_down)
        while not is_over(session, reconciler):  # noqa: ASYNC110  (what it waits for is told by two sides)
            await asyncio.sleep(0.05)
        task.cancel()
    await settled(reconciler)
    print(json.dumps(coins(session, link.instruments[KEY])), flush=True)
    await session.stop()
    journal.close()


def is_over(session, reconciler):
    """Whether nothing is open, in doubt, or without its fills any more."""
    orders = session.engine.order_states().values()
    return not reconciler.open_questions.get("toy") and all(state.is_settled for state in orders)


def coins(session, instrument):
    """Say what trading has changed of each balance, by our books: bought, sold, and paid in fees."""
    position = session.engine.portfolio.position("one", instrument)
    changed = Counter(
        {
            instrument.base: instrument.base_amount(ticks=1, lots=position.lots).atoms,
            instrument.quote: position.realised.atoms - position.cost.atoms,
        }
    )
    for fee in position.fees:
        changed[fee.currency] -= fee.atoms
    return {currency: plain(Money(atoms, currency).amount) for currency, atoms in changed.items()}


async def settled(reconciler):
    while True:
        try:
            return await reconciler.settle("toy")
        except VenueError:
            await asyncio.sleep(PACE.again_s)


if __name__ == "__main__":
    run(main)
