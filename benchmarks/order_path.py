"""
From a strategy's decision to the call of its venue: what of the way is ours, apart from signing and the wire.

`ctx.buy(...)` to the moment in which the venue's `place` is called with the intent: rounding, the order's handle, the
client order id, every rule of the risk gate, the record of the journal, the way to the venue. Then the same with the
journal of a run on paper (SQLite, each order committed before it is sent), which is counted apart. Where ccxt is
installed (`uv run --group clients`), its own way from `create_order` to the signed request is measured in turn, with
signing and without; nothing is sent by anybody.

Rounds are played in turn; figures are medians.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter_ns

from xtrade.market.live_books import LiveBooks
from xtrade.model.events import BookSnapshot
from xtrade.model.instruments import Instrument
from xtrade.model.levels import Levels
from xtrade.model.orders import OrderIntent
from xtrade.runtime import clock
from xtrade.runtime.ids import BITS_63, ClientOrderIds, MemoryMark
from xtrade.sim.synthetic.presets import preset
from xtrade.trading.engine import Engine
from xtrade.trading.journal.opening import open_journal
from xtrade.trading.params import Params
from xtrade.trading.ports import Journal
from xtrade.trading.risk import Limits
from xtrade.trading.strategy import Strategy
from xtrade.trading.subscriptions import BookFeed

ROUNDS = 15
ORDERS = 400
MARKET = next(each for each in preset("spot-and-perpetual").instruments if each.key.endswith(":USDT"))


class Wire:
    """A venue of which nothing is measured but when it was called."""

    def __init__(self) -> None:
        self.called_ns = 0

    def place(self, _intent: OrderIntent) -> None:
        self.called_ns = perf_counter_ns()

    def cancel(self, _client_order_id: int) -> bool:
        return False

    def amend(self, _client_order_id: int, **_terms: int) -> bool:
        return False


class Quiet(Strategy[Params]):
    def subscriptions(self):
        yield BookFeed(MARKET.key)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        ways: dict[str, Callable[[], list[float]]] = {
            "xtrade, without a journal": lambda: ours(None),
            "xtrade, journal on disk (process)": lambda: journaled(Path(folder), "process"),
            "xtrade, journal on disk (power)": lambda: journaled(Path(folder), "power"),
        }
        ways |= theirs()
        took: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, way in ways.items():
                took[name].append(median(way()))
    print(f"Python {sys.version.split()[0]}, {ROUNDS} rounds of {ORDERS} orders, medians of medians\n")
    print("| From the decision to the venue's call | µs an order |\n|---|---:|")
    for name, us in took.items():
        print(f"| {name} | {median(us):.1f} |")


def journaled(folder: Path, durability: str) -> list[float]:
    with (
        tempfile.TemporaryDirectory(dir=folder) as own,
        open_journal(Path(own) / "trading.journal", durability=durability) as journal,
    ):
        return ours(journal)


def ours(journal: Journal | None) -> list[float]:
    """Place orders that fit the limits, one by one, each alone in its engine's second."""
    wire, books = Wire(), LiveBooks({MARKET.key: MARKET})
    limits = Limits(order_value_max=100_000, position_value_max=10**9, open_orders_max=10**6)
    ids = ClientOrderIds(MemoryMark(BITS_63), clock.now_ns)
    engine = Engine({"q": Quiet(Params())}, books, wire, ids=ids, limits={"q": limits}, journal=journal)
    now_ns = clock.now_ns()
    books.apply(snapshot(MARKET))
    engine.start(now_ns)
    context = engine.contexts["q"]
    found = []
    for number in range(ORDERS):
        engine.now_ns = now_ns + number * 1_000_000_000
        context.open_orders.clear()  # as if it had ended: how many are open is not what is measured
        began_ns = perf_counter_ns()
        order = context.buy(MARKET.key, lots=5, ticks=59_900, post_only=True)
        found.append((wire.called_ns - began_ns) / 1_000)
        assert order.refusal is None, order.refusal
    return found


def snapshot(instrument: Instrument) -> BookSnapshot:
    return BookSnapshot(
        instrument=instrument.key,
        received_ns=clock.now_ns(),
        sequence=1,
        bids=Levels.of([(60_000 - step, 100) for step in range(20)]),
        asks=Levels.of([(60_001 + step, 100) for step in range(20)]),
    )


def theirs() -> dict[str, Callable[[], list[float]]]:
    try:
        import ccxt
    except ImportError:
        print("ccxt is not installed here: only our own way is measured\n", file=sys.stderr)
        return {}

    exchange = ccxt.binance({"apiKey": "k" * 64, "secret": "s" * 64, "enableRateLimit": False})
    market = {
        "id": "BTCUSDT",
        "symbol": "BTC/USDT",
        "base": "BTC",
        "quote": "USDT",
        "baseId": "BTC",
        "quoteId": "USDT",
        "type": "spot",
        "spot": True,
        "active": True,
        "precision": {"price": 0.01, "amount": 0.00001},
        "limits": {},
        "info": {"orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"]},
    }
    exchange.set_markets([exchange.safe_market_structure(market)])
    at = [0]

    def fetch(*_args: object, **_more: object) -> dict[str, object]:
        at[0] = perf_counter_ns()
        return {"symbol": "BTCUSDT", "orderId": 1, "clientOrderId": "x", "status": "NEW", "side": "BUY"}

    exchange.fetch = fetch

    def way() -> list[float]:
        found = []
        for _ in range(ORDERS):
            began_ns = perf_counter_ns()
            exchange.create_order("BTC/USDT", "limit", "buy", 0.01, 59_900.0)
            found.append((at[0] - began_ns) / 1_000)
        return found

    sign = exchange.hmac

    def unsigned() -> list[float]:
        exchange.hmac = lambda *_args, **_more: "0" * 64
        try:
            return way()
        finally:
            exchange.hmac = sign

    return {"ccxt, create_order to the signed request": way, "ccxt, the same without its HMAC": unsigned}


if __name__ == "__main__":
    main()
