"""A node goes on where the last one ended: at an exchange that lived on, with its journal, dials and baselines."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from kit.desks import Scripted
from kit.journals import database, needs_postgres
from xtrade.app.cli import run
from xtrade.app.config.model import Config, EngineConfig, JournalConfig, StrategyConfig
from xtrade.app.journals import BASELINES, goes_on, is_kept, node_dir
from xtrade.app.node import Node
from xtrade.app.plan import plan_of
from xtrade.model.errors import AccountHeld, JournalBroken
from xtrade.model.events import OrderRejected
from xtrade.model.money import Money
from xtrade.runtime.virtual import run_virtual
from xtrade.trading.acting import turn
from xtrade.trading.journal import open_journal, read_journal
from xtrade.trading.order_store import replayed
from xtrade.trading.risk.guards import Baselines
from xtrade.trading.risk.halt_file import BaselineFile, HaltFile
from xtrade.trading.risk.state import TradingState
from xtrade.trading.subscriptions import BookFeed

PERP, SPOT = "sim:BTC/USDT:USDT", "sim:BTC/USDT"
EXAMPLE = Path(__file__).parents[2] / "examples" / "quickstart.toml"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XTRADE_HOME", str(tmp_path / "home"))


def desk(act, **engine):
    """A strategy that does something once, when it sees the book; it keeps what it saw at its start."""

    def start(ctx):
        strategy.found = ctx.position_lots(PERP), [order.id for order in ctx.orders()]

    def book(ctx, book):
        if not strategy.acted and book.bid_ticks and book.ask_ticks and book.is_trusted:
            strategy.acted = True
            act(ctx, book)

    strategy = Scripted(feeds=[BookFeed(PERP, every="100ms")], start=start, book=book)
    strategy.acted = False
    return strategy


def leave_some(ctx, book):
    ctx.buy(PERP, lots=30)
    ctx.buy(PERP, lots=5, ticks=book.bid_ticks - 5_000)


def nothing(_ctx, _book):
    pass


class Machine:
    """What outlives a node: the exchange, and the state of its user."""

    def __init__(self):
        self.venues = None
        self.name = "desk"

    async def node(self, strategy, seconds=5.0, *, during=None, **engine):
        """Play a node of this machine to its end."""
        config = Config(
            engine=EngineConfig(**engine),
            journal=JournalConfig(keep="node", durability="process"),
            strategies={"maker": StrategyConfig(strategy="quoter", params={"instrument": PERP})},
        )
        plan = plan_of(config, self.name)

        class Scripts(type(plan)):
            def strategies(_):
                return {"maker": strategy}

        plan = Scripts(**{name: getattr(plan, name) for name in plan.__dataclass_fields__})
        self.venues = self.venues or plan.venues()
        journal, handover = goes_on(config, self.name)
        self.node_now = Node(
            plan,
            journal=journal,
            handover=handover,
            venues=self.venues,
            baseline_file=BaselineFile(node_dir(self.name) / BASELINES),
        )
        if during is not None:
            asyncio.get_running_loop().call_later(seconds / 2, during, self.node_now)
        ending = await self.node_now.run(seconds)
        journal.close(ending.reason)
        return ending

    @property
    def exchange(self):
        return self.venues["sim"].exchange


def played(scene):
    async def main():
        return await scene(Machine())

    return run_virtual(main, pick="first")


def test_orders_and_positions_are_gone_on_with_at_an_exchange_that_lived_on():
    async def scene(machine):
        first, second = desk(leave_some), desk(lambda ctx, _: ctx.buy(PERP, lots=10))
        await machine.node(first, on_exit="leave")
        (resting,) = machine.exchange.open_orders("sim")
        await asyncio.sleep(300)
        ending = await machine.node(second)
        return machine, resting.intent.client_order_id, first, second, ending

    machine, resting, first, second, ending = played(scene)

    assert first.found == (0, [])
    assert second.found == (30, [resting])
    assert ending.closing.clean
    assert ending.closing.orders == ()
    assert machine.exchange.position("sim", PERP).lots == 40
    with read_journal(node_dir("desk") / "trading.journal") as journal:
        store = replayed(journal.read())
    assert store.portfolio.total_lots(PERP) == 40
    assert store.open_orders() == []
    ids = [number for number in store.orders if number < 1 << 62]
    assert ids == sorted(set(ids))
    # The result counts from the start: what was carried over is entered at the first price there was.
    result = machine.node_now.result()
    assert result.fills["trade_id"].to_list()[0] == "carried over"
    assert result.fills["lots"].to_list() == [30, 10]
    assert result.positions["lots"].to_list()[-1] == 40
    assert list(result.run.unusual) == ["positions carried over from the run before"]


def test_a_dial_that_a_guard_turned_stays_and_the_operator_turns_it_back():
    def reduce(node):
        node.session.act(
            lambda _: turn(node.session.engine, TradingState.REDUCING, "lost", by="guard", strategy="maker")
        )

    async def scene(machine):
        await machine.node(desk(leave_some), on_exit="leave", during=reduce)
        refused = []
        second = desk(lambda ctx, _: refused.append(ctx.buy(PERP, lots=1)))
        await machine.node(second, on_exit="leave")
        _, handover = goes_on_and_close(machine)
        return refused[0], handover

    order, handover = played(scene)

    assert order.refusal.rule == "trading_state"
    assert handover.dials["maker"].why == "lost", "it was written down anew, and so is there for the third"
    back = handover.activated().dials["maker"]
    assert (back.state, back.by) == (TradingState.ACTIVE, "xtrade run --activate")


def goes_on_and_close(machine):
    kept = goes_on(Config(journal=JournalConfig(keep="node")), machine.name)
    kept.journal.close()
    return kept


def test_losses_are_counted_from_before_a_restart_and_anew_once_a_halt_was_cleared(tmp_path):
    async def scene(machine):
        await machine.node(desk(leave_some), on_exit="leave")
        file = BaselineFile(node_dir("desk") / BASELINES)
        first = file.read()
        # As if it had once been worth much more: 30 % below the highest, and the guard halts at 20.
        file.write(Baselines.at(Money.of(14_000, "USDT"), 0))
        await machine.node(desk(nothing), on_exit="leave")
        return machine, first, file

    machine, first, file = played(scene)

    assert first.start.amount == 10_000
    verdicts = {verdict.guard for verdict in machine.node_now.guardian.verdicts}
    assert "drawdown" in verdicts
    assert machine.node_now.guardian.flattening is not None
    assert machine.exchange.position("sim", PERP).lots == 0
    assert file.read() is None, "whoever lets it trade again accepts the loss"


def test_at_an_exchange_that_began_anew_nothing_is_there_and_losses_count_anew():
    async def scene(machine):
        await machine.node(desk(leave_some), on_exit="leave")
        BaselineFile(node_dir("desk") / BASELINES).write(Baselines.at(Money.of(14_000, "USDT"), 0))
        await asyncio.sleep(1)
        machine.venues = None
        second = desk(leave_some)
        ending = await machine.node(second)
        return machine, second, ending

    machine, second, ending = played(scene)

    assert second.found == (0, [])
    assert ending.closing.clean, ending.closing.problems
    assert machine.node_now.guardian.verdicts == []
    assert list(machine.node_now.result().run.unusual) == ["sim and we differed: account_anew"]
    assert machine.node_now.result().fills["lots"].sum() == 30


def test_a_node_that_lost_its_journal_to_another_process_ends():
    def lose(node):
        node.journal.trouble = JournalBroken("this process lost its lease: account sim is held", lost=True)
        node.journal.try_again = lambda: False

    async def scene(machine):
        return await machine.node(desk(nothing), seconds=600, during=lose)

    ending = played(scene)

    assert ending.reason == "this process lost its lease: account sim is held"
    assert not ending.clean


def test_ids_of_orders_and_of_closing_orders_go_on_above_all_that_were_given():
    """
    Also where the clock was set back since, and where a kill switch closed something in an earlier run.
    """

    async def scene(machine):
        await machine.node(desk(leave_some), on_exit="leave")
        with open_journal(node_dir("desk") / "trading.journal") as journal:
            store = replayed(journal.entries())
            late = max(store.orders) + 10**18
            for number in (late, (1 << 62) + 7):
                last = store.orders[max(store.orders)].intent
                journal.append(replace(last, client_order_id=number))
                journal.append(OrderRejected(client_order_id=number, reason="a test"))
        halt_file = HaltFile(Path("HALTED"))
        config = Config(
            journal=JournalConfig(keep="node"),
            strategies={"maker": StrategyConfig(strategy="quoter", params={"instrument": PERP})},
        )
        journal, handover = goes_on(config, "desk")
        node = Node(
            plan_of(config, "desk"),
            journal=journal,
            handover=handover,
            venues=machine.venues,
            halt_file=halt_file,
        )
        journal.close()
        access = node.switch._accounts["sim"]
        return late, node.session.engine.next_id(), access._take_id()

    late, next_id, emergency = played(scene)

    assert next_id == late + 1
    assert emergency == (1 << 62) + 8


# From the command line ----------------------------------------------------------------------------------------------


def xtrade(capsys, *words):
    code = run(words)
    out, err = capsys.readouterr()
    return code, out, err


QUICK = ("run", str(EXAMPLE), "--seconds", "2", "--json")


def test_a_run_has_a_journal_of_its_own_unless_one_is_named_or_asked_for(tmp_path):
    assert not is_kept(Config())
    assert is_kept(Config(journal=JournalConfig(place="here.journal")))
    assert is_kept(Config(journal=JournalConfig(keep="node")))
    assert not is_kept(Config(journal=JournalConfig(place="here.journal", keep="run")))


def test_resume_goes_on_fresh_puts_aside_and_where_the_journal_is_is_said(capsys, tmp_path):
    kept = tmp_path / "home" / "nodes" / "quickstart"

    first, second = xtrade(capsys, *QUICK, "--resume"), xtrade(capsys, *QUICK, "--resume")
    assert first[0] == second[0] == 0, first[2] + second[2]
    assert f"Begins the journal {kept / 'trading.journal'}" in first[2]
    assert f"Goes on with the journal {kept / 'trading.journal'}: 0 open orders, 0 positions" in second[2]
    with read_journal(kept / "trading.journal") as journal:
        assert journal.head()[1] == 2
    assert sorted(path.name for path in Path("runs").iterdir()) == ["quickstart", "quickstart-2"]
    assert not list(Path("runs").glob("*/*.journal"))
    code, out, err = xtrade(capsys, "positions", "--json")
    assert (code, json.loads(out)["standing"]["journal"]) == (0, str(kept / "trading.journal"))

    code, _, err = xtrade(capsys, *QUICK, "--resume", "--fresh")
    assert code == 0
    assert "The journal so far is " in err
    assert len(list(kept.glob("*.journal"))) == 2
    with read_journal(kept / "trading.journal") as journal:
        assert journal.head()[1] == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--resume", "--speed", "max"], "there is nothing to go on with"),
        (["--activate"], "--activate is for a node that goes on"),
        (["--standby"], "name one with journal.place = postgresql://"),
        (["--fresh", "--set", "journal.place=postgresql://a@b/c#d"], "a journal in a database stays"),
    ],
)
def test_what_makes_no_sense_together_is_one_line(capsys, words, says):
    code, out, err = xtrade(capsys, *QUICK, *words)

    assert (code, out) == (2, "")
    assert says in err
    assert not Path("runs").exists()


def test_a_second_process_is_told_who_holds_the_journal(capsys):
    with goes_on(Config(journal=JournalConfig(keep="node")), "quickstart").journal:
        code, _, err = xtrade(capsys, *QUICK, "--resume")

    assert code != 0
    assert "journal trading.journal is held by process " in err
    assert not Path("runs").exists()


@needs_postgres
def test_a_journal_in_postgresql_is_gone_on_with_and_its_password_is_in_no_file(capsys):
    with database() as url:
        user, _, host = url.partition("@")
        where = f"{user}:s3cr3t-enough@{host}#desk"
        for number in (1, 2):
            code, _, err = xtrade(capsys, *QUICK, "--set", f"journal.place={where}")
            assert code == 0, err
            assert "s3cr3t" not in err
            with read_journal(where) as journal:
                assert journal.head()[1] == number
        with (
            goes_on(Config(journal=JournalConfig(place=where)), "quickstart").journal,
            pytest.raises(AccountHeld),
        ):
            goes_on(Config(journal=JournalConfig(place=where)), "quickstart")

    written = [path for path in Path().rglob("*") if path.is_file()]
    assert len(written) > 10
    assert not [path for path in written if b"s3cr3t" in path.read_bytes()]
