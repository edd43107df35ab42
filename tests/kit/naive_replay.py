"""A replay that is as simple as its rules: dictionaries, lists, and one heap of what happens next.

Leg      one connection: how long its messages take
Book     levels by price, and which of them is the best
Market   one venue's book and our orders in it (L2: a queue model says where they stand)
Fifo     the same on L3 data: the queues themselves, order by order
Naive    the world: markets, connections, what we do and what we hear

It takes the same `Assumptions` as the kernel and shares nothing else with it. benchmarks/replay_agreement.py bends
its rules, one by one, into those of another tool.
"""

import heapq
import math
from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import count

from xtrade.sim.replay.layout import CONSTANT, RECORDED
from xtrade.sim.replay.models import Assumptions, FillRule, QueueKind
from xtrade.sim.replay.tape import Happening

BUY, SELL = 0, 1
MODIFY, CANCEL = 10, 11
DONE = {"filled", "canceled", "expired", "refused"}


class Leg:
    def __init__(self, latency):
        self.latency = latency
        self.chance = latency.seed
        self.last = 0

    def arrival(self, ns):
        self.last = max(self.last, ns + self.delay(ns))
        return self.last

    def delay(self, ns):
        table = self.latency.table
        if self.latency.kind == CONSTANT:
            return self.latency.ns
        if self.latency.kind == RECORDED:
            times, delays = table[: len(table) // 2], table[len(table) // 2 :]
            after = bisect_right(times, ns)
            if after in {0, len(times)}:
                return delays[0 if after == 0 else -1]
            slope = (delays[after] - delays[after - 1]) / (times[after] - times[after - 1])
            return delays[after - 1] + int(slope * (ns - times[after - 1]))
        self.chance = self.chance * 48_271 % (2**31 - 1)
        place, part = divmod(self.chance * (len(table) - 1), 2**31 - 1)
        return table[place] + ((table[place + 1] - table[place]) * (part >> 11) >> 20)


def better(side, a, b):
    return a > b if side == BUY else a < b


def reaches(side, ticks, other):
    """Would an order of this side, at this price, meet that price?"""
    return not better(side, other, ticks)


class Book:
    def __init__(self):
        self.levels = ({}, {})
        self.best = [None, None]

    def lots(self, side, ticks):
        return self.levels[side].get(ticks, 0)

    def set(self, side, ticks, lots):
        """Put a level; a new best pushes the other side's best out of its way. Say whether it is a new best."""
        self.levels[side].pop(ticks, None)
        if not lots:
            if ticks == self.best[side]:
                self.best[side] = self.retreat(side, ticks)
            return False
        self.levels[side][ticks] = lots
        if self.best[side] is not None and not better(side, ticks, self.best[side]):
            return False
        self.best[side] = ticks
        if self.best[1 - side] is not None and reaches(side, ticks, self.best[1 - side]):
            self.best[1 - side] = self.retreat(1 - side, ticks)
        return True

    def retreat(self, side, ticks):
        """Return what is the best when this price is gone, or crossed."""
        return self.behind(side, ticks)

    def shrink(self, side, ticks, lots):
        """Leave a level these lots, which makes no price the best that was not."""
        if lots:
            self.levels[side][ticks] = lots
        else:
            self.set(side, ticks, 0)

    def behind(self, side, ticks):
        """Return the best price that is worse than this one."""
        worse = [price for price in self.levels[side] if better(side, ticks, price)]
        if not worse:
            return None
        return max(worse) if side == BUY else min(worse)

    def clear(self, side):
        self.levels[side].clear()
        self.best[side] = None

    def shown(self, side):
        """Return the levels from the best on."""
        best = self.best[side]
        return {p: n for p, n in self.levels[side].items() if best is not None and not better(side, p, best)}


@dataclass(eq=False)
class Order:
    name: int
    side: int
    ticks: int | None
    lots: int
    style: str
    market: int = 0
    left: int = field(init=False)
    ahead: float = 0.0
    traded: int = 0  # at our price, since the level was last told

    def __post_init__(self):
        self.left = self.lots


class Market:
    def __init__(self, assumed, trusted, tell):
        self.assumed = assumed
        self.rule = assumed.fills
        self.trusted = trusted
        self.tell = tell  # (what, order, ns, ticks, lots, maker)
        self.book = Book()
        self.orders = []  # in order of arrival

    # -- what the market does

    def happen(self, row, ns, order_id=None):
        kind, side, ticks, lots = row
        if kind == Happening.LEVEL:
            self.level(side, ticks, lots, ns)
        elif kind == Happening.TRADE:
            self.trade(1 - side, ticks, lots, ns)
        elif kind == Happening.CLEAR:
            self.book.clear(side)
        elif kind == Happening.GAP:
            self.trusted = False
            for order in self.orders:
                order.ahead = float(2**62)
        elif kind == Happening.READY and not self.trusted:
            self.trusted = True
            self.ready(ns)

    def level(self, side, ticks, lots, ns):
        before = self.book.lots(side, ticks)
        for order in self.mine(side):
            if order.ticks == ticks:
                self.moved(order, before, lots)
        if self.book.set(side, ticks, lots) and self.trusted:
            self.met(1 - side, ticks, max(lots - before, 0), ns)

    def met(self, side, ticks, lots, ns):
        """The other side has these new lots at a price which our orders on this side may reach."""
        for order in self.mine(side):
            if reaches(side, order.ticks, ticks):
                lots -= self.fill(order, self.by_rule(order, lots), order.ticks, True, ns)

    def trade(self, side, ticks, lots, ns):
        """Somebody took lots from this side, down (or up) to a price."""
        if not self.trusted:
            return
        left, same = lots, 0
        for order in self.mine(side):
            if order.ticks == ticks:
                self.passed(order, lots)
                if self.rule is FillRule.VOLUME:
                    amount = max(min(left, self.beyond(order) - same), 0)
                    same += min(order.left, amount)
                else:
                    amount = self.alone(order, lots)
            elif better(side, order.ticks, ticks):
                amount = self.by_rule(order, left)
            else:
                break
            left -= self.fill(order, amount, order.ticks, True, ns)

    def ready(self, ns):
        """A snapshot after a gap: our orders stand last, or the new book has met them."""
        for order in self.orders:
            self.joined(order)
        for side in (BUY, SELL):
            ticks = self.book.best[1 - side]
            while ticks is not None:
                self.met(side, ticks, self.book.lots(1 - side, ticks), ns)
                ticks = self.book.behind(1 - side, ticks)

    # -- where our orders stand

    def joined(self, order):
        order.ahead, order.traded = float(self.book.lots(order.side, order.ticks)), 0

    def passed(self, order, lots):
        """Lots were traded at our price."""
        order.ahead -= lots
        order.traded += lots

    def moved(self, order, before, lots):
        """The feed says that our level went from `before` to `lots`."""
        if self.assumed.queue.kind is not QueueKind.RISK_AVERSE:
            gone = before - lots - order.traded
            order.traded = 0
            if gone > 0 and order.ahead > 0:
                behind = max(before - order.ahead, 0.0)
                share = self.share_behind(order.ahead, behind)
                order.ahead += min(behind - share * gone, 0.0) - (1.0 - share) * gone
        order.ahead = min(order.ahead, float(lots))

    def share_behind(self, ahead, behind):
        queue = self.assumed.queue
        n, a, b = queue.exponent, ahead / queue.unit, behind / queue.unit
        match queue.kind:
            case QueueKind.POWER:
                return b**n / (b**n + a**n)
            case QueueKind.POWER_OF_TOTAL:
                return b**n / (b + a) ** n
            case QueueKind.POWER_OF_SHARE:
                return 1.0 - (a / (a + b)) ** n
            case QueueKind.LOG:
                return math.log(1.0 + b) / (math.log(1.0 + b) + math.log(1.0 + a))
            case QueueKind.LOG_OF_TOTAL:
                return math.log(1.0 + b) / math.log(1.0 + b + a)
        return min(max(queue.function(ahead, behind), 0.0), 1.0)

    def beyond(self, order):
        """Return how many whole lots were taken beyond those before us."""
        return max(math.floor(-order.ahead), 0)

    def alone(self, order, lots):
        """Return what a trade of `lots` at its price gives an order, whatever our others get."""
        if self.rule is FillRule.THROUGH:
            return min(lots, self.beyond(order))
        return order.left if self.beyond(order) else 0

    def by_rule(self, order, lots):
        """Return what an order gets of lots that came through its price."""
        return lots if self.rule is FillRule.VOLUME else order.left

    def mine(self, side):
        """Return our orders of a side by price, then time."""
        found = [order for order in self.orders if order.side == side]
        return sorted(found, key=lambda order: -order.ticks if side == BUY else order.ticks)

    # -- what we ask for

    def place(self, order, ns, *, fresh=True):
        best = self.book.best[1 - order.side]
        takes = best is not None and (order.ticks is None or reaches(order.side, order.ticks, best))
        if not self.trusted:
            self.tell("refused", order, ns)
        elif takes and order.style == "post_only":
            self.tell("refused" if fresh else "canceled", order, ns)
        elif order.style == "fok" and not (takes and self.enough(order)):
            self.tell("expired", order, ns)
        else:
            if fresh:
                self.tell("accepted", order, ns)
            if takes:
                self.take(order, ns)
            if not order.left:
                return
            if order.style in {"gtc", "post_only"}:
                self.rest(order)
            else:
                self.tell("expired", order, ns)

    def enough(self, order):
        return self.rule is FillRule.COMPLETE or sum(lots for _, lots in self.ladder(order)) >= order.left

    def ladder(self, order):
        """Return the levels that an order can take, best first."""
        side = 1 - order.side
        ticks, found = self.book.best[side], []
        while ticks is not None and (order.ticks is None or reaches(order.side, order.ticks, ticks)):
            found.append((ticks, self.book.lots(side, ticks)))
            ticks = self.book.behind(side, ticks)
        return found

    def take(self, order, ns):
        for ticks, there in self.ladder(order):
            amount = order.left if self.rule is FillRule.COMPLETE else min(order.left, there)
            if self.assumed.impact:
                self.book.set(1 - order.side, ticks, max(there - amount, 0))
            self.fill(order, amount, ticks, False, ns)

    def rest(self, order):
        self.joined(order)
        self.orders.append(order)

    def unrest(self, order):
        self.orders = [other for other in self.orders if other is not order]

    def cancel(self, order, ns):
        if order not in self.orders:
            self.tell("cancel refused", order, ns)
            return
        self.unrest(order)
        self.tell("canceled", order, ns)

    def amend(self, order, ticks, lots, ns):
        left = lots - (order.lots - order.left)
        if order not in self.orders or not self.trusted:
            self.tell("amend refused", order, ns)
        elif left <= 0:
            self.cancel(order, ns)
        else:
            stays = ticks == order.ticks and left <= order.left
            if not stays:
                self.unrest(order)
            order.ticks, order.lots, order.left = ticks, lots, left
            self.tell("amended", order, ns)
            if not stays:
                self.place(order, ns, fresh=False)

    def fill(self, order, lots, ticks, maker, ns):
        lots = min(order.left, lots)
        if lots > 0:
            order.left -= lots
            if not order.left:
                self.unrest(order)
            self.tell("filled" if not order.left else "partial", order, ns, ticks, lots, maker)
        return lots


class Fifo(Market):
    """L3: the queues themselves. What stands there is (order id, lots) of others, and our own orders."""

    def __init__(self, assumed, trusted, tell):
        super().__init__(assumed, trusted, tell)
        self.queues = ({}, {})
        self.places = {}  # order id: side, ticks

    def happen(self, row, ns, order_id=None):
        kind, side, ticks, lots = row
        if kind == Happening.ADD:
            self.places[order_id] = side, ticks
            self.queues[side].setdefault(ticks, []).append([order_id, lots])
            self.level(side, ticks, self.book.lots(side, ticks) + lots, ns)
            return
        if kind < Happening.ADD:
            super().happen(row, ns)
            return
        side, at = self.places[order_id]
        queue = self.queues[side][at]
        entry = next(entry for entry in queue if isinstance(entry, list) and entry[0] == order_id)
        if kind == Happening.EXECUTE:
            self.executed(side, at, queue[: queue.index(entry)], lots, ns)
            self.reduce(side, at, entry, lots)
        elif kind == MODIFY and ticks == at and lots <= entry[1]:
            self.reduce(side, at, entry, entry[1] - lots)
        else:
            self.reduce(side, at, entry, entry[1])
            if kind == MODIFY:
                self.happen((Happening.ADD, side, ticks, lots), ns, order_id)

    def executed(self, side, at, before, lots, ns):
        """Somebody took lots from an order at a price; ours at better prices and before it were in the way."""
        left = lots
        for order in self.mine(side):
            if better(side, order.ticks, at):
                amount = self.by_rule(order, left)
            elif order in before:
                amount = min(lots, left) if self.rule is FillRule.VOLUME else self.in_the_way(order, lots)
            else:
                continue
            left -= self.fill(order, amount, order.ticks, True, ns)

    def in_the_way(self, order, lots):
        return lots if self.rule is FillRule.THROUGH else order.left

    def reduce(self, side, at, entry, lots):
        entry[1] -= lots
        if not entry[1]:
            self.queues[side][at].remove(entry)
        self.book.shrink(side, at, max(self.book.lots(side, at) - lots, 0))

    def rest(self, order):
        super().rest(order)
        self.queues[order.side].setdefault(order.ticks, []).append(order)

    def unrest(self, order):
        super().unrest(order)
        queue = self.queues[order.side].get(order.ticks, [])
        if order in queue:
            queue.remove(order)


class Naive:
    """Play rows of markets to somebody who does these things at these times.

    `rows` are (local ns, venue ns, kind, side, ticks, lots), of one market or with the market's number behind;
    `doings` have ns, what, name, side, ticks, lots, style (kit.replays.Do), and a market's number or none.
    Of one instant the rows come first, then what we hear, what arrives from us, the reports, and what we do.
    """

    def __init__(self, rows, doings, assumptions=None, *, market=Market, order_ids=None):
        assumptions = assumptions if isinstance(assumptions, list) else [assumptions or Assumptions()]
        self.fills = []  # name, ticks, lots, maker, venue ns, received ns
        self.story = []  # what, name, venue ns, received ns
        self.known = [Book() for _ in assumptions]
        self.entries = [Leg(assumed.entry) for assumed in assumptions]
        self.responses = [Leg(assumed.response) for assumed in assumptions]
        whole = {(row[6] if len(row) > 6 else 0) for row in rows if row[2] == Happening.READY}
        self.markets = [
            market(assumed, place not in whole, self.teller(place))
            for place, assumed in enumerate(assumptions)
        ]
        self.orders = {}
        self.done = set()
        self.count = count()
        self.heap = []
        for number, (local_ns, venue_ns, *row) in enumerate(rows):
            place = row.pop() if len(row) > 4 else 0
            order_id = None if order_ids is None else order_ids[number]
            self.then(venue_ns, 0, self.markets[place].happen, row, venue_ns, order_id)
            self.then(local_ns, 1, self.hear, self.known[place], *row)
        for do in sorted(doings, key=lambda do: do.ns):
            self.then(do.ns, 4, self.do, do)
        self.play()

    def play(self):
        while self.heap:
            _, _, _, what, arguments = heapq.heappop(self.heap)
            what(*arguments)

    def then(self, ns, turn, what, *arguments):
        heapq.heappush(self.heap, (ns, turn, next(self.count), what, arguments))

    @staticmethod
    def hear(book, kind, side, ticks, lots):
        if kind == Happening.LEVEL:
            book.set(side, ticks, lots)
        elif kind == Happening.CLEAR:
            book.clear(side)

    def do(self, do):
        if do.what == "place":
            side = BUY if str(do.side) in {"buy", "0"} else SELL
            self.orders[do.name] = Order(do.name, side, do.ticks, do.lots, do.style, getattr(do, "market", 0))
        elif do.name not in self.orders or do.name in self.done:
            return
        order = self.orders[do.name]
        arrival = self.entries[order.market].arrival(do.ns)
        market = self.markets[order.market]
        if do.what == "place":
            self.then(arrival, 2, market.place, order, arrival)
        elif do.what == "cancel":
            self.then(arrival, 2, market.cancel, order, arrival)
        else:
            self.then(arrival, 2, market.amend, order, do.ticks, do.lots, arrival)

    def teller(self, place):
        def tell(what, order, ns, ticks=None, lots=0, maker=None):
            received = self.responses[place].arrival(ns)
            if ticks is not None:
                self.fills.append((order.name, ticks, lots, maker, ns, received))
            self.then(received, 3, self.told, what, order.name, ns, received)

        return tell

    def told(self, what, name, ns, received):
        self.story.append((what, name, ns, received))
        if what in DONE:
            self.done.add(name)
