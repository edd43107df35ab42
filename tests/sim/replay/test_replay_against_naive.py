"""The kernel against a simulator that is as simple as the rules: same fills, same books, same money, in every mode."""

import os
import subprocess
import sys
from pathlib import Path

from hypothesis import given, settings, strategies as st

from kit.replays import BUY, MARKET, SELL, Do, fills, level, run, tape, trade
from xtrade.model.events import OrderFilled
from xtrade.model.money import Money
from xtrade.model.positions import Position
from xtrade.model.sides import Side
from xtrade.sim.replay.models import Assumptions, Latency

END = [level(10_000, BUY, 1, 1)]


class Naive:
    """Risk-averse queues, fills by volume, impact, constant latencies. Dictionaries and sorting, nothing clever."""

    def __init__(self, rows, doings, entry, response):
        self.books = {BUY: {}, SELL: {}}
        self.best = {BUY: None, SELL: None}
        self.orders = {}
        self.fills = []
        steps = [(row[1], 0, number, row) for number, row in enumerate(rows)]
        steps += [
            (do.ns + entry, 1, number, do) for number, do in enumerate(sorted(doings, key=lambda d: d.ns))
        ]
        known = {do.name for do in doings if do.what == "place"}
        for ns, _, _, step in sorted(steps, key=lambda s: s[:3]):
            self.ns = ns
            if not isinstance(step, Do):
                self.market(*step[2:])
            elif step.what == "place":
                self.place(step)
            elif step.name in known:
                self.orders.pop(step.name, None)

    @staticmethod
    def better(side, a, b):
        return a > b if side == BUY else a < b

    def reaches(self, side, price, other):
        return price == other or self.better(side, price, other)

    def next_best(self, side, beyond=None):
        prices = [p for p in self.books[side] if beyond is None or self.better(side, beyond, p)]
        return None if not prices else (max(prices) if side == BUY else min(prices))

    def set(self, side, price, lots):
        """Put a level; a new best pushes the other side's best out of its way."""
        before = self.books[side].pop(price, 0)
        if lots:
            self.books[side][price] = lots
            if self.best[side] is None or self.better(side, price, self.best[side]):
                self.best[side] = price
                if self.best[1 - side] is not None and self.reaches(side, price, self.best[1 - side]):
                    self.best[1 - side] = self.next_best(1 - side, price)
                return before, True
        elif price == self.best[side]:
            self.best[side] = self.next_best(side, price)
        return before, False

    def mine(self, side):
        found = [o for o in self.orders.values() if o["side"] == side]
        return sorted(found, key=lambda o: -o["price"] if side == BUY else o["price"])

    def market(self, kind, side, price, lots):
        if kind == 0:
            for order in self.mine(side):
                if order["price"] == price:
                    order["ahead"] = min(order["ahead"], lots)
            before, improved = self.set(side, price, lots)
            budget = max(lots - before, 0)
            for order in self.mine(1 - side) if improved else []:
                if self.reaches(1 - side, order["price"], price):
                    amount = min(order["left"], budget)
                    budget -= amount
                    self.fill(order, order["price"], amount, True)
            return
        budget, same = lots, 0
        for order in self.mine(1 - side):
            if order["price"] == price:
                order["ahead"] -= lots
                amount = max(min(order["left"], budget, max(-order["ahead"], 0) - same), 0)
                same += amount
            elif self.better(1 - side, order["price"], price):
                amount = min(order["left"], budget)
            else:
                continue
            budget -= amount
            self.fill(order, order["price"], amount, True)

    def place(self, do):
        side = BUY if do.side is Side.BUY else SELL
        order = {"name": do.name, "side": side, "price": do.ticks, "left": do.lots}
        facing = 1 - side
        while (
            order["left"]
            and self.best[facing] is not None
            and self.reaches(side, do.ticks, self.best[facing])
        ):
            price = self.best[facing]
            amount = min(order["left"], self.books[facing][price])
            self.set(facing, price, self.books[facing][price] - amount)
            self.fill(order, price, amount, False)
        if order["left"] and do.style == "gtc":
            order["ahead"] = self.books[side].get(do.ticks, 0)
            self.orders[do.name] = order

    def fill(self, order, price, lots, maker):
        if lots:
            order["left"] -= lots
            self.fills.append((order["name"], price, lots, maker, self.ns))
            if not order["left"]:
                self.orders.pop(order["name"], None)


prices = st.integers(95, 105)
sides = st.sampled_from([BUY, SELL])


@st.composite
def markets(draw):
    ns, rows = 1, []
    for _ in range(draw(st.integers(0, 40))):
        ns += draw(st.integers(0, 3))
        side = draw(sides)
        if draw(st.booleans()):
            rows.append(level(ns, side, draw(prices), draw(st.integers(0, 6))))
        else:
            rows.append(trade(ns, side, draw(prices), draw(st.integers(1, 8))))
    return [*rows, *END]


@st.composite
def plans(draw):
    doings = []
    for name in range(1, draw(st.integers(1, 8))):
        ns = draw(st.integers(1, 60))
        side = draw(st.sampled_from(Side))
        style = draw(st.sampled_from(["gtc", "gtc", "ioc"]))
        doings.append(Do(ns, "place", name, side, draw(prices), draw(st.integers(1, 9)), style))
        if draw(st.booleans()):
            doings.append(Do(ns + draw(st.integers(0, 20)), "cancel", name))
    return doings


@settings(max_examples=150)
@given(markets(), plans(), st.integers(0, 9), st.sampled_from([None, 4]))
def test_the_kernel_fills_what_the_naive_simulator_fills(rows, doings, entry, window):
    naive = Naive(rows, doings, entry, 3)
    # A cancel of an order that is known to be done is not even sent; at the venue it would have found nothing.
    assumed = Assumptions(entry=Latency.constant(entry), response=Latency.constant(3))
    replay, told = run(tape(rows), doings, assumed, window=window)

    assert sorted(fills(told)) == sorted(naive.fills)
    public = Naive(rows, [], 0, 0)
    for side, number in ((Side.BUY, BUY), (Side.SELL, SELL)):
        best = public.best[number]
        shown = {
            p: n
            for p, n in public.books[number].items()
            if best is not None and not public.better(number, p, best)
        }
        assert dict(replay.levels(MARKET.key, side, 50)) == shown


@settings(max_examples=60)
@given(markets(), plans(), prices)
def test_the_money_in_the_kernel_is_that_of_the_model(rows, doings, mark):
    replay, told = run(tape(rows), doings)
    position = Position.flat(MARKET)
    for event in told:
        if isinstance(event, OrderFilled):
            position = position.after_fill(MARKET, event.fill)
    account = replay.account(MARKET.key)

    assert account.lots == position.lots == replay.known_lots(MARKET.key)
    worth = Money(MARKET.value(ticks=mark, lots=account.lots), "USDT")
    assert account.cash + worth == position.realised + position.unrealised(MARKET, MARKET.price(mark))


def test_uncompiled_functions_fill_exactly_what_compiled_ones_do(tmp_path):
    script = Path(__file__).with_name("fills_of_a_seed.py")

    def answer(**environment):
        ran = subprocess.run(
            [sys.executable, script],
            env=os.environ | environment,
            capture_output=True,
            check=True,
            timeout=300,
        )
        return ran.stdout

    compiled = answer()
    assert compiled.count(b"\n") > 100
    assert answer(NUMBA_DISABLE_JIT="1") == compiled
    assert answer() == compiled
