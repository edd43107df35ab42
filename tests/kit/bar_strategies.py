"""Strategies on bars, each compiled and once more in Python that is driven bar by bar."""

from kit.bars import FOREVER, intent_of
from xtrade.model.sides import Side
from xtrade.sim.bars import desk
from xtrade.sim.bars.layout import BUY, CLOSE, SELL, SUM
from xtrade.sim.bars.replay import BarReplay
from xtrade.sim.replay.layout import Reason, Style

POST_ONLY = int(Style.POST_ONLY)


def sma(world, columns, row, params, state):
    """Hold lots while the fast average is above the slow one."""
    fast, slow = int(params[0]), int(params[1])
    if row < slow:
        return
    total = columns[SUM, row]
    above = (total - columns[SUM, row - fast]) * slow > (total - columns[SUM, row - slow]) * fast
    if above != (state[0] > 0.0):
        state[0] = 1.0 if above else 0.0
        desk.target(world, 0, int(params[2]) if above else 0)


def sma_in_python(played, fast, slow, lots, assumptions, **more):
    """The same, woken at every bar."""
    replay = BarReplay(played, assumptions, **more)
    (key,) = replay.keys
    closes = replay.bars(key).close_ticks.tolist()
    name, held = 0, False
    while not (reasons := replay.advance(FOREVER)) & Reason.END:
        replay.reports()
        if not reasons & Reason.BAR:
            continue
        row = replay.closed()[0][1]
        if row < slow:
            continue
        above = sum(closes[row - fast + 1 : row + 1]) * slow > sum(closes[row - slow + 1 : row + 1]) * fast
        if above != held:
            held = above
            missing = (lots if above else 0) - replay.known_lots(key)
            if missing:
                name += 1
                side = Side.BUY if missing > 0 else Side.SELL
                replay.place(intent_of(replay.instrument(key), name, side, abs(missing)))
    return replay


def quotes(world, columns, row, params, state):
    """Quote both sides of the last close on every instrument that closed, renewed at each close."""
    for instrument in range(int(params[2])):
        if not desk.is_closed(world, instrument):
            continue
        close = columns[CLOSE, desk.row(world, instrument)]
        for side in range(2):
            at = 4 * instrument + 2 * side
            desk.cancel(world, int(state[at]), int(state[at + 1]))
            name = 2 * desk.row(world, instrument) + side + 1
            ticks = close - int(params[0]) if side == BUY else close + int(params[0])
            order = desk.place(world, instrument, name, side, POST_ONLY, ticks, int(params[1]))
            state[at], state[at + 1] = order, name


def quotes_in_python(played, away, lots, count, assumptions):
    """The same, woken at every bar; names are those of the columns."""
    replay = BarReplay(played, assumptions)
    first = {}
    for key in replay.keys:
        first[key] = sum(len(replay.bars(before)) for before in first)
    resting = {}
    while not (reasons := replay.advance(FOREVER)) & Reason.END:
        replay.reports()
        if not reasons & Reason.BAR:
            continue
        for key, row in replay.closed():
            close = int(replay.bars(key).close_ticks[row])
            for side, number in ((Side.BUY, BUY), (Side.SELL, SELL)):
                if (key, side) in resting:
                    replay.cancel(resting[key, side])
                name = 2 * (first[key] + row) + number + 1
                ticks = close - side.sign * away
                replay.place(intent_of(replay.instrument(key), name, side, lots, ticks, "post_only"))
                resting[key, side] = name
    assert count == len(first)
    return replay
