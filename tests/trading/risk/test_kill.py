"""The kill switch cancels, closes and verifies, also while a strategy hangs and while venues fail."""

from __future__ import annotations

import os
import signal
import threading

import pytest
from hypothesis import given, strategies as st

from kit.by_hand import Bench
from xtrade.model.errors import Unavailable
from xtrade.trading.engine import Engine
from xtrade.trading.risk.halt_file import Halt, HaltFile
from xtrade.trading.risk.kill import Fence, FencedOrders, KillSwitch, flatten


class Account:
    """An account at a venue: some orders, some positions, and a plan of what fails."""

    def __init__(self, orders=(), positions=None, fails=(), fills_on_cancel=None, closes_at_most=10**9):
        self.orders = tuple(orders)
        self.held = dict(positions or {})
        self.fails = list(fails)  # one entry for each call: whether it fails
        self.fills_on_cancel = dict(fills_on_cancel or {})
        self.closes_at_most = closes_at_most
        self.closed = []

    def _call(self):
        if self.fails and self.fails.pop(0):
            raise Unavailable("the venue does not answer", venue="okx", request="any")

    def cancel_all(self):
        self._call()
        for key, lots in self.fills_on_cancel.items():  # the order filled while the cancel was on its way
            self.held[key] = self.held.get(key, 0) + lots
        self.fills_on_cancel, self.orders = {}, ()

    def open_orders(self):
        self._call()
        return self.orders

    def positions(self):
        self._call()
        return dict(self.held)

    def close(self, key, lots):
        self._call()
        assert lots * self.held[key] > 0, "reduces"
        assert abs(lots) <= abs(self.held[key]), "never flips"
        self.closed.append((key, lots))
        done = min(abs(lots), self.closes_at_most)
        self.held[key] -= done if lots > 0 else -done


def flattened(rounds_max=50, **accounts):
    return flatten(accounts, wait=lambda: None, rounds_max=rounds_max)


def test_orders_are_canceled_before_positions_are_closed_and_both_are_verified():
    account = Account(["a", "b"], {"okx:A": 5, "okx:B": -7})

    report = flattened(okx=account)

    assert report.is_flat
    assert account.orders == ()
    assert account.closed == [("okx:A", 5), ("okx:B", -7)]
    assert report.lines() == ["okx: flat, as the venue says: no open order, no position"]


def test_a_flat_account_is_asked_twice_and_left_alone():
    account = Account()
    report = flattened(okx=account)
    assert report.is_flat
    assert report.rounds == 2
    assert account.closed == []


def test_a_fill_during_the_cancel_is_closed_too():
    account = Account(["a"], {"okx:A": 5}, fills_on_cancel={"okx:A": 3, "okx:B": -2})
    assert flattened(okx=account).is_flat
    assert account.held == {"okx:A": 0, "okx:B": 0}


def test_a_position_larger_than_one_order_takes_several():
    account = Account((), {"okx:A": 10}, closes_at_most=3)
    assert flattened(okx=account).is_flat
    assert len(account.closed) == 4


def test_an_account_that_never_answers_is_said_to_be_not_flat_and_holds_up_nobody():
    sound, deaf = Account(["a"], {"okx:A": 5}), Account(["x"], {"binance:A": 1}, fails=[True] * 10**4)

    report = flattened(rounds_max=7, okx=sound, binance=deaf)

    assert not report.is_flat
    assert report.rounds == 7
    assert [account.is_flat for account in report.accounts] == [True, False]
    assert report.lines()[1] == (
        "binance: NOT verified flat: no open order seen, no position seen (the venue does not answer)."
        " Look there by hand"
    )


def test_an_answer_that_fails_between_two_is_not_taken_for_flat():
    # orders, positions: flat once; then positions fail; then flat twice.
    account = Account(fails=[False, False, False, True])
    report = flattened(okx=account)
    assert report.is_flat
    assert report.rounds == 4
    assert report.accounts[0].errors == ("the venue does not answer",)


@given(
    st.lists(st.booleans(), max_size=30),
    st.dictionaries(st.sampled_from(["okx:A", "okx:B", "okx:C"]), st.integers(-20, 20)),
    st.lists(st.text("ab", min_size=1, max_size=2), max_size=3),
    st.integers(1, 20),
)
def test_whatever_fails_for_a_while_in_the_end_it_is_flat_and_never_flipped(fails, positions, orders, most):
    account = Account(orders, positions, fails, closes_at_most=most)

    report = flattened(rounds_max=100, okx=account)

    assert report.is_flat
    assert not account.orders
    assert not any(account.held.values())


@pytest.fixture
def halt_file(tmp_path):
    return HaltFile(tmp_path / "HALTED")


def switch_on(halt_file, fence, account, **changed):
    changed = {"look_every_s": 0.01, "wait_s": 0.001} | changed
    return KillSwitch(halt_file, fence, {"okx": account}, **changed)


def test_the_switch_works_while_a_strategy_hangs_and_nothing_of_it_leaves_after_that(halt_file):
    fence, account, told = Fence(), Account(["a"], {"okx:A": 5}), []
    switch = switch_on(halt_file, fence, account, killed=told.append)
    bench, hangs = Bench(), threading.Event()
    bench.engine = Engine(
        {"one": bench.engine.strategies["one"]}, bench, FencedOrders(bench, fence), ids=bench.engine._ids
    )
    # The strategy is inside a callback, and stays there until everything is flat.
    bench.engine.strategies["one"].callbacks["timer"] = lambda ctx, _: (
        hangs.set(),
        halt_file.path.touch(),
        switch.done.wait(30),
        orders.append(ctx.buy(bench.key, lots=1, ticks=1000)),
    )
    orders = []

    with switch.watching():
        bench.engine.start(1)
        bench.ctx().after(1, "hang")
        bench.engine.tick(2_000_000_000)

    assert hangs.is_set()
    assert switch.report.is_flat
    assert account.held == {"okx:A": 0}
    assert halt_file.read() == told[0]
    assert bench.placed == []
    assert orders[0].status == "rejected"
    assert fence.why == "somebody made the file (by hand)"


def test_the_switch_can_be_thrown_by_a_signal_and_refuses_a_restart(halt_file):
    account = Account((), {"okx:A": -5})
    switch = switch_on(halt_file, Fence(), account)

    with switch.on_signal(signal.SIGUSR1), switch.watching():
        os.kill(os.getpid(), signal.SIGUSR1)
        assert switch.done.wait(30)

    assert account.held == {"okx:A": 0}
    assert halt_file.read() == Halt(why="signal SIGUSR1", by="signal")
    assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL


def test_a_switch_that_is_never_thrown_touches_nothing(halt_file):
    account = Account(["a"], {"okx:A": 5})
    switch = switch_on(halt_file, Fence(), account)
    with switch.watching():
        pass
    assert switch.report is None
    assert account.orders == ("a",)
    assert halt_file.read() is None


def test_a_kill_at_the_very_end_is_carried_out_all_the_same(halt_file):
    account = Account((), {"okx:A": 5})
    switch = switch_on(halt_file, Fence(), account, look_every_s=30)
    with switch.watching():
        switch.trigger("at the end", "a test")
    assert switch.report.is_flat
    assert account.held == {"okx:A": 0}


def test_a_disk_that_is_full_and_a_loop_that_is_gone_do_not_keep_positions_open(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    account = Account((), {"okx:A": 5})

    def gone(_):
        raise RuntimeError("the loop is closed")

    halt_file = HaltFile(blocked / "HALTED")  # its directory is a file: nothing can be written there
    switch = switch_on(halt_file, Fence(), account, killed=gone)
    with switch.watching():
        switch.trigger("now", "a test")
    assert switch.report.is_flat
    assert len(switch.problems) == 2
    assert "the loop is closed" in switch.problems[1]


def test_behind_the_fence_cancels_still_leave_and_changes_do_not():
    bench, fence = Bench(), Fence()
    orders = FencedOrders(bench, fence)
    order = bench.ctx().buy(bench.key, lots=1, ticks=1000)
    assert orders.amend(order.id, lots=2, ticks=1000)
    fence.take_down("first")
    fence.take_down("second")
    assert not orders.amend(order.id, lots=3, ticks=1000)
    assert orders.cancel(order.id)
    assert fence.why == "first"
    assert bench.cancels == [order.id]
