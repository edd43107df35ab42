"""The naive replay of tests/kit, with another simulator's choices in place of its own, one by one.

CHOICES   what they do otherwise than we do; docs/replay.md says why we do not
Bent      a market by their choices
bent      the fills of a script, with some of the choices
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from agreement.markets import GAP, READY, Data, Do, Fill, reported
from kit.naive_replay import Book, Market, Naive, better
from xtrade.sim.replay.models import Assumptions, FillRule, QueueKind

CHOICES = {
    "gap": "they know of no gaps: orders are taken, and filled, in a book that nobody knows",
    "far levels": "when a side runs empty they forget how far its levels reach, and overlook crossed ones later",
    "half a lot": "they round what was taken beyond the queue, so half a lot of ours is filled as one",
    "front": "they go on moving an order that is first in its queue, backwards too",
    "overshoot": "where a model takes more from before us than stood there, they fill us with it: more than traded",
    "quantities": "they count quantities in floating point, so that half a lot may come out a little less, or more",
    "rest": "what a crossing order cannot take is filled at its limit, out of nothing (partial fills)",
}
"""Where they choose otherwise, in the order in which the naive replay is bent."""


class Stopped(Exception):
    """They end with an error when an order that was filled to the lot is met again; this is when."""


class Forgetful(Book):
    """A book that forgets how far a side reached once that side ran empty."""

    def __init__(self):
        super().__init__()
        self.far = [None, None]

    def set(self, side, ticks, lots):
        was = self.best[side]
        found = super().set(side, ticks, lots)
        if lots and (self.far[side] is None or better(side, self.far[side], ticks)):
            self.far[side] = ticks
        if not lots and ticks == was and self.best[side] is None:
            self.far[side] = None
        return found

    def retreat(self, side, ticks):
        found = self.behind(side, ticks)
        far = self.far[side]
        return None if found is None or far is None or better(side, far, found) else found

    def clear(self, side):
        super().clear(side)
        self.far[side] = None


class Bent(Market):
    """A market by their choices, as far as `bent` names them."""

    def __init__(self, assumed, trusted, tell, *, lot, bent, stops):
        super().__init__(assumed, trusted or "gap" in bent, tell)
        self.bent = bent
        self.stops = stops
        self.unswept = []  # orders that were filled to the lot, and stay in their book until they are canceled
        self.lefts = {}  # what is left of our orders, as they count it
        self.lot = 1.0
        if "far levels" in bent:
            self.book = Forgetful()
        if "quantities" in bent:
            self.lot = lot
            self.assumed = replace(assumed, queue=replace(assumed.queue, unit=1.0))

    def happen(self, row, ns, order_id=None):
        if "gap" not in self.bent or row[0] not in {GAP, READY}:
            super().happen(row, ns, order_id)

    def joined(self, order):
        order.ahead, order.traded = self.book.lots(order.side, order.ticks) * self.lot, 0.0

    def passed(self, order, lots):
        order.ahead -= lots * self.lot
        order.traded += lots * self.lot

    def beyond(self, order):
        # Floating point has no whole lots: to count them is to round.
        half = 0.5 if {"half a lot", "quantities"} & self.bent else 0.0
        return max(math.floor(-order.ahead / self.lot + half), 0)

    def alone(self, order, lots):
        reached = self.beyond(order)
        if reached:
            order.ahead = 0.0
        if self.rule is not FillRule.THROUGH:
            return order.left if reached else 0
        if "overshoot" not in self.bent:
            reached = min(reached, lots)
        if self.stops and reached >= order.left and reached * self.lot <= self.left(order):
            self.unswept.append(order)
        return reached

    def left(self, order):
        return self.lefts.setdefault(order, order.lots * self.lot)

    def fill(self, order, lots, ticks, maker, ns):
        self.lefts[order] = self.left(order) - min(lots * self.lot, self.left(order))
        return super().fill(order, lots, ticks, maker, ns)

    def moved(self, order, before, lots):
        before, lots = before * self.lot, lots * self.lot
        if "front" not in self.bent or self.assumed.queue.kind is QueueKind.RISK_AVERSE:
            super().moved(order, before, lots)
            return
        gone, order.traded = before - lots - order.traded, 0.0
        if gone >= 0:
            behind = before - order.ahead
            share = self.their_share(np.float64(order.ahead), np.float64(behind))
            order.ahead += min(behind - share * gone, 0.0) - (1.0 - share) * gone
        # A number that is none loses against one that is: the order is last in its queue again.
        order.ahead = lots if math.isnan(order.ahead) else min(order.ahead, lots)

    def their_share(self, ahead, behind):
        """Return the model's share where it has none: no number at all, or, where it is without bounds, one."""
        try:
            with np.errstate(all="ignore"):
                share = self.share_behind(ahead, behind)
        except ValueError:
            return math.nan
        except ZeroDivisionError:
            share = math.inf if behind else math.nan
        return 1.0 if math.isinf(share) else float(share)

    def take(self, order, ns):
        super().take(order, ns)
        if "rest" in self.bent and order.style == "gtc" and self.rule is FillRule.THROUGH:
            self.fill(order, order.left, order.ticks, False, ns)

    def trade(self, side, ticks, lots, ns):
        self.stop_at(side, ticks, ns)
        super().trade(side, ticks, lots, ns)

    def met(self, side, ticks, lots, ns):
        self.stop_at(side, ticks, ns)
        super().met(side, ticks, lots, ns)

    def stop_at(self, side, ticks, ns):
        if any(each.side == side and not better(side, ticks, each.ticks) for each in self.unswept):
            raise Stopped(ns)


class BentReplay(Naive):
    """A naive replay of one market that may stop."""

    stopped_ns: int | None = None

    def play(self):
        try:
            super().play()
        except Stopped as stopped:
            self.stopped_ns = stopped.args[0]

    def told(self, what, name, ns, received):
        super().told(what, name, ns, received)
        market = self.markets[0]
        for order in [each for each in market.unswept if each.name == name and what == "filled"]:
            arrival = self.entries[0].arrival(received)
            self.then(arrival, 2, market.unswept.remove, order)


def bent(data: Data, doings: list[Do], assumptions: Assumptions, choices: list[str], *, stops: bool = False):
    """Return the fills of a naive replay with these choices, and when it stopped."""

    def market(*arguments):
        return Bent(*arguments, lot=data.lot, bent=frozenset(choices), stops=stops)

    naive = BentReplay(data.rows, doings, assumptions, market=market)
    parts = [Fill(name, heard, ns, ticks, lots, maker) for name, ticks, lots, maker, ns, heard in naive.fills]
    return reported(parts), naive.stopped_ns
