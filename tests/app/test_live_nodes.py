"""A node at venues: links to boxes over a network in memory, in virtual time."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from kit.desks import Scripted
from kit.toy.auth import Key
from kit.toy.codec import ToyCodec
from kit.toy.server import ToyServer
from kit.toy.spec import SPEC
from xtrade.app.config.model import Config, EngineConfig, StrategyConfig, VenueConfig
from xtrade.app.journals import goes_on
from xtrade.app.live import Live, LiveAccount, account_of
from xtrade.app.node import Node
from xtrade.app.plan import plan_of
from xtrade.model.errors import AuthFailed, ConfigError
from xtrade.model.events import LinkUp
from xtrade.model.order_state import OrderStatus
from xtrade.net.memory.network import Network
from xtrade.runtime.secrets import Secret
from xtrade.runtime.virtual import run_virtual
from xtrade.trading.closing import OnExit
from xtrade.trading.subscriptions import BookFeed
from xtrade.venues.backpack.server import BackpackServer
from xtrade.venues.box.serving import Box
from xtrade.venues.box.trouble import Trouble
from xtrade.venues.box.worlds import world_of
from xtrade.venues.link import Link
from xtrade.venues.markets import Markets

KEY = "toy:BTC/USDT"
CONFIG = Config(
    engine=EngineConfig(mode="live"),
    venues={"toy": VenueConfig(venue="toy", environment="box")},
    strategies={"maker": StrategyConfig(strategy="quoter", params={"instrument": KEY})},
)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("XTRADE_HOME", str(tmp_path / "home"))


class Machine:
    """A box that lives on, and the nodes that come and go there with one journal."""

    def __init__(self, box):
        self.box = box

    async def place(self, **key):
        fields = {name: Secret(value) for name, value in (dict(self.box.accounts[0].key) | key).items()}
        markets = Markets()

        def link():
            return Link(ToyCodec(SPEC.at("box", self.box.address), markets, Key.from_key(fields), "toy.1"))

        live = Live({"toy": LiveAccount(name="toy.1", environment="box", link=link)}, ["USDT"])
        await live.look(lambda _: {KEY})
        return live

    @asynccontextmanager
    async def node(self, strategy, **engine):
        """Run a node beside the test, until the test is done with it."""
        plan = plan_of(CONFIG, "desk", place=await self.place())

        class Scripts(type(plan)):
            def strategies(_):
                return {"maker": strategy}

        fields = {name: getattr(plan, name) for name in plan.__dataclass_fields__}
        plan = Scripts(**fields | engine)
        journal, handover = goes_on(CONFIG, "desk", accounts=plan.place.accounts)
        plan.place.begin("desk", anew=handover is None)
        node = Node(plan, journal=journal, handover=handover)
        running = asyncio.create_task(node.run())
        try:
            yield node
            node.ask("the test is done")
            node.ending = await running
        finally:
            if running.done():
                await running  # what ended it is why the test is not done
            running.cancel()
            journal.close("the test is done")


def played(scene):
    async def main():
        Network().bring()
        async with Box(ToyServer, world_of({"toy": ToyServer}), seed=5) as box:
            await scene(Machine(box))

    run_virtual(main, seed=2)


async def until(holds):
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110  (what is waited for is said by no event)
            await asyncio.sleep(0.01)


def once(act):
    """A strategy that does something once, when its book is whole; it keeps what it ordered."""

    def book(ctx, book):
        if not strategy.orders and book.is_trusted and book.bid_ticks:
            strategy.orders = act(ctx, book)

    strategy = Scripted(feeds=[BookFeed(KEY, every="100ms")], book=book)
    strategy.orders = []
    return strategy


def some(ctx, book):
    """One order that trades, and one that rests."""
    return [ctx.buy(KEY, lots=30), ctx.buy(KEY, lots=5, ticks=book.bid_ticks - 2_000)]


def test_what_is_traded_at_a_venue_is_in_the_books_and_nothing_is_left_open():
    async def scene(machine):
        strategy = once(some)
        async with machine.node(strategy) as node:
            await until(lambda: strategy.orders and strategy.orders[1].status is OrderStatus.OPEN)
            await until(lambda: strategy.orders[0].status is OrderStatus.FILLED)
            assert len(machine.box.floor.open_slips("toy.1")) == 1
        assert node.ending.clean
        assert machine.box.floor.open_slips("toy.1") == []
        assert node.session.engine.portfolio.total_lots(KEY) == 30
        assert machine.box.state()["accounts"][0]["fills"] == len(node.recorder.fills) > 0
        assert node.result().run.kind == "run at venues"

    played(scene)


def test_the_next_process_has_the_orders_of_the_last_and_can_cancel_them():
    async def scene(machine):
        first, second = once(some), once(lambda _ctx, _book: [])
        async with machine.node(first, on_exit=OnExit.LEAVE):
            await until(lambda: first.orders and first.orders[1].status is OrderStatus.OPEN)
            await until(lambda: first.orders[0].status is OrderStatus.FILLED)
        (left,) = machine.box.floor.open_slips("toy.1")
        await asyncio.sleep(300)

        found = []
        second.callbacks["start"] = lambda ctx: found.extend(ctx.orders())
        async with machine.node(second) as node:
            await until(lambda: second.names()[:1] == ["start"])
            assert [order.id for order in found] == [first.orders[1].id]
            assert machine.box.floor.open_slips("toy.1") == [left]
            node.session.act(lambda _: found[0].cancel())
            await until(lambda: found[0].status is OrderStatus.CANCELED)
        assert node.ending.clean
        assert node.session.engine.portfolio.total_lots(KEY) == 30

    played(scene)


def test_what_a_private_line_missed_is_known_as_soon_as_it_is_back():
    async def scene(machine):
        strategy = once(some)
        async with machine.node(strategy) as node:
            await until(lambda: strategy.orders and strategy.orders[1].status is OrderStatus.OPEN)
            # All was compared just before, and is not again for a while.
            await asyncio.sleep(35)
            lines = node.session.links
            machine.box.set_trouble(Trouble(cut=True, no_sockets=True))
            machine.box.floor.cancel_all("toy.1")
            await asyncio.sleep(3)
            assert not isinstance(lines["toy", "private"], LinkUp)
            assert strategy.orders[1].status is OrderStatus.OPEN
            machine.box.set_trouble(Trouble())
            await until(lambda: isinstance(lines["toy", "private"], LinkUp))
            back_ns = node.session.now_ns()
            await until(lambda: strategy.orders[1].status is OrderStatus.CANCELED)
            assert node.session.now_ns() - back_ns < 10**9

    played(scene)


def test_ids_are_those_that_the_account_can_carry_and_never_come_again():
    async def scene(machine):
        first = (await machine.place()).ids([]).next()
        second = (await machine.place()).ids([]).next()
        assert first < second < SPEC.ids.space.end

    played(scene)


def test_a_wrong_key_and_an_empty_account_are_said_before_the_start():
    async def scene(machine):
        with pytest.raises(AuthFailed, match="toy: balances: the key or its signature is wrong"):
            await machine.place(api_secret="0" * 64)
        live = await machine.place()
        live.began = {"toy": {"DOGE": 5}}
        with pytest.raises(ConfigError, match="no account has any USDT, in which losses are counted"):
            _ = live.balances

    played(scene)


def test_what_is_settled_in_a_currency_that_nobody_can_count_is_refused_before_the_start():
    async def scene(machine):
        live = await machine.place()
        live.must_be_countable()
        live._units = ("EUR",)
        live.began = {"toy": {"EUR": 5}}
        with pytest.raises(ConfigError, match="toy:BTC/USDT is settled in USDT, which is none of EUR"):
            live.must_be_countable()

    played(scene)


def test_losses_count_from_what_the_account_had_when_its_journal_began():
    async def scene(machine):
        live = await machine.place()
        had = live.balances
        live.begin("desk", anew=True)
        again = await machine.place()
        again.began["toy"]["USDT"] += 5
        assert again.balances != had
        again.begin("desk", anew=False)
        assert again.balances == had

    played(scene)


def test_an_account_in_a_box_has_the_boxes_key_and_the_dead_mans_switch_that_was_asked_for():
    async def main():
        Network().bring()
        async with Box(BackpackServer, world_of({"backpack": BackpackServer}), seed=5) as box:
            given = VenueConfig(venue="backpack", environment="box", address=box.address, dead_man="90s")
            account = await account_of("bp", given)
            assert account.name == f"backpack-box-{box.address.removeprefix('http://').replace(':', '-')}"
            link = account.link()
            assert link.options.dead_man_s == 90
            await link.load()
            totals = {each.total.currency: each.total.amount for each in await link.balances()}
            assert totals["USDC"] == Decimal(100_000)
            await link.stop()

    run_virtual(main, seed=2)
