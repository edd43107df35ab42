"""Synthetic markets, alive: accounts that trade on the matching engine, and leave room for others.

    exchange = Exchange()
    traders = SyntheticTraders(preset("busy"), exchange, seed=1, start_ns=0)
    notices = traders.step(until_ns=1_000_000_000)
    exchange.place("me", intent, now_ns=1_000_000_000)

On each market there are makers, who quote around the price that they believe in, lean against what they hold, and
take what stands on the wrong side of it; a crowd, whose orders wait deeper in the book and give up after a while; and
takers, who come when and with what the tape of the same seed says. There is no clock: `step` says how far time goes.

Everything is drawn before it happens. Who trades in between changes the book, and what makers hold, but neither the
fundamental price nor who comes next.
"""

from __future__ import annotations

import math
from decimal import Decimal
from heapq import merge
from typing import Final, NamedTuple

import numpy as np

from xtrade.model.errors import ConfigError, UsageError, did_you_mean
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Kind
from xtrade.model.money import Money
from xtrade.model.numbers import product
from xtrade.model.orders import OrderIntent, OrderType, TimeInForce
from xtrade.model.sides import Side
from xtrade.sim.matching.exchange import Exchange
from xtrade.sim.matching.orders import OpenOrder
from xtrade.sim.matching.tape import Notice
from xtrade.sim.replay.layout import Reals
from xtrade.sim.synthetic.arithmetic import exp_of
from xtrade.sim.synthetic.draws import check_seed, draws
from xtrade.sim.synthetic.flow import Flow
from xtrade.sim.synthetic.fundamental import MINUTE_NS
from xtrade.sim.synthetic.funding import Premiums
from xtrade.sim.synthetic.markets import Listed, SyntheticMarkets
from xtrade.sim.synthetic.steps import STEP_NS, Block, ListingSteps, blocks

__all__ = ["SyntheticTraders"]

_SECOND_NS: Final = 1_000_000_000
_STEPS_A_SECOND: Final = _SECOND_NS // STEP_NS
_SIDES: Final = (Side.BUY, Side.SELL)

# Makers: how many, how wide beside the listing's spread, on how many levels, and how often they look (a second).
_MAKER_WIDTHS: Final = (0.8, 1.1, 1.6)
_MAKER_LEVELS: Final = 3
_MAKER_RATE: Final = 2.5
# A maker leans by half a half spread for so many of its quotes in stock.
_STOCK_QUOTES: Final = 20.0
# The crowd: its share of the listing's orders, and how long an order waits (seconds).
_CROWD_SHARE: Final = 0.15
_CROWD_PATIENCE: Final = 25.0
_CROWD_AT_FIRST: Final = 150
_IMPACT_RATE: Final = 0.1
_IMPACT_MAX: Final = 4.0
# What every account starts with: enough that nobody is ever short of money, in quote currency.
_PURSE: Final = Decimal(10_000_000_000)


class SyntheticTraders:
    """The traders of one venue of a world, on an exchange where it lists its markets."""

    def __init__(
        self,
        markets: SyntheticMarkets,
        exchange: Exchange,
        *,
        seed: int,
        start_ns: int,
        venue: str | None = None,
    ) -> None:
        check_seed(seed)
        name = markets.venues[0].name if venue is None else venue
        if all(each.name != name for each in markets.venues):
            known = [each.name for each in markets.venues]
            raise ConfigError(
                f"venue {name!r} is not in this world, which has {', '.join(known)}.{did_you_mean(name, known)}"
            )
        self._now_ns = start_ns
        self._start_ns = start_ns
        self._desks = [
            _Desk(listed, exchange, seed, start_ns) for listed in markets.listed if listed.venue.name == name
        ]
        self._exchange = exchange
        self._blocks = blocks(markets, seed)
        self._coming: list[_Plan] = []
        self._next = 0
        self._opening: list[Notice] = []
        self._plan()

    @property
    def accounts(self) -> tuple[str, ...]:
        """The names of all accounts that trade here."""
        return tuple(name for desk in self._desks for name in desk.accounts)

    @property
    def next_ns(self) -> int:
        """When the next of them does something: `step` before does nothing but let time pass."""
        return self._coming[self._next].ns

    def step(self, until_ns: int) -> list[Notice]:
        """Let them trade until then, and return what the exchange told anybody."""
        if until_ns < self._now_ns:
            raise UsageError(f"time runs backwards: it was {self._now_ns} already, and now {until_ns}")
        notices, self._opening = self._opening, []
        while (plan := self._coming[self._next]).ns <= until_ns:
            self._next += 1
            notices += plan.desk.act(plan)
            if self._next == len(self._coming):
                self._plan()
        notices += self._exchange.advance(until_ns)
        self._now_ns = until_ns
        return notices

    def _plan(self) -> None:
        """Draw what everybody will do in the next minutes."""
        block = next(self._blocks)
        plans = [desk.plans(block) for desk in self._desks]
        if block.start_ns == 0:
            self._opening = [notice for desk in self._desks for notice in desk.open()]
        self._coming = list(merge(*plans, key=lambda plan: plan.ns))
        self._next = 0


class _Plan(NamedTuple):
    """Something that will be done: all of its chance is drawn already."""

    ns: int
    desk: _Desk
    step: int
    what: str
    side: int = 0
    number: float = 0.0
    """A maker's place, a taker's lots, how deep an order waits."""
    size: float = 0.0
    patience_ns: int = 0


class _Desk:
    """All traders of one market."""

    def __init__(self, listed: Listed, exchange: Exchange, seed: int, start_ns: int) -> None:
        self._listed = listed
        self._instrument = listed.instrument
        self._exchange = exchange
        self._start_ns = start_ns
        self._flow = Flow(listed, seed)
        key = listed.key
        self._makers = [
            _Times(draws(seed, f"makers/{key}/{n}"), _MAKER_RATE) for n in range(len(_MAKER_WIDTHS))
        ]
        self._crowd = _Times(draws(seed, f"crowd/{key}"), listed.listing.orders_rate * _CROWD_SHARE)
        self._orders = draws(seed, f"waiting/{key}")
        self._ids = 0
        self._impact = 0.0
        self._impact_ns = start_ns
        self._block: Block
        self._steps: ListingSteps
        basis = listed.listing.basis
        self._premiums = None if basis is None else Premiums(basis, start_ns)
        price_ticks = listed.asset.price / float(listed.listing.tick)
        lot_worth = listed.asset.price * listed.listing.lot_base
        self._hump = max(listed.listing.hump_bp * 1e-4 * price_ticks, 1.0)
        self._depth = max(listed.listing.depth_amount / lot_worth, 2.0)
        self._typical = listed.listing.trade_amount / lot_worth
        self._maker_names = [f"{key} maker {n + 1}" for n in range(len(_MAKER_WIDTHS))]
        self._crowd_name, self._taker_name = f"{key} crowd", f"{key} takers"
        self.accounts = (*self._maker_names, self._crowd_name, self._taker_name)
        self._first_base = 0
        # A mark is finer than the grid, by two digits.
        self._mark_step = Decimal(f"{listed.instrument.tick:f}e-2")
        exchange.list_market(listed.instrument)
        self._fund()

    def _fund(self) -> None:
        instrument = self._instrument
        lots = round(float(_PURSE) / self._listed.asset.price / self._listed.listing.lot_base)
        goods = instrument.base_amount(ticks=1, lots=lots)
        self._per_lot = instrument.base_amount(ticks=1, lots=1).atoms
        for name in self.accounts:
            self._exchange.open_account(name, Money.of(_PURSE, instrument.settle))
            if instrument.kind is Kind.SPOT:
                self._first_base = goods.atoms
                self._exchange.deposit(name, goods, self._start_ns)

    # -- what will be done ----------------------------------------------------------------------------------------

    def plans(self, block: Block) -> list[_Plan]:
        """Plan one block."""
        steps = block.listings[self._listed.key]
        self._block, self._steps = block, steps
        first_ns = self._start_ns + block.start_ns
        plans: list[_Plan] = []
        takers = self._flow.advance(steps, block.start_ns)
        for ns, side, lots in zip(
            takers.ns.tolist(), takers.side.tolist(), takers.lots.tolist(), strict=True
        ):
            step = (ns - block.start_ns) // STEP_NS
            plans.append(_Plan(self._start_ns + ns, self, step, "take", side, lots))
        for number, times in enumerate(self._makers):
            plans += [
                _Plan(ns, self, (ns - first_ns) // STEP_NS, "quote", 0, number)
                for ns in times.within(steps.activity, first_ns)
            ]
        waiting = self._crowd.within(steps.activity, first_ns)
        plans += self._waiting(waiting, [(ns - first_ns) // STEP_NS for ns in waiting])
        if self._instrument.kind is not Kind.SPOT:
            plans += [
                _Plan(first_ns + step * STEP_NS, self, step, "mark")
                for step in range(0, len(steps.fair), _STEPS_A_SECOND)
            ]
        plans.sort(key=lambda plan: plan.ns)
        return plans

    def _waiting(self, times: list[int], steps: list[int]) -> list[_Plan]:
        """Plan orders that wait: on which side, how deep, how large, how long."""
        count = len(times)
        side = self._orders.integers(0, 2, count).tolist()
        away = self._orders.standard_exponential((count, 2)).sum(axis=1).tolist()
        size = self._orders.random(count).tolist()
        patience = (
            (self._orders.standard_exponential(count) * _CROWD_PATIENCE * 1e9).astype(np.int64).tolist()
        )
        return [
            _Plan(times[at], self, steps[at], "wait", side[at], away[at], size[at], _SECOND_NS + patience[at])
            for at in range(count)
        ]

    # -- what is done ---------------------------------------------------------------------------------------------

    def open(self) -> list[Notice]:
        """Put a book there at the start."""
        notices: list[Notice] = []
        if self._instrument.kind is not Kind.SPOT:
            notices += self._mark(self._start_ns, 0)
        for maker in range(len(self._makers)):
            notices += self._quote(self._start_ns, 0, maker)
        for plan in self._waiting([self._start_ns] * _CROWD_AT_FIRST, [0] * _CROWD_AT_FIRST):
            notices += self._wait(plan)
        return notices

    def act(self, plan: _Plan) -> list[Notice]:
        """Do what was planned."""
        match plan.what:
            case "take":
                return self._take(plan.ns, plan.step, plan.side, int(plan.number))
            case "quote":
                return self._quote(plan.ns, plan.step, int(plan.number))
            case "wait":
                return self._wait(plan)
            case _:
                return self._mark(plan.ns, plan.step)

    def _take(self, ns: int, step: int, side: int, lots: int) -> list[Notice]:
        push = self._listed.listing.impact * self._steps.half_spread[step] * math.sqrt(lots / self._typical)
        most = _IMPACT_MAX * float(self._steps.half_spread[step])
        moved = self._impact_at(ns) + (push if side == 0 else -push)
        self._impact = min(max(moved, -most), most)
        return self._place(self._taker_name, ns, _SIDES[side], lots)

    def _wait(self, plan: _Plan) -> list[Notice]:
        away = self._steps.half_spread[plan.step] * 1.2 + plan.number * self._hump
        believed = float(self._steps.fair[plan.step]) + self._impact_at(plan.ns)
        ticks = math.floor(believed - away) if plan.side == 0 else math.ceil(believed + away)
        lots = 1 + int(self._depth * 0.8 * plan.size)
        return self._place(
            self._crowd_name, plan.ns, _SIDES[plan.side], lots, max(ticks, 1), plan.ns + plan.patience_ns
        )

    def _quote(self, ns: int, step: int, maker: int) -> list[Notice]:
        """Put a maker's quotes where they belong; what is near enough stays, and keeps its place in the queue."""
        name = self._maker_names[maker]
        half = float(self._steps.half_spread[step])
        lots = max(1, int(self._depth * 0.5))
        lean = min(max(self._stock(name) / (_STOCK_QUOTES * lots), -3.0), 3.0) * 0.5 * half
        believed = float(self._steps.fair[step]) + self._impact_at(ns) - lean
        open_orders = self._exchange.open_orders(name, self._instrument.key)
        notices: list[Notice] = []
        wanted: list[tuple[Side, int]] = []
        for side in _SIDES:
            standing = sorted(
                (order for order in open_orders if order.intent.side is side),
                key=lambda order: order.ticks or 0,
                reverse=side is Side.BUY,
            )
            for level in range(_MAKER_LEVELS):
                away = half * _MAKER_WIDTHS[maker] * (1.0 + level)
                ticks = math.floor(believed - away) if side is Side.BUY else math.ceil(believed + away)
                order = standing[level] if level < len(standing) else None
                if order is not None and _is_near(order, ticks, half, lots):
                    continue
                if order is not None:
                    notices += self._exchange.cancel(name, order.intent.client_order_id, ns)
                wanted.append((side, max(ticks, 1)))
        for side, ticks in wanted:
            notices += self._place(name, ns, side, lots, ticks)
        return notices

    def _mark(self, ns: int, step: int) -> list[Notice]:
        """Tell mark and index, and once a minute the funding to be expected."""
        key = self._instrument.key
        index = round(float(self._block.index[self._listed.asset.name][step]), 6)
        mark = product(round(float(self._steps.fair[step]) * 100), self._mark_step)
        notices = self._exchange.set_mark(key, mark, ns)
        notices += self._exchange.set_index(key, index, ns)
        at = self._block.start_ns + step * STEP_NS
        if self._premiums is not None and at % MINUTE_NS == 0:
            basis = self._block.minutes.basis[key][at // MINUTE_NS - self._block.minutes.first]
            self._premiums.look(float(basis), ns)
            notices += self._exchange.set_funding(
                key,
                self._premiums.rate,
                ns,
                next_ns=self._premiums.next_ns,
                interval_ns=self._premiums.interval_ns,
            )
        return notices

    # -- how ------------------------------------------------------------------------------------------------------

    def _place(
        self,
        account: str,
        ns: int,
        side: Side,
        lots: int,
        ticks: int | None = None,
        until_ns: int | None = None,
    ) -> list[Notice]:
        self._ids += 1
        intent = OrderIntent(
            client_order_id=ClientOrderId(self._ids),
            instrument=self._instrument.key,
            instrument_version=self._instrument.version,
            side=side,
            type=OrderType.MARKET if ticks is None else OrderType.LIMIT,
            lots=lots,
            ticks=ticks,
            time_in_force=TimeInForce.GTC if until_ns is None else TimeInForce.GTD,
            expires_ns=until_ns,
            decided_ns=ns,
        )
        return self._exchange.place(account, intent, ns)

    def _stock(self, name: str) -> float:
        """How many lots a maker has more than at the start."""
        if self._instrument.kind is not Kind.SPOT:
            return float(self._exchange.position(name, self._instrument.key).lots)
        held = self._exchange.balance(name, self._instrument.base).total.atoms
        return (held - self._first_base) / self._per_lot

    def _impact_at(self, ns: int) -> float:
        """By how many ticks trades have moved what people believe, which they forget."""
        self._impact *= exp_of(-_IMPACT_RATE * (ns - self._impact_ns) * 1e-9)
        self._impact_ns = ns
        return self._impact


def _is_near(order: OpenOrder, ticks: int, half: float, lots: int) -> bool:
    left = order.lots - order.filled
    return abs((order.ticks or 0) - ticks) <= max(1.0, 0.4 * half) and left * 3 >= lots


class _Times:
    """When somebody acts: at a rate that follows the market's activity, by chance."""

    def __init__(self, generator: np.random.Generator, rate: float) -> None:
        self._generator = generator
        self._rate = rate
        self._left = float(generator.standard_exponential())

    def within(self, activity: Reals, first_ns: int) -> list[int]:
        """Return the times within one block of steps."""
        passed = np.cumsum(activity * (self._rate * STEP_NS * 1e-9))
        drawn = []
        while self._left < passed[-1]:
            drawn.append(self._left)
            self._left += float(self._generator.standard_exponential())
        self._left -= float(passed[-1])
        steps = np.searchsorted(passed, drawn)
        before = np.append(0.0, passed)[steps]
        share = (np.array(drawn) - before) / (passed[steps] - before)
        found: list[int] = (first_ns + ((steps + share) * STEP_NS).astype(np.int64)).tolist()
        return found
