"""How a pair is worked: look at what is known, do the one thing that is due, wait for news; until nothing is open.

Every look starts from the orders themselves, so it does not matter in which order news of the two legs arrive. What is
due is, first match wins:

compensate   something is naked whatever becomes of all that is open: hedge it, by the next way that is left
withdraw     something failed, or it is over: no order that opens may stay
open         one more order, or one more clip, as large as the bound on what is naked leaves room for
"""

from __future__ import annotations

from collections import Counter
from typing import Final, Literal, NamedTuple

from xtrade.model.errors import UsageError
from xtrade.model.instruments import Instrument
from xtrade.model.numbers import plain
from xtrade.model.order_state import OrderStatus
from xtrade.model.orders import TimeInForce
from xtrade.model.sides import Side
from xtrade.trading.context import Context
from xtrade.trading.execution.common_lot import common_lot
from xtrade.trading.execution.exposure import Exposure, NakedAges
from xtrade.trading.execution.outcome import Ended, Outcome
from xtrade.trading.execution.paired import Leg, Paired, PairedOutcome
from xtrade.trading.execution.parent import ASK_AGAIN_S, NS_PER_S, average_price, nanoseconds, why_stop
from xtrade.trading.execution.prices import protected_ticks, touch, tracking_ticks
from xtrade.trading.orders import Order

__all__ = ["Pairing"]

WayName = Literal["hedge", "elsewhere", "unwind"]
REST_TRIES_MAX: Final = 5
"""How often what is too small for the second leg is tried to be unwound on the first."""


class _Leg:
    """One leg: its market, what was sent there, and what that did, in grains."""

    def __init__(self, ctx: Context, leg: Leg, grains: int) -> None:
        self.ctx = ctx
        self.leg = leg
        self.key = leg.instrument
        self.side = leg.side
        self.instrument: Instrument = ctx.instrument(leg.instrument)
        self.grains = grains
        self.orders: list[Order] = []

    @property
    def net_lots(self) -> int:
        return sum(order.side.sign * order.filled_lots for order in self.orders)

    @property
    def held_lots(self) -> int:
        """What is held on the leg's own side."""
        return self.side.sign * self.net_lots

    def open_lots(self, side: Side) -> int:
        return sum(order.state.worst_case_lots or 0 for order in self.orders if order.side is side)

    @property
    def open_orders(self) -> list[Order]:
        return [order for order in self.orders if order.is_open]

    def smallest_lots(self) -> int:
        """The smallest order the venue takes now: by its lots, and by what they are worth."""
        ticks = touch(self.ctx.book(self.key), self.side)
        least = self.instrument.min_lots
        if ticks and self.instrument.min_notional:
            worth = self.instrument.lots_worth(self.instrument.min_notional, ticks=ticks, toward="up")
            # A limit through the touch may be worth a little less than the touch: a tenth covers any sane guard.
            least = max(least, -(-worth * 11 // 10))
        return least


class _Way(NamedTuple):
    """One way to close what is naked."""

    name: WayName
    leg: _Leg
    through_ticks: int


class _Try(NamedTuple):
    """An order that was sent to close what is naked."""

    name: WayName
    order: Order


class Pairing:
    """One pair at work."""

    def __init__(self, ctx: Context, wish: Paired) -> None:
        self.ctx = ctx
        self.wish = wish
        instruments = [ctx.instrument(leg.instrument) for leg in wish.legs]
        self.common = common_lot(*instruments)
        self.legs = [
            _Leg(ctx, leg, grains) for leg, grains in zip(wish.legs, self.common.grains, strict=True)
        ]
        self.first, self.second = self.legs[:2]
        self.coin = instruments[0].base
        unit = self.common.unit
        self.target = self.common.of_base(wish.base) // unit * unit
        self.naked_max = self.common.of_base(wish.naked_base_max)
        self._check_size()
        self.started_ns = ctx.now_ns
        self.closing: tuple[Ended, str] | None = None
        self.closing_ns = 0
        self._ages = NakedAges()
        self.worst = 0
        self.compensations: list[str] = []
        self._tries: list[_Try] = []
        self._failures: Counter[WayName] = Counter()
        self._rest_tries = 0
        self._sent = self._refused = 0
        self._opening: list[Order] = []
        self._asked_ns: dict[int, int] = {}
        self._pause_until_ns = 0
        self._alarmed = False

    def _check_size(self) -> None:
        least = max(self.common.unit, *(leg.instrument.min_lots * leg.grains for leg in self.legs[:2]))
        for what, grains in (("base", self.target), ("naked_base_max", self.naked_max)):
            if grains < least:
                raise UsageError(
                    f"{what} of the pair {self.first.key}, {self.second.key} is less than the smallest amount that"
                    f" both can trade, {self.common.text(least, self.coin)}: raise it"
                )

    # -- what is known --------------------------------------------------------------------------------------------

    def exposure(self) -> Exposure:
        """Sum up all legs, with whatever is open, being canceled or in doubt as possibly filled."""
        known = sum(leg.net_lots * leg.grains for leg in self.legs)
        return Exposure(
            known,
            known - sum(leg.open_lots(Side.SELL) * leg.grains for leg in self.legs),
            known + sum(leg.open_lots(Side.BUY) * leg.grains for leg in self.legs),
        )

    @property
    def open_orders(self) -> list[Order]:
        """Everything that may still trade."""
        return [order for leg in self.legs for order in leg.open_orders]

    def _lagging(self, naked: int) -> _Leg:
        """The leg that should have traded more (or, long, should have sold more)."""
        return self.first if self.first.side.sign * naked < 0 else self.second

    def _is_naked(self, naked: int) -> bool:
        """Whether so much could be hedged on the leg that lags: less is a rest, for the end."""
        leg = self._lagging(naked)
        return naked != 0 and abs(naked) // leg.grains >= leg.smallest_lots()

    # -- the loop -------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Work until nothing more can be done."""
        while True:
            self._look()
            if self._is_over():
                return
            if not self._compensate() and self.closing is None:
                self._open()
            self._withdraw()
            self._measure()
            await self._news()

    def close(self, ended: Ended, reason: str) -> None:
        """Open nothing more; the first reason counts."""
        if self.closing is None:
            self.closing = ended, reason
            self.closing_ns = self.ctx.now_ns

    def _look(self) -> None:
        now_ns = self.ctx.now_ns
        for way, order in list(self._tries):
            if order.is_open:
                continue
            self._tries.remove(_Try(way, order))
            if order.filled_lots < order.lots:
                self._failures[way] += 1
                self._pause_until_ns = now_ns + nanoseconds(self.wish.look_every_s)
                self.ctx.note(
                    f"paired: {way} order {order.id} traded {order.filled_lots} of {order.lots} lots"
                )
        self._measure()
        for order in [each for each in self._opening if not each.is_open]:
            self._opening.remove(order)
            self._refused = self._refused + 1 if order.status is OrderStatus.REJECTED else 0
            if order.filled_lots < order.lots:
                self._pause_until_ns = now_ns + nanoseconds(self.wish.look_every_s)
            if self._refused == self.wish.refusals_max:
                self.close(
                    Ended.REFUSED, "an order was refused" if order.refusal is None else order.refusal.reason
                )
        if now_ns >= self.started_ns + nanoseconds(self.wish.timeout_s):
            self.close(Ended.TIMED_OUT, f"{self.wish.timeout_s:g} s are over")

    def _measure(self) -> None:
        """Keep the figures of the promises."""
        now_ns, exposure = self.ctx.now_ns, self.exposure()
        self.worst = max(self.worst, exposure.worst)
        self._ages.follow(exposure.known, now_ns, is_naked=self._is_naked(exposure.known))
        if not self._ages.is_naked and not exposure.surely and not self._tries:
            self._failures.clear()
        if self._ages.longest_ns > nanoseconds(self.wish.naked_s_max) and not self._alarmed:
            self._alarmed = True
            said = f"{self.common.text(exposure.known, self.coin)} naked for more than {self.wish.naked_s_max:g} s"
            self.close(Ended.COMPENSATED, said)
            self.ctx.note(f"ALARM: paired: {said}: goes on trying")

    def _is_over(self) -> bool:
        reason = why_stop(self.ctx, *(leg.instrument for leg in self.legs))
        if reason is not None:
            self.closing = Ended.STOPPED, reason
            return True
        exposure, still_open = self.exposure(), self.open_orders
        if not still_open and self.first.held_lots * self.first.grains >= self.target and not exposure.known:
            self.close(Ended.DONE, "")
        if self.closing is None:
            return False
        if not still_open and (
            not exposure.known or (self._is_rest(exposure.known) and not self._ways_for_rest())
        ):
            return True
        return self.ctx.now_ns >= self.closing_ns + nanoseconds(self.wish.give_up_s)

    async def _news(self) -> None:
        """Wait for news of any order that is open, or for the next look."""
        waits = [order.changed() for order in self.open_orders]
        await self.ctx.first(*waits, self.ctx.sleep(self.wish.look_every_s))

    # -- compensate -----------------------------------------------------------------------------------------------

    def _is_rest(self, naked: int) -> bool:
        return not self._is_naked(naked)

    def _ways(self, naked: int) -> list[_Way]:
        """The ways to close what is naked, in the order in which they are tried."""
        lagging = self._lagging(naked)
        leading = self.second if lagging is self.first else self.first
        unwind = self.wish.unwind_through_ticks
        ways = [_Way("hedge", lagging, lagging.leg.through_ticks)]
        ways += [
            _Way("elsewhere", leg, leg.leg.through_ticks)
            for leg in self.legs[2:]
            if leg.side.sign * naked < 0
        ]
        ways += [_Way("unwind", leading, leading.leg.through_ticks if unwind is None else unwind)]
        if lagging is self.first:
            # What is too much may have been hedged elsewhere: there it can be unwound as well.
            ways += [_Way("unwind", leg, leg.leg.through_ticks) for leg in self.legs[2:] if leg.held_lots > 0]
        return ways

    def _ways_for_rest(self) -> bool:
        """Whether what is too small for the leg that lags may be closed otherwise."""
        naked = self.exposure().known
        return self._rest_tries < REST_TRIES_MAX and any(self._lots(way, naked) for way in self._ways(naked))

    def _lots(self, way: _Way, naked: int) -> int:
        """How much of what is naked a way could close; 0 if that is less than the venue takes."""
        lots = abs(naked) // way.leg.grains
        if way.name == "unwind":
            lots = min(lots, way.leg.held_lots)
        return lots if lots >= way.leg.smallest_lots() else 0

    def _compensate(self) -> bool:
        """Close what is surely naked; False if nothing is."""
        exposure = self.exposure()
        naked = exposure.surely
        is_rest = self._is_rest(naked)
        if naked == 0 or (is_rest and (self.closing is None or self.open_orders)):
            return False
        if self.ctx.now_ns < self._pause_until_ns:
            return True
        way = self._next_way(naked)
        if way is None:
            return True
        side = Side.SELL if naked > 0 else Side.BUY
        ticks = protected_ticks(
            self.ctx.book(way.leg.key), side, through_ticks=way.through_ticks, worst_ticks=None
        )
        if ticks is None:
            return True
        if is_rest:
            self._rest_tries += 1
        lots = self._lots(way, naked)
        order = self._send(way.leg, side, lots, ticks, TimeInForce.IOC)
        self._tries.append(_Try(way.name, order))
        if way.name != "hedge" or self._failures["hedge"]:
            quantity = plain(way.leg.instrument.quantity(lots))
            said = f"{way.name}: {side} {quantity} {way.leg.key}"
            self.compensations.append(said)
            self.ctx.note(f"paired: {said}, as order {order.id}")
        if way.name != "hedge":
            self.close(Ended.COMPENSATED, "a leg failed")
        return True

    def _next_way(self, naked: int) -> _Way | None:
        """The first way that has tries, and time for those after it, left; when none has, the least tried one."""
        ways = self._ways(naked)
        possible = [way for way in ways if self._lots(way, naked) and self._can_take(way, naked)]
        left_s = self.wish.naked_s_max - self._ages.age_ns(self.ctx.now_ns) / NS_PER_S
        step_s = self.wish.answer_s + self.wish.look_every_s
        for way in possible:
            tries = self.wish.retries_max if way.name == "hedge" else 1
            after = len(ways) - 1 - ways.index(way)
            if self._failures[way.name] < tries and (after == 0 or left_s >= (after + 1) * step_s):
                return way if not self._in_the_way(way, naked) else None
        free = [way for way in possible if not self._in_the_way(way, naked)]
        return min(free, key=lambda way: self._failures[way.name], default=None)

    def _can_take(self, way: _Way, naked: int) -> bool:
        against = Side.BUY if naked > 0 else Side.SELL
        return (
            self.ctx.trouble(way.leg.key) is None and touch(self.ctx.book(way.leg.key), against) is not None
        )

    def _in_the_way(self, way: _Way, naked: int) -> bool:
        """Whether our own order on the other side has to be gone first."""
        against = Side.BUY if naked > 0 else Side.SELL
        return way.leg.open_lots(against) > 0

    # -- open and withdraw ----------------------------------------------------------------------------------------

    def _open(self) -> None:
        exposure = self.exposure()
        if self.ctx.now_ns < self._pause_until_ns or self._opening or self._failures:
            return
        if any(self.ctx.trouble(leg.key) is not None for leg in (self.first, self.second)):
            return
        left = self.target - self.first.held_lots * self.first.grains
        if left <= 0 or (self.wish.style == "taker-taker" and self.open_orders):
            return
        most = min(left, exposure.room(self.first.side.sign, self.naked_max))
        if self.wish.style == "taker-taker":
            most = min(most, exposure.room(self.second.side.sign, self.naked_max))
        grains = self._clip(left, most)
        if grains == 0:
            if left < self._smallest() and not self.open_orders:
                self.close(
                    Ended.BELOW_MINIMUM, f"{self.common.text(left, self.coin)} are less than both venues take"
                )
            return
        if self._sent == self.wish.attempts_max:
            self.close(Ended.ATTEMPTS_SPENT, f"{self._sent} orders were sent")
            return
        if self.wish.style == "taker-taker":
            self._take_both(grains)
        else:
            self._rest(grains)

    def _smallest(self) -> int:
        """The least that both legs can trade, in whole units."""
        unit = self.common.unit
        least = max(leg.smallest_lots() * leg.grains for leg in (self.first, self.second))
        return -(-least // unit) * unit

    def _clip(self, left: int, most: int) -> int:
        """How much to open next, in whole units, so that what remains can be traded too; 0 if there is no room."""
        unit, smallest = self.common.unit, self._smallest()
        clip = most // unit * unit
        if 0 < left - clip < smallest:
            clip = (left - smallest) // unit * unit
        return clip if clip >= smallest else 0

    def _rest(self, grains: int) -> None:
        if touch(self.ctx.book(self.second.key), self.second.side.opposite) is None:
            return  # nobody to hedge with
        ticks = self._maker_ticks(None)
        if ticks is None:
            return
        order = self._send(self.first, self.first.side, grains // self.first.grains, ticks, TimeInForce.GTC)
        self._sent += 1
        self._opening.append(order)

    def _take_both(self, grains: int) -> None:
        prices = [
            protected_ticks(
                self.ctx.book(leg.key), leg.side, through_ticks=leg.leg.through_ticks, worst_ticks=None
            )
            for leg in (self.first, self.second)
        ]
        self._sent += 1
        for leg, ticks in zip((self.first, self.second), prices, strict=True):
            if None in prices or ticks is None:
                self._pause_until_ns = self.ctx.now_ns + nanoseconds(self.wish.look_every_s)
                return
            order = self._send(leg, leg.side, grains // leg.grains, ticks, TimeInForce.IOC)
            self._opening.append(order)
            if order.status is not OrderStatus.SENT:
                return  # it did not leave: the other leg must not go alone

    def _maker_ticks(self, order: Order | None) -> int | None:
        return tracking_ticks(
            self.ctx.book(self.first.key),
            self.first.side,
            offset_ticks=self.wish.offset_ticks,
            post_only=True,
            own_ticks=None if order is None else order.ticks,
            own_lots=0 if order is None else order.left_lots,
        )

    def _withdraw(self) -> None:
        """Ask to cancel what should not be there any more, or was not answered in time."""
        answer_ns = nanoseconds(self.wish.answer_s)
        failed = self.closing is not None or bool(self._failures) or self._is_late()
        trouble = any(self.ctx.trouble(leg.key) is not None for leg in (self.first, self.second))
        for leg in self.legs:
            for order in leg.open_orders:
                rests = order.intent.time_in_force is TimeInForce.GTC
                unanswered = self.ctx.now_ns >= order.intent.decided_ns + answer_ns
                if (rests and (failed or trouble or self._has_moved(order))) or (not rests and unanswered):
                    self._ask_to_cancel(order)

    def _is_late(self) -> bool:
        """Whether something has been naked for longer than an answer takes."""
        return self._ages.age_ns(self.ctx.now_ns) >= nanoseconds(self.wish.answer_s)

    def _has_moved(self, order: Order) -> bool:
        wanted = self._maker_ticks(order)
        return wanted is None or abs(wanted - (order.ticks or 0)) > self.wish.tolerance_ticks

    def _ask_to_cancel(self, order: Order) -> None:
        asked_ns = self._asked_ns.get(order.id)
        if asked_ns is None or self.ctx.now_ns >= asked_ns + nanoseconds(ASK_AGAIN_S):
            self._asked_ns[order.id] = self.ctx.now_ns
            order.cancel(again=asked_ns is not None)

    def _send(self, leg: _Leg, side: Side, lots: int, ticks: int, time_in_force: TimeInForce) -> Order:
        before = self.exposure()
        after = before.with_sent(side.sign * lots * leg.grains)
        assert after.worst <= max(self.naked_max, before.worst), "more could be naked than was allowed"
        place = self.ctx.buy if side is Side.BUY else self.ctx.sell
        order = place(
            leg.key,
            lots=lots,
            ticks=ticks,
            post_only=time_in_force is TimeInForce.GTC,
            time_in_force=time_in_force,
        )
        order.note = "paired"
        leg.orders.append(order)
        return order

    # -- the end --------------------------------------------------------------------------------------------------

    def outcome(self) -> PairedOutcome:
        """Say what was done, in the journal too."""
        self._measure()
        exposure = self.exposure()
        ended, reason = self.closing or (Ended.STOPPED, "")
        if self.open_orders and ended is not Ended.STOPPED:
            ended, reason = (
                Ended.IN_DOUBT,
                f"{reason}; {len(self.open_orders)} orders were not answered".lstrip("; "),
            )
        elif self._is_naked(exposure.known):
            ended = Ended.NAKED
            reason = f"{reason}; {self.common.text(exposure.known, self.coin)} are still naked".lstrip("; ")
        base = self.common.base
        kept = (
            self.worst <= self.naked_max
            and self._ages.longest_ns <= nanoseconds(self.wish.naked_s_max)
            and not self.open_orders
            and ended is not Ended.NAKED
        )
        paired = min(
            self.first.held_lots * self.first.grains, sum(leg.held_lots * leg.grains for leg in self.legs[1:])
        )
        outcome = PairedOutcome(
            legs=tuple(self._of_leg(leg, ended, reason) for leg in self.legs),
            base=base(self.target),
            paired_base=base(max(0, paired)),
            naked_base=base(exposure.known),
            naked_base_low=base(exposure.low),
            naked_base_high=base(exposure.high),
            naked_base_worst=base(self.worst),
            naked_s_longest=self._ages.longest_ns / NS_PER_S,
            compensations=tuple(self.compensations),
            promises_kept=kept,
            ended=ended,
            reason=reason,
        )
        self.ctx.note(
            f"paired: {plain(outcome.paired_base)} of {self.common.text(self.target, self.coin)}"
            f" on {self.first.key} and {self.second.key}, {plain(outcome.naked_base)} naked,"
            f" at most {outcome.naked_s_longest:g} s; {ended}: {reason}"
        )
        return outcome

    def _of_leg(self, leg: _Leg, ended: Ended, reason: str) -> Outcome:
        return Outcome(
            instrument=leg.key,
            side=leg.side,
            lots=self.target // leg.grains if leg in self.legs[:2] else 0,
            filled_lots=leg.held_lots,
            open_lots=leg.open_lots(Side.BUY) + leg.open_lots(Side.SELL),
            average_price=average_price([order for order in leg.orders if order.side is leg.side]),
            orders=tuple(order.id for order in leg.orders),
            started_ns=self.started_ns,
            ended_ns=self.ctx.now_ns,
            ended=ended,
            reason=reason,
        )
