"""A small market maker in Python, woken by the book: ours against NautilusTrader, on the same rows.

    benchmarks/run maker [--rows 100000] [--rounds 3]

Depth and trades around a random walk, a book that is never crossed; no latency, no fees. The maker wants a bid a tick
below the best bid and an ask a tick above the best ask, post-only, of one lot each; it takes back a quote that is more
than two ticks from where it should be, and places the next. It is woken on every change of the book, and every 100 ms.

xtrade, replay    the loop over xtrade.sim.replay.replay.Replay: no risk gate, no positions, no record
xtrade, engine    a Strategy on the engine, with all of that; the same object would trade live
NautilusTrader    a Strategy in its BacktestEngine, with its cache, portfolio and risk engine

Medians of processor time; loading and compiling are left out. What is filled is not compared: NautilusTrader knows no
place in a queue. (benchmarks/run replay_agreement compares fills with a simulator that does.)
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from agreement.markets import BUY, LEVEL, TRADE, Data, clean

from xtrade import BookFeed, Params, Strategy
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument, Kind
from xtrade.model.orders import OrderIntent, OrderType
from xtrade.model.sides import Side
from xtrade.research.playback import TapeMarket, play
from xtrade.research.recorder import Recorder
from xtrade.runtime.ids import BITS_63, ClientOrderIds, MemoryMark
from xtrade.sim.replay.models import Assumptions
from xtrade.sim.replay.replay import Reason, Replay
from xtrade.sim.replay.tape import Tape
from xtrade.trading.engine import Engine

TOLERANCE = 2
STEP_NS = 100_000_000
FOREVER = 2**62
# As plain numbers: asking a flag costs as much as a wake.
END, ORDER, BOOK = int(Reason.END), int(Reason.ORDER), int(Reason.BOOK)
OVER = ("OrderFilled", "OrderCanceled", "OrderRejected", "OrderExpired")


class Ran(NamedTuple):
    """One run: how often the maker was woken, how many orders it sent, and the processor's seconds."""

    wakes: int
    orders: int
    seconds: float


# -- ours ------------------------------------------------------------------------------------------------------------


def tape_of(data: Data) -> Tape:
    instrument = Instrument(
        venue="bench", symbol="BTC/USDT:USDT", native="BTC", kind=Kind.LINEAR, base="BTC", quote="USDT",
        settle="USDT", tick=Decimal(1), lot=Decimal("0.001"),
    )  # fmt: skip
    names = ("local_ns", "venue_ns", "kind", "side", "ticks", "lots")
    columns = (np.array(column, np.int64) for column in zip(*data.rows, strict=True))
    return Tape.from_columns(instrument, **dict(zip(names, columns, strict=True)))


def on_replay(tape: Tape, every_ns: int) -> Ran:
    """Quote on the replay itself."""
    replay = Replay(tape, Assumptions())
    (key,) = tape.keys
    replay.watch(key, book=True, book_every_ns=every_ns, trades=False)
    book = replay.book(key)
    quotes: dict[Side, tuple[int, int] | None] = {Side.BUY: None, Side.SELL: None}
    wakes = name = 0
    began = time.process_time()
    while not (reasons := int(replay.advance(FOREVER))) & END:
        if reasons & ORDER:
            for event in replay.reports():
                if type(event).__name__ in OVER:
                    for side, quote in quotes.items():
                        if quote is not None and quote[0] == event.client_order_id:
                            quotes[side] = None
        if not reasons & BOOK:
            continue
        wakes += 1
        bid, ask = book.bid_ticks, book.ask_ticks
        if bid is None or ask is None:
            continue
        for side, wanted in ((Side.BUY, bid - 1), (Side.SELL, ask + 1)):
            quote = quotes[side]
            if quote is not None:
                if abs(quote[1] - wanted) > TOLERANCE:
                    replay.cancel(ClientOrderId(quote[0]))
                continue
            name += 1
            quotes[side] = (name, wanted)
            replay.place(
                OrderIntent(
                    client_order_id=ClientOrderId(name),
                    instrument=key,
                    instrument_version=1,
                    side=side,
                    type=OrderType.LIMIT,
                    ticks=wanted,
                    lots=1,
                    post_only=True,
                )
            )
    return Ran(wakes, name, time.process_time() - began)


class MakerParams(Params, frozen=True, kw_only=True):
    """Where it quotes, and how often it looks."""

    instrument: str
    every: str | None = None


class Maker(Strategy[MakerParams]):
    """The same maker, as a strategy."""

    def __init__(self, params):
        super().__init__(params)
        self.quotes = {Side.BUY: None, Side.SELL: None}
        self.wakes = self.sent = 0

    def subscriptions(self):
        every = self.params.every
        yield BookFeed(self.params.instrument, every=every) if every else BookFeed(self.params.instrument)

    def on_book(self, ctx, book):
        self.wakes += 1
        bid, ask = book.bid_ticks, book.ask_ticks
        if bid is None or ask is None:
            return
        for side, wanted in ((Side.BUY, bid - 1), (Side.SELL, ask + 1)):
            quote = self.quotes[side]
            if quote is not None and quote.is_open:
                if abs(quote.ticks - wanted) > TOLERANCE:
                    quote.cancel()
                continue
            self.sent += 1
            place = ctx.buy if side is Side.BUY else ctx.sell
            self.quotes[side] = place(self.params.instrument, lots=1, ticks=wanted, post_only=True)


def on_engine(tape: Tape, every_ns: int) -> Ran:
    """Quote as a strategy of the engine."""
    maker = Maker(
        MakerParams(instrument=tape.keys[0], every=f"{every_ns // 1_000_000}ms" if every_ns else None)
    )
    market = TapeMarket(tape, Replay(tape, {tape.keys[0]: Assumptions()}))
    recorder = Recorder()
    ids = ClientOrderIds(MemoryMark(BITS_63), lambda: engine.now_ns)
    engine = Engine({"maker": maker}, market, market.replay, ids=ids, limits=None, journal=recorder)
    recorder.portfolio = engine.portfolio
    began = time.process_time()
    play(engine, market, tell=None)
    return Ran(maker.wakes, maker.sent, time.process_time() - began)


# -- theirs ----------------------------------------------------------------------------------------------------------


def nautilus(data: Data) -> Callable[[int], Ran]:
    """Make the rows theirs, and return what plays them."""
    from datetime import timedelta

    from nautilus_trader.backtest.config import BacktestEngineConfig
    from nautilus_trader.backtest.engine import BacktestEngine
    from nautilus_trader.config import LoggingConfig
    from nautilus_trader.model.currencies import BTC, USDT
    from nautilus_trader.model.data import BookOrder, OrderBookDelta, TradeTick
    from nautilus_trader.model.enums import (
        AccountType,
        AggressorSide,
        BookAction,
        BookType,
        OmsType,
        OrderSide,
        RecordFlag,
    )
    from nautilus_trader.model.identifiers import InstrumentId, Symbol, TradeId, Venue
    from nautilus_trader.model.instruments import CryptoPerpetual
    from nautilus_trader.model.objects import Money, Price, Quantity
    from nautilus_trader.trading.strategy import Strategy as TheirStrategy

    venue = Venue("BENCH")
    instrument = CryptoPerpetual(
        instrument_id=InstrumentId(Symbol("BTCUSDT-PERP"), venue), raw_symbol=Symbol("BTCUSDT"), base_currency=BTC,
        quote_currency=USDT, settlement_currency=USDT, is_inverse=False, price_precision=0, size_precision=3,
        price_increment=Price(1, 0), size_increment=Quantity(0.001, 3), margin_init=Decimal(0),
        margin_maint=Decimal(0), maker_fee=Decimal(0), taker_fee=Decimal(0), ts_event=0, ts_init=0,
    )  # fmt: skip
    rows = []
    for number, (local_ns, venue_ns, kind, side, ticks, lots) in enumerate(data.rows):
        price, size = Price(ticks, 0), Quantity(lots / 1000, 3)
        if kind == LEVEL:
            action = BookAction.UPDATE if lots else BookAction.DELETE
            order = BookOrder(OrderSide.BUY if side == BUY else OrderSide.SELL, price, size, 0)
            rows.append(
                OrderBookDelta(instrument.id, action, order, RecordFlag.F_LAST, number, venue_ns, local_ns)
            )
        elif kind == TRADE and lots:
            taker = AggressorSide.BUYER if side == BUY else AggressorSide.SELLER
            rows.append(
                TradeTick(instrument.id, price, size, taker, TradeId(str(number)), venue_ns, local_ns)
            )

    class TheirMaker(TheirStrategy):
        def __init__(self, every_ns):
            super().__init__()
            self.every_ns = every_ns
            self.quotes = {}
            self.wakes = self.sent = 0

        def on_start(self):
            self.subscribe_order_book_deltas(instrument.id, BookType.L2_MBP)
            if self.every_ns:
                self.clock.set_timer(
                    "look", timedelta(microseconds=self.every_ns // 1000), callback=self.look
                )

        def on_order_book_deltas(self, deltas):
            if not self.every_ns:
                self.look(deltas)

        def look(self, _):
            self.wakes += 1
            book = self.cache.order_book(instrument.id)
            bid, ask = book.best_bid_price(), book.best_ask_price()
            if bid is None or ask is None:
                return
            for side, wanted in ((OrderSide.BUY, int(bid) - 1), (OrderSide.SELL, int(ask) + 1)):
                quote = self.quotes.get(side)
                if quote is not None and not quote.is_closed:
                    if abs(int(quote.price) - wanted) > TOLERANCE and not quote.is_pending_cancel:
                        self.cancel_order(quote)
                    continue
                self.sent += 1
                order = self.order_factory.limit(
                    instrument.id, side, Quantity(0.001, 3), Price(wanted, 0), post_only=True
                )
                self.quotes[side] = order
                self.submit_order(order)

    def run(every_ns: int) -> Ran:
        engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
        engine.add_venue(
            venue,
            OmsType.NETTING,
            AccountType.MARGIN,
            [Money(1_000_000, USDT)],
            book_type=BookType.L2_MBP,
            trade_execution=True,
        )
        engine.add_instrument(instrument)
        engine.add_data(rows)
        maker = TheirMaker(every_ns)
        engine.add_strategy(maker)
        began = time.process_time()
        engine.run()
        took = time.process_time() - began
        engine.dispose()
        return Ran(maker.wakes, maker.sent, took)

    return run


# -- the table -------------------------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    data = clean(options.rows, 1)
    tape = tape_of(data)
    sides: dict[str, Callable[[int], Ran]] = {
        "xtrade, replay": lambda every_ns: on_replay(tape, every_ns),
        "xtrade, engine": lambda every_ns: on_engine(tape, every_ns),
    }
    try:
        sides["NautilusTrader"] = nautilus(data)
    except ModuleNotFoundError:
        sys.exit("NautilusTrader is not installed: benchmarks/run maker")
    count = len(data.rows)
    for every_ns, title in ((0, "on every change"), (STEP_NS, "every 100 ms")):
        ran: dict[str, list[Ran]] = {name: [] for name in sides}
        for _ in range(options.rounds + 1):
            for name, side in sides.items():
                ran[name].append(side(every_ns))
        rates = {
            name: count / statistics.median(run.seconds for run in runs[1:]) for name, runs in ran.items()
        }
        print(
            f"\n| {count:,} rows, woken {title} | wakes | orders | million rows a second of CPU | × NautilusTrader |"
        )
        print("|---|---:|---:|---:|---:|")
        for name, rate in rates.items():
            last = ran[name][-1]
            ratio = rate / rates["NautilusTrader"]
            print(f"| {name} | {last.wakes:,} | {last.orders:,} | {rate / 1e6:.3g} | {ratio:.3g} |")


if __name__ == "__main__":
    main()
