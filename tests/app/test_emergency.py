"""A node's kill switch: flat at the exchange while a strategy hangs, and in the books once it does not."""

import signal
from functools import partial

import pytest

from kit.desks import Scripted
from xtrade.app.config.model import Config, EngineConfig, StrategyConfig
from xtrade.app.emergency import KILL_SIGNAL
from xtrade.app.node import Node
from xtrade.app.plan import plan_of
from xtrade.model.errors import JournalBroken
from xtrade.model.order_state import OrderStatus
from xtrade.runtime import real
from xtrade.runtime.pace import Pace
from xtrade.runtime.virtual import run_virtual
from xtrade.trading.journal.opening import open_journal
from xtrade.trading.order_store import replayed
from xtrade.trading.ports import Turned
from xtrade.trading.risk.halt_file import HaltFile
from xtrade.trading.risk.state import TradingState
from xtrade.trading.subscriptions import BookFeed

# A switch that waits for the loop waits for ever; one that does not is done in a second or two.
HANGS_S = 300

PERP, SPOT = "sim:BTC/USDT:USDT", "sim:BTC/USDT"


class Trap(Scripted):
    """Buys on both markets, leaves an order, and then does what the test says, once."""

    def __init__(self, then, *, short=False):
        super().__init__(feeds=[BookFeed(PERP, every="100ms"), BookFeed(SPOT, every="100ms")], book=self.act)
        self.then, self.asked, self.sprung, self.short = then, False, False, short

    def act(self, ctx, book):
        if book.instrument.key != PERP or not ctx.book(SPOT).is_trusted:
            return
        if not self.asked:
            self.asked = True
            (ctx.sell if self.short else ctx.buy)(PERP, lots=30)
            ctx.buy(SPOT, lots=40)
            # On the side of the position: the gate lets no order of ours meet another.
            if self.short:
                ctx.sell(PERP, lots=5, ticks=book.ask_ticks + 300)
            else:
                ctx.buy(PERP, lots=5, ticks=book.bid_ticks - 300)
        elif ctx.position_lots(SPOT) and ctx.position_lots(PERP) and ctx.orders() and not self.sprung:
            self.sprung = True
            self.then(ctx)


class Run:
    """A node with one trap in it, played: in virtual time as `xtrade run --speed max` does, or in real time.

    Without `seconds` it goes on until the switch ends it: no test waits for a time of ours.
    """

    def __init__(self, tmp_path, then, *, seconds=None, journal=None, short=False, time="virtual", **engine):
        self.halt_file = HaltFile(tmp_path / "HALTED")
        self.told = []
        self.trap = Trap(lambda ctx: then(self, ctx), short=short)
        config = Config(
            engine=EngineConfig(**engine),
            strategies={"trap": StrategyConfig(strategy="quoter", params={"instrument": PERP})},
        )
        plan = plan_of(config, "trap")

        class Trapped(type(plan)):
            def strategies(_):
                return {"trap": self.trap}

        plan = Trapped(**{name: getattr(plan, name) for name in plan.__dataclass_fields__})
        pace = Pace(None) if time == "virtual" else None
        self.node = Node(
            plan,
            journal=journal,
            halt_file=self.halt_file,
            flattened=self.told.append,
            tell_loop=None if pace is None else pace.soon,
        )
        main = partial(self.node.run, seconds, signals=True)
        with self.node.watched(signals=True):
            self.ending = real.run(main) if pace is None else run_virtual(main, pick="first", pace=pace)

    @property
    def exchange(self):
        return self.node.venues["sim"].exchange

    @property
    def booked(self):
        portfolio = self.node.session.engine.portfolio
        return {key: portfolio.total_lots(key) for key in (PERP, SPOT)}


def hang(run, _ctx):
    """Hang until the switch has done all that it can."""
    run.node.switch.trigger("a test", "test")
    assert run.node.switch.done.wait(HANGS_S), "it waits for the loop"
    run.flat_meanwhile = (
        len(run.exchange.open_orders("sim")),
        run.exchange.position("sim", PERP).lots,
        run.node.switch.report.is_flat,
    )


@pytest.mark.parametrize("short", [False, True])
@pytest.mark.parametrize(
    ("on_exit", "time"),
    [("cancel", "virtual"), ("leave", "virtual"), ("flatten", "virtual"), ("leave", "real")],
)
def test_while_a_strategy_hangs_all_is_closed_and_afterwards_booked(tmp_path, on_exit, time, short):
    run = Run(tmp_path, hang, on_exit=on_exit, short=short, time=time)

    assert run.flat_meanwhile == (0, 0, True)
    assert run.ending.reason == "the kill switch was thrown: a test"
    assert run.ending.killed == ("sim: flat, as the venue says: no open order, no position",)
    assert run.ending.closing.clean, run.ending.closing.problems
    assert run.ending.closing.orders == run.ending.closing.positions == ()
    assert run.booked[PERP] == 0 == run.exchange.position("sim", PERP).lots
    assert 0 <= run.booked[SPOT] <= 1, "the fee took a part of the coins: less than a lot is left to sell"
    assert [each.is_flat for each in run.told] == [True]
    assert (run.halt_file.read().why, run.halt_file.read().by) == ("a test", "test")
    assert run.node.session.engine.gate.state is TradingState.HALTED


def test_after_the_switch_no_order_leaves_whatever_a_strategy_wants(tmp_path):
    def hang_and_want_more(run, ctx):
        hang(run, ctx)
        run.wanted = ctx.buy(PERP, lots=9)
        run.placed_at_once = len(run.exchange.open_orders("sim")), run.exchange.position("sim", PERP).lots

    run = Run(tmp_path, hang_and_want_more)

    assert run.wanted.status is OrderStatus.REJECTED
    assert run.wanted.filled_lots == 0
    assert run.exchange.position("sim", PERP).lots == 0 == run.booked[PERP]


@pytest.mark.parametrize("on_exit", ["leave", "cancel"])
@pytest.mark.parametrize("time", ["virtual", "real"])
def test_the_halt_file_throws_it_also_where_the_loop_goes_on(tmp_path, on_exit, time):
    run = Run(tmp_path, lambda run, _: run.halt_file.path.touch(), on_exit=on_exit, time=time)

    assert run.ending.reason == "the kill switch was thrown: somebody made the file"
    assert run.ending.closing.clean, run.ending.closing.problems
    assert run.ending.closing.orders == run.ending.closing.positions == ()
    assert (run.booked[PERP], run.exchange.open_orders("sim")) == (0, [])


def test_a_kill_as_the_run_ends_is_finished_and_in_the_books_before_it_is_told_how_it_ended(tmp_path):
    """
    It is over for another reason at the very moment: what the switch closes is in the report all the same.
    """

    def end_and_kill(run, _ctx):
        run.node.ask("it was over anyway")
        run.node.switch.trigger("a test", "test")

    run = Run(tmp_path, end_and_kill, on_exit="leave")

    assert run.ending.reason == "it was over anyway"
    assert run.ending.killed == ("sim: flat, as the venue says: no open order, no position",)
    assert run.ending.closing.clean, run.ending.closing.problems
    assert run.ending.closing.orders == run.ending.closing.positions == ()
    assert run.booked[PERP] == 0 == run.exchange.position("sim", PERP).lots


def test_a_signal_throws_it(tmp_path):
    run = Run(tmp_path, lambda *_: signal.raise_signal(KILL_SIGNAL))

    assert run.ending.reason == "the kill switch was thrown: signal SIGUSR1"
    assert run.booked[PERP] == 0
    assert signal.getsignal(KILL_SIGNAL) == signal.SIG_DFL, "and is given back"


def test_the_journal_adds_up_to_what_the_exchange_has(tmp_path):
    with open_journal(tmp_path / "trading.journal", durability="process") as journal:
        run = Run(tmp_path, hang, journal=journal)
        store = replayed(journal.entries())
        turned = [entry for entry in journal.entries() if entry.kind == Turned.__name__]

    assert store.portfolio.total_lots(PERP) == 0
    assert store.open_orders() == []
    assert store.portfolio.all() == run.node.session.engine.portfolio.all()
    assert turned


def test_a_run_without_trouble_has_not_heard_of_any_of_it(tmp_path):
    run = Run(tmp_path, lambda *_: None, seconds=3, on_exit="flatten", time="virtual")

    assert run.ending.killed == ()
    assert run.ending.reason == "3 s are over"
    assert run.told == []
    assert run.halt_file.read() is None


def test_whoever_lost_the_journal_cancels_nothing_at_the_end_and_says_so(tmp_path):
    journal = open_journal(tmp_path / "trading.journal", durability="process")
    lost = JournalBroken("this process lost its lease", final=True, lost=True)
    run = Run(tmp_path, lambda *_: setattr(journal, "trouble", lost), journal=journal, seconds=60)
    journal.store.close()

    assert "another process holds the journal and its accounts now" in run.ending.closing.problems[0]
    assert not run.ending.clean
    assert len(run.exchange.open_orders("sim")) == 1 == len(run.ending.closing.orders)


def test_a_guard_that_flattens_halts_the_desk(tmp_path):
    run = Run(tmp_path, lambda run, _: run.node.guardian.flatten("a test of the guard"))

    assert run.halt_file.read().by == "guard"
    assert run.ending.reason == "the kill switch was thrown: a test of the guard"
    assert run.booked[PERP] == 0 == run.exchange.position("sim", PERP).lots
