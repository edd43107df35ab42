"""A box of OKX at one end, our codec and link at the other: both tell the same story, to the last lot."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from kit.orders import intent
from xtrade.market.live_books import Heard, LiveBooks
from xtrade.model.errors import AuthFailed, ConfigError
from xtrade.model.events import (
    AmendRejected,
    BalanceReport,
    Bar,
    BookDelta,
    BookSnapshot,
    CancelRejected,
    Funding,
    LinkDown,
    LinkUp,
    MarkPrice,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderCompleted,
    OrderExpired,
    OrderFilled,
    OrderInDoubt,
    OrderRejected,
    PositionReport,
    Stale,
    Trade,
)
from xtrade.model.ids import ClientOrderId
from xtrade.model.money import Money
from xtrade.model.order_state import OrderStatus
from xtrade.model.orders import OrderType, TimeInForce, Trigger
from xtrade.model.sides import Side
from xtrade.net.memory.network import Network
from xtrade.runtime import clock
from xtrade.runtime.secrets import Secret
from xtrade.runtime.virtual import run_virtual
from xtrade.venues.abilities import Feed
from xtrade.venues.base import FeeRates
from xtrade.venues.box.serving import Box
from xtrade.venues.box.trouble import Trouble
from xtrade.venues.box.worlds import world_of
from xtrade.venues.link import Link, LinkOptions
from xtrade.venues.markets import Markets
from xtrade.venues.okx.auth import OkxKey
from xtrade.venues.okx.codec import OkxCodec
from xtrade.venues.okx.server import OkxServer
from xtrade.venues.okx.spec import SPEC

SPOT, SWAP = "okx:BTC/USDT", "okx:BTC/USDT:USDT"
ACCOUNT = "okx.1"
BOOKS = frozenset({Feed.BOOK, Feed.TRADES})
MINUTE_NS = 60 * 10**9
LEVELS = 400


class Desk:
    """A link to a box, everything that it told, and books made of that alone."""

    def __init__(self, box, link):
        self.box, self.link, self.heard, self.gaps = box, link, [], 0
        self.books = LiveBooks(link.instruments)

    def hear(self, events):
        for event in events:
            self.heard.append(event)
            if isinstance(event, BookSnapshot | BookDelta):
                self.gaps += self.books.apply(event) is Heard.GAP
            elif isinstance(event, Stale):
                self.books.live(event.instrument).distrust()

    def of(self, kind, number=None):
        return [
            each
            for each in self.heard
            if isinstance(each, kind) and (number is None or getattr(each, "client_order_id", None) == number)
        ]

    def book(self, key):
        book = self.books.book(key)
        return book.levels(Side.BUY, 10_000), book.levels(Side.SELL, 10_000)

    def there(self, key):
        book = self.box.floor.exchange.book(key)
        return list(book.bids)[:LEVELS], list(book.asks)[:LEVELS]

    async def until(self, condition, seconds=30):
        for _ in range(int(seconds * 20)):
            if condition():
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"not within {seconds} s; last heard: {self.heard[-3:]}")

    async def agrees(self, key):
        """Our book is the exchange's, but for what is on its way at this instant."""
        await self.until(lambda: self.book(key) == self.there(key), seconds=5)

    async def agrees_when_asked(self, key):
        for _ in range(20):
            asked = await self.link.book(key, LEVELS)
            if (list(asked.bids), list(asked.asks)) == self.there(key):
                return True
        return False

    def place(self, number, key=SPOT, side=Side.BUY, *, away=0, lots=100_000, **more):
        """Place an order so many ticks away from the other side's best, or at the market."""
        book = self.books.book(key)
        told = {"type": OrderType.LIMIT, "lots": lots}
        if more.get("type") is not OrderType.MARKET and "ticks" not in more:
            best = book.ask_ticks if side is Side.BUY else book.bid_ticks
            told["ticks"] = best - away if side is Side.BUY else best + away
        self.link.place(
            intent(
                client_order_id=ClientOrderId(number),
                instrument=key,
                side=side,
                decided_ns=clock.now_ns(),
                **(told | more),
            )
        )


@asynccontextmanager
async def desk(*, feeds=BOOKS, keys=(SPOT, SWAP), key=None, options=None):
    Network().bring()
    world = world_of({"okx": OkxServer}, ["BTC/USDT", "BTC/USDT:USDT"])
    async with Box(OkxServer, world, seed=5) as box:
        fields = {name: Secret(value) for name, value in (box.accounts[0].key | (key or {})).items()}
        codec = OkxCodec(SPEC.at("live", box.address), Markets(), OkxKey.from_key(fields))
        link = Link(codec, options)
        await link.load()
        d = Desk(box, link)
        for each in keys:
            link.subscribe(each, feeds)
        try:
            await link.start(d.hear)
            if Feed.BOOK in feeds:
                await d.until(lambda: all(d.books.book(each).is_trusted for each in keys))
            yield d
        finally:
            await link.stop()


def run(test):
    return run_virtual(test, seed=3)


# -- markets ------------------------------------------------------------------------------------------------------


def test_the_listing_is_the_floors():
    async def main():
        async with desk(feeds=frozenset()) as d:
            for key, ours in d.link.instruments.items():
                theirs = d.box.floor.instruments[key]
                for name in (
                    "native",
                    "kind",
                    "base",
                    "quote",
                    "settle",
                    "tick",
                    "lot",
                    "multiplier",
                    "min_lots",
                ):
                    assert getattr(ours, name) == getattr(theirs, name), (key, name)
            assert set(d.link.instruments) == {SPOT, SWAP}
            assert await d.link.fee_rates([SPOT, SWAP]) == {
                key: FeeRates(each.maker_fee, each.taker_fee) for key, each in d.box.floor.instruments.items()
            }

    run(main)


def test_books_are_the_exchanges_to_the_last_lot():
    async def main():
        async with desk() as d:
            await asyncio.sleep(60)
            for key in (SPOT, SWAP):
                await d.agrees(key)
                assert await d.agrees_when_asked(key)
            assert d.gaps == 0
            assert not d.of(Stale)
            assert {each.channel for each in d.of(LinkUp)} == {"public", "private", "stops"}

    run(main)


def test_a_book_beyond_what_is_told_of_it():
    async def main():
        async with desk(keys=(SWAP,)) as d:
            # Orders far away push what is told of a side beyond its end, and are gone again.
            for number in range(1, 5):
                d.place(number, SWAP, away=300 * number, lots=1)
            await d.until(lambda: len(d.of(OrderAccepted)) >= 4)
            for number in range(1, 5):
                d.link.cancel(ClientOrderId(number))
            await d.until(lambda: len(d.of(OrderCanceled)) == 4)
            await asyncio.sleep(20)
            await d.agrees(SWAP)

    run(main)


def test_trades_marks_funding_and_bars():
    async def main():
        async with desk(feeds=frozenset(Feed), keys=(SWAP,)) as d:
            await asyncio.sleep(150)
            chronicle = d.box.floor.chronicle
            told = {trade.trade_id: trade for trade in d.of(Trade)}
            there = {trade.trade_id: trade for trade in chronicle.trades(SWAP, 10_000)}
            assert len(told) > 20
            for number, trade in told.items():
                assert (trade.ticks, trade.lots, trade.taker) == (
                    there[number].ticks,
                    there[number].lots,
                    there[number].taker,
                )
            asked = [trade.trade_id for trade in await d.link.trades(SWAP, 5)]
            every = [trade.trade_id for trade in chronicle.trades(SWAP, 10_000)]
            assert asked == every[every.index(asked[0]) :][:5]
            await d.until(lambda: d.of(MarkPrice)[-1].mark == chronicle.marks[SWAP].mark)
            assert (await d.link.mark(SWAP)).mark > 0
            assert d.of(Funding)[-1].rate == chronicle.fundings[SWAP].rate
            funding = await d.link.funding(SWAP)
            assert (funding.next_ns, funding.interval_ns) == (
                chronicle.fundings[SWAP].next_ns,
                chronicle.fundings[SWAP].interval_ns,
            )
            bars = await d.link.bars(SWAP, MINUTE_NS, 0, clock.now_ns())
            # The last one goes on while it is asked for.
            assert [(b.start_ns, b.volume_lots) for b in bars[:-1]] == [
                (b.start_ns, b.volume_lots) for b in chronicle.bars(SWAP, MINUTE_NS, 0, 1 << 62)
            ][: len(bars) - 1]
            assert len(bars) >= 3
            closed = {bar.start_ns: bar for bar in d.of(Bar) if bar.closed}
            assert closed
            assert all(closed[b.start_ns].volume_lots == b.volume_lots for b in bars if b.start_ns in closed)

    run(main)


def test_funding_that_was_settled():
    async def main():
        async with desk(feeds=frozenset({Feed.FUNDING}), keys=(SWAP,)) as d:
            every_ns = 10 * 10**9
            d.box.floor.act(
                lambda exchange, now_ns: exchange.set_funding(
                    SWAP, "0.0001", now_ns, next_ns=now_ns + every_ns, interval_ns=every_ns
                )
            )
            await asyncio.sleep(35)
            end_ns = clock.now_ns()
            found = await d.link.funding_history(SWAP, 0, end_ns)
            there = d.box.floor.chronicle.settlements(SWAP, 0, end_ns)
            assert [(each.at_ns, each.rate) for each in found] == [
                (each.at_ns, each.rate.rate) for each in there
            ]
            assert len(found) >= 2

    run(main)


def test_a_book_that_misses_a_message_begins_anew_and_no_other():
    async def main():
        async with desk(feeds=frozenset({Feed.BOOK})) as d:
            await asyncio.sleep(1)  # the account is told every five seconds: the next message is of a book
            snapshots = len(d.of(BookSnapshot))
            d.box.set_trouble(Trouble(skip_messages=1, double_messages=5))
            await d.until(lambda: d.of(Stale), seconds=60)
            (stale,) = d.of(Stale)
            await d.until(lambda: d.books.book(stale.instrument).is_trusted)
            assert {each.instrument for each in d.of(BookSnapshot)[snapshots:]} == {stale.instrument}
            await asyncio.sleep(5)
            await d.agrees(stale.instrument)
            assert d.gaps == 0

    run(main)


# -- orders -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("socket", [True, False])
@pytest.mark.parametrize("key", [SPOT, SWAP])
def test_an_order_rests_is_changed_and_canceled(key, socket):
    async def main():
        async with desk() as d:
            if not socket:
                d.link.asker.open.clear()
            d.place(1, key, away=2_000)
            await d.until(lambda: len(d.of(OrderAccepted, 1)) == 2)  # its answer, and the stream
            (report,) = await d.link.open_orders()
            (slip,) = d.box.floor.open_slips(ACCOUNT)
            assert (report.client_order_id, report.ticks, report.lots) == (1, slip.ticks, 100_000)
            assert d.link.amend(ClientOrderId(1), lots=150_000, ticks=slip.ticks - 1)
            await d.until(lambda: d.of(OrderAmended, 1))
            assert d.of(OrderAmended, 1)[0].request == 1
            (report,) = await d.link.open_orders()
            assert (report.ticks, report.lots) == (slip.ticks, 150_000)
            assert d.link.cancel(ClientOrderId(1))
            await d.until(lambda: d.of(OrderCanceled, 1))
            assert d.of(OrderCanceled, 1)[0].reason == "canceled on request"
            assert await d.link.open_orders() == []
            assert (await d.link.order(ClientOrderId(1))).status is OrderStatus.CANCELED

    run(main)


def test_several_orders_of_one_moment_go_in_one_request():
    async def main():
        async with desk() as d:
            for number in range(1, 25):
                d.place(number, SPOT, away=1_000 + number)
            d.place(25, SPOT, away=1_000, lots=1)  # below the minimum
            await d.until(lambda: len({e.client_order_id for e in d.of(OrderAccepted)}) == 24)
            await d.until(lambda: d.of(OrderRejected))
            (event,) = d.of(OrderRejected)
            assert (event.client_order_id, event.code) == (25, "51020")
            await d.link.cancel_all()
            await d.until(lambda: len(d.of(OrderCanceled)) == 24)
            assert not d.box.floor.open_slips(ACCOUNT)

    run(main)


@pytest.mark.parametrize("key", [SPOT, SWAP])
def test_trades_are_told_once_and_the_account_agrees(key):
    async def main():
        async with desk() as d:
            lots = 70 if key == SWAP else 1_000_000
            d.place(1, key, Side.BUY, away=-50, lots=lots)
            await d.until(lambda: d.of(OrderCompleted, 1))
            d.place(2, key, Side.SELL, type=OrderType.MARKET, lots=lots // 2)
            await d.until(lambda: d.of(OrderCompleted, 2))
            told = {each.fill.trade_id: each.fill for each in d.of(OrderFilled)}
            asked = {each.fill.trade_id: each.fill for each in await d.link.fills(0)}
            there = {each.fill.trade_id: each.fill for each in d.box.floor.executed(ACCOUNT)}
            assert told.keys() == asked.keys() == there.keys()
            for number, fill in there.items():
                for ours in (told[number], asked[number]):
                    assert (ours.side, ours.ticks, ours.lots, ours.fee, ours.maker) == (
                        fill.side,
                        fill.ticks,
                        fill.lots,
                        fill.fee,
                        fill.maker or False,
                    )
            exchange = d.box.floor.exchange
            for report in await d.link.balances():
                assert report.total == exchange.balance(ACCOUNT, report.total.currency).total
            await asyncio.sleep(6)
            last = {report.total.currency: report.total for report in d.of(BalanceReport)}
            assert last == {
                currency: exchange.balance(ACCOUNT, currency).total for currency in ("USDT", "BTC")
            }
            if key == SWAP:
                (position,) = await d.link.positions()
                held = exchange.position(ACCOUNT, SWAP)
                assert position.lots == held.lots == d.of(PositionReport)[-1].lots == lots - lots // 2
                assert position.entry_price == held.entry_price(d.box.floor.instruments[SWAP])

    run(main)


def test_an_order_sized_in_what_it_costs():
    async def main():
        async with desk(keys=(SPOT,)) as d:
            d.place(1, SPOT, type=OrderType.MARKET, lots=0, quote_amount=Money.of("500", "USDT"))
            await d.until(lambda: d.of(OrderCompleted, 1))
            bought = sum(each.fill.lots for each in d.of(OrderFilled, 1))
            assert d.of(OrderCompleted, 1)[-1].cumulative_lots == bought
            assert (await d.link.order(ClientOrderId(1))).filled_lots == bought

    run(main)


@pytest.mark.parametrize("in_force", [TimeInForce.IOC, TimeInForce.FOK])
def test_what_does_not_trade_at_once_expires(in_force):
    async def main():
        async with desk(keys=(SWAP,)) as d:
            d.place(1, SWAP, away=500, time_in_force=in_force, lots=10)
            await d.until(lambda: d.of(OrderExpired, 1))
            assert not d.of(OrderFilled)
            assert (await d.link.order(ClientOrderId(1))).status is OrderStatus.EXPIRED

    run(main)


def test_a_post_only_order_that_would_take_is_accepted_and_then_ends():
    async def main():
        async with desk(keys=(SWAP,)) as d:
            d.place(1, SWAP, away=-10, post_only=True, lots=10)
            await d.until(lambda: d.of(OrderExpired, 1))
            assert d.of(OrderAccepted, 1)
            assert not d.of(OrderRejected)
            assert d.of(OrderExpired, 1)[0].reason.startswith("post-only")
            assert (await d.link.order(ClientOrderId(1))).status is OrderStatus.EXPIRED

    run(main)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"lots": 10_000_000_000_000}, "51008"),
        ({"lots": 1}, "51020"),
        ({"key": SWAP, "reduce_only": True, "lots": 10}, "51169"),
    ],
)
def test_what_the_venue_refuses_is_rejected_in_its_words(changes, code):
    async def main():
        async with desk() as d:
            d.place(1, away=500, **changes)
            await d.until(lambda: d.of(OrderRejected, 1))
            (event,) = d.of(OrderRejected, 1)
            assert event.code == code
            assert f"({code})" in event.reason
            assert await d.link.order(ClientOrderId(1)) is None

    run(main)


def test_a_lost_answer_is_a_doubt_and_the_order_is_found_by_our_id():
    async def main():
        async with desk() as d:
            d.link.asker.open.clear()
            d.box.set_trouble(Trouble(lose_answers=1, on="POST /api/v5/trade/order", silent=True))
            d.place(1, away=1_000)
            await d.until(lambda: d.of(OrderInDoubt, 1))
            found = await d.link.order(ClientOrderId(1))
            assert found.status is OrderStatus.OPEN
            assert len(d.box.floor.open_slips(ACCOUNT)) == 1

    run(main)


def test_what_is_gone_can_be_neither_canceled_nor_changed():
    async def main():
        async with desk() as d:
            d.place(1, away=1_000)
            await d.until(lambda: d.of(OrderAccepted, 1))
            d.link.asker.open.clear()
            d.box.set_trouble(Trouble(silent=True))
            d.box.floor.cancel_all(ACCOUNT)
            assert d.link.cancel(ClientOrderId(1))
            assert d.link.amend(ClientOrderId(1), lots=200_000, ticks=500_000)
            await d.until(lambda: d.of(CancelRejected, 1) and d.of(AmendRejected, 1))
            assert "51400" in d.of(CancelRejected, 1)[0].reason
            assert "51509" in d.of(AmendRejected, 1)[0].reason

    run(main)


def test_the_countdown_cancels_what_is_left_alone():
    async def main():
        async with desk(options=LinkOptions(dead_man_s=10)) as d:
            d.place(1, away=1_000)
            await d.until(lambda: d.of(OrderAccepted, 1))
            await asyncio.sleep(40)
            assert not d.of(OrderCanceled)  # it was told in time that we are here
            (slip,) = d.box.floor.open_slips(ACCOUNT)
            await d.link.stop()
            await asyncio.sleep(15)
            assert slip.reason == "countdown"

    run(main)


def test_orders_far_above_the_limit_wait_and_none_is_lost():
    async def main():
        async with desk(keys=(SPOT,)) as d:
            for number in range(1, 201):
                d.place(number, SPOT, away=1_000 + number, lots=2_000)
                await asyncio.sleep(0.001)  # each in a request of its own: 60 are allowed in two seconds
            await d.until(lambda: len({e.client_order_id for e in d.of(OrderAccepted)}) == 200)
            assert not d.of(OrderRejected)
            assert not d.of(OrderInDoubt)
            assert len(d.box.floor.open_slips(ACCOUNT)) == 200
            assert len(await d.link.open_orders()) == 200  # in pages

    run(main)


# -- orders that sleep --------------------------------------------------------------------------------------------


def stop(d, number, key, kind, away, side=Side.SELL, **more):
    """Place an order that wakes when the market has moved so many ticks."""
    last = d.books.book(key).bid_ticks
    told = {"lots": 20, "trigger": Trigger(ticks=last + away)} | more
    d.place(number, key, side, **({"type": kind, "ticks": None} | told))


@pytest.mark.parametrize("awake", ["heard", "asked"])
def test_a_stop_sleeps_wakes_and_trades_under_one_name(awake):
    async def main():
        async with desk(keys=(SWAP,)) as d:
            stop(d, 1, SWAP, OrderType.STOP_MARKET, away=-60)
            await d.until(lambda: len(d.of(OrderAccepted, 1)) == 2)
            (slept,) = await d.link.open_orders()
            assert (slept.client_order_id, slept.venue_order_id[:4]) == (1, "algo")
            assert (await d.link.order(ClientOrderId(1))).venue_order_id == slept.venue_order_id
            if awake == "asked":
                d.box.set_trouble(Trouble(silent=True))
            d.box.floor.open_account("whale", [Money.of("100000000", "USDT")])
            d.box.floor.place("whale", whale(d, Side.SELL))
            (slip,) = [each for each in d.box.floor.slips(ACCOUNT) if each.text]
            await d.until(lambda: slip.status is OrderStatus.FILLED)
            if awake == "heard":
                await d.until(lambda: d.of(OrderCompleted, 1))
                assert sum(each.fill.lots for each in d.of(OrderFilled, 1)) == 20
            else:
                # First it is found under its order's name, and then under that name as it stands.
                assert (await d.link.order(ClientOrderId(1))).status is OrderStatus.OPEN
            ended = await d.link.order(ClientOrderId(1))
            assert (ended.venue_order_id, ended.status) == (slip.venue_order_id, OrderStatus.FILLED)
            fills = await d.link.fills(0)
            assert {each.venue_order_id for each in fills} == {slip.venue_order_id}
            assert sum(each.fill.lots for each in fills) == 20

    run(main)


def whale(d, side):
    """An order that moves the market by more than a hundred ticks."""
    book = d.books.book(SWAP)
    return intent(
        client_order_id=ClientOrderId(1),
        instrument=SWAP,
        side=side,
        type=OrderType.LIMIT,
        lots=20_000_000,
        ticks=book.bid_ticks - 100 if side is Side.SELL else book.ask_ticks + 100,
        time_in_force=TimeInForce.IOC,
    )


@pytest.mark.parametrize(
    ("key", "more"),
    [
        (SWAP, {"kind": OrderType.STOP_LIMIT, "away": -2_000, "ticks": 500_000}),
        (SWAP, {"kind": OrderType.TAKE_PROFIT_LIMIT, "away": 2_000, "ticks": 650_000}),
        (SWAP, {"kind": OrderType.TAKE_PROFIT_MARKET, "away": 2_000}),
        (SWAP, {"kind": OrderType.TRAILING_STOP, "away": 0, "trigger": Trigger(trail_ticks=3_000)}),
        (SPOT, {"kind": OrderType.STOP_MARKET, "away": -2_000, "lots": 100_000}),
    ],
)
def test_what_sleeps_is_found_and_canceled(key, more):
    async def main():
        async with desk() as d:
            stop(d, 1, key, **more)
            await d.until(lambda: len(d.of(OrderAccepted, 1)) == 2)
            (report,) = await d.link.open_orders()
            (slip,) = d.box.floor.open_slips(ACCOUNT)
            assert (report.client_order_id, report.lots, report.ticks) == (1, slip.lots, slip.ticks)
            assert slip.intent.type is more["kind"]
            if more.get("ticks"):
                d.link.amend(ClientOrderId(1), lots=30, ticks=more["ticks"] - 1)
                await d.until(lambda: d.of(OrderAmended, 1))
                assert (slip.lots, slip.ticks) == (30, more["ticks"] - 1)
                assert d.of(OrderAmended, 1)[0].request == 1
            d.link.cancel(ClientOrderId(1))
            await d.until(lambda: d.of(OrderCanceled, 1))
            assert (await d.link.order(ClientOrderId(1))).status is OrderStatus.CANCELED
            assert not d.box.floor.open_slips(ACCOUNT)

    run(main)


def test_a_stop_whose_price_is_reached_already_is_refused():
    async def main():
        async with desk(keys=(SWAP,)) as d:
            await asyncio.sleep(5)
            stop(d, 1, SWAP, OrderType.STOP_MARKET, away=500)
            await d.until(lambda: d.of(OrderRejected, 1))
            assert d.of(OrderRejected, 1)[0].code == "51280"
            assert await d.link.order(ClientOrderId(1)) is None

    run(main)


# -- the account --------------------------------------------------------------------------------------------------


def test_leverage_and_margin():
    async def main():
        async with desk(keys=(SWAP,)) as d:
            ask = d.link.asker.ask
            await ask(d.link.codec.leverage(SWAP, 5))
            await ask(d.link.codec.margin_mode(SWAP, isolated=True))
            d.place(1, SWAP, away=-20, lots=20)
            await d.until(lambda: d.of(OrderCompleted, 1))
            await d.until(lambda: d.of(PositionReport))
            (row,) = d.box.server.answers.positions(ACCOUNT, {})
            assert (row["mgnMode"], row["lever"]) == ("isolated", "5")
            assert d.of(PositionReport)[-1].lots == 20

    run(main)


def test_a_position_that_is_held_when_the_link_starts_keeps_its_margin():
    async def main():
        async with desk(keys=(SWAP,)) as d:
            ask = d.link.asker.ask
            await ask(d.link.codec.margin_mode(SWAP, isolated=True))
            d.place(1, SWAP, away=-20, lots=20)
            await d.until(lambda: d.of(OrderCompleted, 1))
            again = OkxCodec(d.link.codec.addresses, d.link.codec.markets, d.link.codec.auth)
            for each in again.prepare():
                await ask(each)
            assert again.margin_of(SWAP) == "isolated"

    run(main)


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ({"api_key": "somebody"}, "50119"),
        ({"api_secret": "0" * 32}, "50113"),
        ({"passphrase": "wrong!"}, "50105"),
    ],
)
def test_a_wrong_key_is_said_before_any_order(key, code):
    async def main():
        with pytest.raises(AuthFailed, match=code):
            async with desk(key=key):
                pass

    run(main)


def test_an_account_that_cannot_be_traded_so_is_not():
    async def main():
        def config(*_):
            return [{"acctLv": "2", "posMode": "long_short_mode"}]

        server = OkxServer.__init__

        def changed(self, *given):
            server(self, *given)
            route = self._private["GET", "account/config"]
            self._private["GET", "account/config"] = route._replace(answer=config)

        OkxServer.__init__ = changed
        try:
            with pytest.raises(ConfigError, match="position mode"):
                async with desk():
                    pass
        finally:
            OkxServer.__init__ = server

    run(main)


def test_a_clock_that_is_wrong_is_put_right_by_the_venues():
    async def main():
        async with desk() as d:
            d.link.asker.open.clear()
            d.box.set_trouble(Trouble(clock_ms=60_000))
            d.place(1, away=1_000)
            await d.until(lambda: d.of(OrderAccepted, 1))
            assert not d.of(OrderRejected)

    run(main)


def test_what_was_missed_while_the_line_was_down_is_found():
    async def main():
        async with desk() as d:
            d.place(1, SWAP, away=-20, lots=20)
            await d.until(lambda: d.of(OrderCompleted, 1))
            d.place(2, SWAP, away=1_000, lots=20)
            await d.until(lambda: d.of(OrderAccepted, 2))
            ups = len(d.of(LinkUp))
            d.box.set_trouble(Trouble(cut=True))
            d.box.floor.cancel_all(ACCOUNT)
            await d.until(lambda: len(d.of(LinkUp)) >= ups + 2)
            assert (await d.link.order(ClientOrderId(2))).status is OrderStatus.CANCELED
            assert sum(each.fill.lots for each in await d.link.fills(0)) == 20

    run(main)


def test_connections_that_have_nothing_to_say_are_kept():
    async def main():
        async with desk(feeds=frozenset({Feed.BARS}), keys=(SWAP,)) as d:
            await asyncio.sleep(120)
            assert len(d.box.server.audience.clients) == 3  # pings kept them
            assert not d.of(LinkDown)

    run(main)
