"""A matcher that is slow and obviously right: a list of orders, sorted whenever somebody asks who is next.

It knows rules, not speed, funds or fees: what the real exchange is compared with, order by order and fill by fill.
"""

from copy import deepcopy
from dataclasses import dataclass, field

from xtrade.sim.matching.rules import PostOnly, ReduceOnly, SelfTrade


@dataclass
class NaiveOrder:
    account: str
    key: int
    sign: int
    lots: int
    ticks: int | None
    tif: str
    post_only: bool
    reduce_only: bool
    self_trade: SelfTrade
    arrival: int = 0
    filled: int = 0

    @property
    def left(self):
        return self.lots - self.filled


@dataclass
class NaiveMatcher:
    post_only: PostOnly = PostOnly.REJECT
    reduce_only: ReduceOnly = ReduceOnly.CUT
    resting: list = field(default_factory=list)
    used: set = field(default_factory=set)
    position: dict = field(default_factory=dict)
    trades: list = field(default_factory=list)
    refused: list = field(default_factory=list)
    arrivals: int = 0

    def room(self, order):
        """What a reduce-only order may take off the position."""
        return max(0, -order.sign * self.position.get(order.account, 0))

    def queue(self, sign):
        """The resting orders of one side, who is next first."""
        side = [order for order in self.resting if order.sign == sign]
        return sorted(side, key=lambda order: (-order.sign * order.ticks, order.arrival))

    def place(self, order, band=None):
        if (order.account, order.key) in self.used:
            self.refused.append((order.account, order.key))
            return
        if self.enter(order, band):
            self.used.add((order.account, order.key))
        else:
            self.refused.append((order.account, order.key))

    def enter(self, order, band=None):
        if order.reduce_only:
            room = self.room(order)
            if not room or (order.left > room and self.reduce_only is ReduceOnly.REJECT):
                return False
            order.lots = order.filled + min(order.left, room)
        opposite = self.queue(-order.sign)
        if order.post_only and opposite and (opposite[0].ticks - order.ticks) * order.sign <= 0:
            if self.post_only is PostOnly.REJECT or opposite[0].ticks - order.sign < 1:
                return False
            order.ticks = opposite[0].ticks - order.sign
        limit = order.ticks
        if limit is None and opposite:
            best = opposite[0].ticks
            limit = max(1, best + order.sign * int(best * band))
        before = deepcopy((self.resting, self.position, self.trades))
        wanted, filled = order.left, order.filled
        stopped = self.match(order, limit)
        if order.tif == "fok" and order.filled - filled < wanted:
            self.resting, self.position, self.trades = before
            return True
        if order.left and not stopped and order.tif == "gtc" and order.ticks is not None:
            self.arrivals += 1
            order.arrival = self.arrivals
            self.resting.append(order)
        return True

    def match(self, order, limit):
        """Trade with whoever is next until nobody is; True if self-trade prevention ended the order."""
        while order.left:
            reachable = [
                other for other in self.queue(-order.sign) if (other.ticks - limit) * order.sign <= 0
            ]
            if not reachable:
                return False
            maker = reachable[0]
            if maker.account == order.account and order.self_trade is not SelfTrade.ALLOW:
                if order.self_trade is SelfTrade.CANCEL_TAKER:
                    return True
                if order.self_trade is SelfTrade.DECREMENT:
                    prevented = min(order.left, maker.left)
                    order.lots -= prevented
                    maker.lots -= prevented
                    self.resting = [other for other in self.resting if other.left]
                    continue
                self.resting.remove(maker)
                if order.self_trade is SelfTrade.CANCEL_BOTH:
                    return True
                continue
            lots = min(order.left, maker.left)
            order.filled += lots
            maker.filled += lots
            self.trades.append(((order.account, order.key), (maker.account, maker.key), maker.ticks, lots))
            for side in (order, maker):
                self.position[side.account] = self.position.get(side.account, 0) + side.sign * lots
            self.resting = [other for other in self.resting if other.left]
            self.shrink()
        return False

    def shrink(self):
        for other in list(self.resting):
            if other.reduce_only and other.left > self.room(other):
                other.lots = other.filled + self.room(other)
                if not other.left:
                    self.resting.remove(other)

    def find(self, account, key):
        return next((o for o in self.resting if (o.account, o.key) == (account, key)), None)

    def pick(self, account, number):
        """One of the resting orders, whatever the number; now and then one that does not exist."""
        if not self.resting or number % 13 == 0:
            return account, 10**6
        order = self.resting[number % len(self.resting)]
        return order.account, order.key

    def cancel(self, account, key):
        order = self.find(account, key)
        if order is not None:
            self.resting.remove(order)

    def amend(self, account, key, lots, ticks):
        order = self.find(account, key)
        if order is None or (lots, ticks) == (order.lots, order.ticks):
            return
        if lots <= order.filled:
            self.resting.remove(order)
        elif ticks == order.ticks and lots < order.lots:
            order.lots = lots
        else:
            old = (order.lots, order.ticks)
            order.lots, order.ticks = lots, ticks
            at = self.resting.index(order)
            self.resting.remove(order)
            if not self.enter(order):
                order.lots, order.ticks = old
                self.resting.insert(at, order)
