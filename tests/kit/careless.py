"""A strategy that does whatever chance tells it to, once as Python and once as a kernel: every style and mistake."""

from __future__ import annotations

from xtrade.model.orders import TimeInForce
from xtrade.sim.desks import bars, tapes
from xtrade.sim.replay.compiled import kernel_known_by
from xtrade.trading.compiled import Compiled
from xtrade.trading.params import Params
from xtrade.trading.strategy import Strategy
from xtrade.trading.subscriptions import BarFeed, BookFeed

FACTOR, MODULUS = 48_271, 2_147_483_647
STYLES = ("gtc", "post_only", "ioc", "fok", "market")
DO_NOTHING, DO_CANCEL, DO_CANCEL_ALL = 4, 5, 6


class CarelessParams(Params, frozen=True, kw_only=True):
    instrument: str
    seed: int = 1
    every: str = "100ms"
    bars: str = ""
    lots: int = 20
    away: int = 6


class Careless(Strategy[CarelessParams]):
    def __init__(self, params):
        super().__init__(params)
        self.drawn = params.seed
        self.orders = []

    def subscriptions(self):
        p = self.params
        yield BarFeed(p.instrument, p.bars) if p.bars else BookFeed(p.instrument, every=p.every)

    def draw(self, below):
        self.drawn = self.drawn * FACTOR % MODULUS
        return self.drawn % below

    def on_book(self, ctx, book):
        if book.bid_ticks is None or book.ask_ticks is None:
            return
        self.act(ctx, book.bid_ticks, book.ask_ticks)

    def on_bar(self, ctx, bar):
        self.act(ctx, bar.close_ticks, bar.close_ticks + 1)

    def act(self, ctx, bid, ask):
        key, does = self.params.instrument, self.draw(9)
        if does == DO_NOTHING:
            return
        if does == DO_CANCEL and self.orders:
            self.orders[self.draw(len(self.orders))].cancel()
        if does == DO_CANCEL_ALL:
            ctx.cancel_all()
        buys, style = self.draw(2) == 0, STYLES[self.draw(5)]
        lots, away = self.draw(self.params.lots), self.draw(2 * self.params.away) - self.params.away
        ticks = None if style == "market" else (bid - away if buys else ask + away)
        if ctx.position_lots(key) > 3 * self.params.lots:
            buys = False
        place = ctx.buy if buys else ctx.sell
        order = place(
            key,
            lots=lots,
            ticks=ticks,
            post_only=style == "post_only",
            time_in_force=TimeInForce(style) if style in ("ioc", "fok") else TimeInForce.GTC,
        )
        if order.refusal is None:
            self.orders = [*self.orders, order][-8:]

    def compiled(self, instrument):
        p = self.params
        return Compiled(careless_on_bars if p.bars else careless_on_books, [p.lots, p.away, p.seed], state=16)


# state: what was drawn last (0: nothing), how many orders are remembered, then their names, the oldest first
KEPT = 8


def careless_on_books(world, params, state):
    bid, ask = tapes.bid_ticks(world), tapes.ask_ticks(world)
    if bid == tapes.EMPTY or ask == -tapes.EMPTY:
        return
    if state[0] == 0:
        state[0] = params[2]
    does = _draw(state, 9)
    if does == DO_NOTHING:
        return
    if does == DO_CANCEL and state[1] > 0:
        tapes.cancel(world, int(state[2 + _draw(state, int(state[1]))]))
    if does == DO_CANCEL_ALL:
        tapes.cancel_all(world)
    buys = _draw(state, 2) == 0
    style = _draw(state, 5)
    lots = _draw(state, int(params[0]))
    away = _draw(state, int(2 * params[1])) - int(params[1])
    ticks = bid - away if buys else ask + away
    if style == tapes.MARKET:
        ticks = 0
    if tapes.position(world) > 3 * params[0]:
        buys = False
    order = tapes.buy(world, lots, ticks, style) if buys else tapes.sell(world, lots, ticks, style)
    if order != 0:
        _remember(state, order)


def careless_on_bars(world, columns, row, params, state):
    bid = columns[bars.CLOSE, row]
    if state[0] == 0:
        state[0] = params[2]
    does = _draw(state, 9)
    if does == DO_NOTHING:
        return
    if does == DO_CANCEL and state[1] > 0:
        bars.cancel(world, int(state[2 + _draw(state, int(state[1]))]))
    if does == DO_CANCEL_ALL:
        bars.cancel_all(world)
    buys = _draw(state, 2) == 0
    style = _draw(state, 5)
    lots = _draw(state, int(params[0]))
    away = _draw(state, int(2 * params[1])) - int(params[1])
    ticks = bid - away if buys else bid + 1 + away
    if style == bars.MARKET:
        ticks = 0
    if bars.position(world) > 3 * params[0]:
        buys = False
    order = bars.buy(world, lots, ticks, style) if buys else bars.sell(world, lots, ticks, style)
    if order != 0:
        _remember(state, order)


def draw(state, below):
    state[0] = int(state[0]) * FACTOR % MODULUS
    return int(state[0]) % below


def remember(state, order):
    count = int(state[1])
    if count == KEPT:
        for place in range(2, 2 + KEPT - 1):
            state[place] = state[place + 1]
        count -= 1
    state[2 + count] = order
    state[1] = count + 1


_draw = kernel_known_by(draw, None)
_remember = kernel_known_by(remember, None)
