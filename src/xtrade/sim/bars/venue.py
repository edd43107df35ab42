"""What a bar does to our orders: at its open those that wait are met, at its close those that rested in it.

opened   requests are answered in the order in which they were made: takers take at the open, the rest rests
closed   resting orders that the bar went through are filled, as far as its volume goes
settled  funding on the position
over     requests for an instrument without further bars

docs/bars.md says what is assumed, and why.
"""

from __future__ import annotations

from xtrade.sim.bars.figures import figure
from xtrade.sim.bars.layout import (
    ALIVE,
    BUDGET,
    BUY,
    BUYS,
    CASH,
    CLOSE,
    FAULT,
    FREE,
    FREE_COUNT,
    FUNDING,
    FUNDING_WORDS,
    HALF_SPREAD,
    HIGH,
    LOG,
    LOG_CAPACITY,
    LOG_COUNT,
    LOTS,
    LOW,
    MAKER_TURNOVER,
    MARKET_WORDS,
    MARKETS,
    NOW,
    OPEN,
    ORDER_ID,
    ORDER_LEFT,
    ORDER_LOTS,
    ORDER_NEXT,
    ORDER_SIDE,
    ORDER_STATE,
    ORDER_STYLE,
    ORDER_TICKS,
    ORDER_WORDS,
    ORDERS,
    REPORT_CAPACITY,
    REPORT_COUNT,
    REPORTS,
    REQUEST_COUNT,
    REQUEST_ID,
    REQUEST_KIND,
    REQUEST_LOTS,
    REQUEST_MARKET,
    REQUEST_ORDER,
    REQUEST_TICKS,
    REQUEST_WORDS,
    REQUESTS,
    ROW,
    SELLS,
    SETTLED_RATE,
    SETTLED_TICKS,
    SHARE,
    SHARE_UNIT,
    SLIPPAGE,
    TAKER_TURNOVER,
    THROUGH,
    VALUE_UNIT,
    VOLUME,
    WAITING,
    State,
    World,
)
from xtrade.sim.replay.compiled import part
from xtrade.sim.replay.layout import (
    REPORT_ID,
    REPORT_INSTRUMENT,
    REPORT_KIND,
    REPORT_LEFT,
    REPORT_LOTS,
    REPORT_MAKER,
    REPORT_NS,
    REPORT_ROW,
    REPORT_SIDE,
    REPORT_TICKS,
    REPORT_VENUE_NS,
    REPORT_VERSION,
    REPORT_WORDS,
    Ask,
    Fault,
    Style,
    Told,
)

__all__ = ["closed", "opened", "over", "settled"]

_REST, _POST_ONLY, _IOC, _FOK, _MARKET = (int(style) for style in Style)
_PLACE, _CANCEL, _AMEND = (int(ask) for ask in Ask)
_NONE, _SENT, _RESTS = (int(state) for state in State)
_ACCEPTED = int(Told.ACCEPTED)
_FILLED = int(Told.FILLED)
_CANCELED = int(Told.CANCELED)
_EXPIRED = int(Told.EXPIRED)
_AMENDED = int(Told.AMENDED)
_WOULD_TAKE = int(Told.WOULD_TAKE)
_BOOK_UNKNOWN = int(Told.BOOK_UNKNOWN)
_CANCEL_REJECTED = int(Told.CANCEL_REJECTED)
_AMEND_REJECTED = int(Told.AMEND_REJECTED)
_FUNDING = int(Told.FUNDING)
_REPORTS_FULL = int(Fault.REPORTS_FULL)
_FILLS_FULL = int(Fault.FILLS_FULL)
_OVERFLOW = int(Fault.OVERFLOW)

_UNLIMITED = 1 << 62
# Beyond this, sums of ticks times lots may leave 64 bits before anybody looks at them.
_CASH_MAX = 1 << 62


@part
def opened(world: World, market: int) -> None:
    """The bar at ROW opens: what was asked since the last open is answered."""
    row = world[market + ROW]
    world[market + BUDGET] = _UNLIMITED
    if world[market + SHARE] >= 0:
        world[market + BUDGET] = _share(figure(world, VOLUME, row), world[market + SHARE])
    if world[market + WAITING] != 0:
        _answer(world, market, figure(world, OPEN, row), 1)


@part
def over(world: World, market: int) -> None:
    """Answer what was asked of an instrument that has no further bar."""
    _answer(world, market, 0, 0)


@part
def closed(world: World, market: int) -> None:
    """The bar at ROW is over: it fills what rested in it and what it went through.

    Both sides share its volume, and nobody knows which extreme came first: the side that the bar moved against is
    served first, so that a bar never gives us the good fill and spares us the bad one.
    """
    row = world[market + ROW]
    low = figure(world, LOW, row) + world[market + THROUGH]
    high = figure(world, HIGH, row) - world[market + THROUGH]
    if figure(world, CLOSE, row) <= figure(world, OPEN, row):
        _fill_down_to(world, market, low)
        _fill_up_to(world, market, high)
    else:
        _fill_up_to(world, market, high)
        _fill_down_to(world, market, low)


@part
def settled(world: World, market: int) -> None:
    """Funding is settled on the position."""
    row = world[market + FUNDING]
    world[market + FUNDING] = row + FUNDING_WORDS
    lots = world[market + LOTS]
    if lots != 0:
        at = _report(
            world, market, 0, 0, _FUNDING, world[row + SETTLED_TICKS], world[row + SETTLED_RATE], lots, 0
        )
        _log(world, at)


# -- at the open -----------------------------------------------------------------------------------------------------


@part
def _share(volume: int, share: int) -> int:
    """Return the lots of a bar that may be ours; in two parts, so that volumes of any size stay within 64 bits."""
    return int(volume // SHARE_UNIT * share + volume % SHARE_UNIT * share // SHARE_UNIT)


@part
def _answer(world: World, market: int, ticks: int, goes_on: int) -> None:
    """Answer the requests for one instrument in the order in which they were made, and keep the others'."""
    kept = 0
    count = world[REQUEST_COUNT]
    for number in range(count):
        request = world[REQUESTS] + number * REQUEST_WORDS
        if world[request + REQUEST_MARKET] == market:
            _arrived(world, market, request, ticks, goes_on)
            continue
        if kept != number:
            to = world[REQUESTS] + kept * REQUEST_WORDS
            for word in range(REQUEST_WORDS):
                world[to + word] = world[request + word]
        kept += 1
    world[ALIVE] -= count - kept
    world[REQUEST_COUNT] = kept
    world[market + WAITING] = 0


@part
def _arrived(world: World, market: int, request: int, open_ticks: int, goes_on: int) -> None:
    order = world[request + REQUEST_ORDER]
    name = world[request + REQUEST_ID]
    kind = world[request + REQUEST_KIND]
    if kind == _PLACE:
        if goes_on:
            _placed(world, market, order, open_ticks, 1)
        else:
            _ended(world, market, order, _BOOK_UNKNOWN)
        return
    here = world[order + ORDER_ID] == name and world[order + ORDER_STATE] == _RESTS
    ticks = world[request + REQUEST_TICKS]
    lots = world[request + REQUEST_LOTS]
    if not here or (kind == _AMEND and not goes_on):
        refused = _CANCEL_REJECTED if kind == _CANCEL else _AMEND_REJECTED
        _report(world, market, order, name, refused, ticks, lots, 0, 0)
    elif kind == _CANCEL:
        _ended(world, market, order, _CANCELED)
    else:
        _amended(world, market, order, ticks, lots, open_ticks)


@part
def _placed(world: World, market: int, order: int, open_ticks: int, fresh: int) -> None:
    """Meet the open with an order: refuse, take, rest."""
    side = world[order + ORDER_SIDE]
    style = world[order + ORDER_STYLE]
    sign = 1 if side == BUY else -1
    price = open_ticks + sign * world[market + HALF_SPREAD]
    limit = world[order + ORDER_TICKS]
    takes = style == _MARKET or sign * (limit - price) >= 0
    if takes and style == _POST_ONLY:
        _ended(world, market, order, _WOULD_TAKE if fresh else _CANCELED)
        return
    left = world[order + ORDER_LEFT]
    if style == _FOK and not (takes and left <= world[market + BUDGET]):
        _ended(world, market, order, _EXPIRED)
        return
    if fresh:
        lots = world[order + ORDER_LOTS]
        _report(world, market, order, world[order + ORDER_ID], _ACCEPTED, limit, lots, left, 0)
    if takes:
        price += sign * world[market + SLIPPAGE]
        if style != _MARKET:
            price = min(price, limit) if side == BUY else max(price, limit)
        _fill(world, market, order, 0, max(price, 1), min(left, world[market + BUDGET]))
    if world[order + ORDER_LEFT] == 0:
        return
    if style in (_REST, _POST_ONLY):
        _rest(world, market, order)
    else:
        _ended(world, market, order, _EXPIRED)


@part
def _amended(world: World, market: int, order: int, ticks: int, lots: int, open_ticks: int) -> None:
    """Change price and total lots. Only less at the same price keeps its place among our own."""
    left = lots - (world[order + ORDER_LOTS] - world[order + ORDER_LEFT])
    if left <= 0:
        _ended(world, market, order, _CANCELED)
        return
    moves = ticks != world[order + ORDER_TICKS]
    stays = not moves and left <= world[order + ORDER_LEFT]
    if not stays:
        _unrest(world, market, order)
    world[order + ORDER_TICKS] = ticks
    world[order + ORDER_LOTS] = lots
    world[order + ORDER_LEFT] = left
    _report(world, market, order, world[order + ORDER_ID], _AMENDED, ticks, lots, left, 0)
    if moves:
        _placed(world, market, order, open_ticks, 0)
    elif not stays:
        _rest(world, market, order)


# -- while it runs ---------------------------------------------------------------------------------------------------


@part
def _fill_down_to(world: World, market: int, low: int) -> None:
    """Fill our bids at and above `low`, the best first."""
    order = world[market + BUYS]
    while order != 0 and world[order + ORDER_TICKS] >= low and world[market + BUDGET] > 0:
        following = world[order + ORDER_NEXT]
        amount = min(world[order + ORDER_LEFT], world[market + BUDGET])
        _fill(world, market, order, 1, world[order + ORDER_TICKS], amount)
        order = following


@part
def _fill_up_to(world: World, market: int, high: int) -> None:
    """Fill our asks at and below `high`, the best first."""
    order = world[market + SELLS]
    while order != 0 and world[order + ORDER_TICKS] <= high and world[market + BUDGET] > 0:
        following = world[order + ORDER_NEXT]
        amount = min(world[order + ORDER_LEFT], world[market + BUDGET])
        _fill(world, market, order, 1, world[order + ORDER_TICKS], amount)
        order = following


# -- what follows ----------------------------------------------------------------------------------------------------


@part
def _fill(world: World, market: int, order: int, maker: int, ticks: int, lots: int) -> None:
    """Book one execution, and tell it."""
    if lots == 0:
        return
    left = world[order + ORDER_LEFT] - lots
    world[order + ORDER_LEFT] = left
    world[market + BUDGET] -= lots
    signed = lots if world[order + ORDER_SIDE] == BUY else -lots
    value = ticks * lots * world[market + VALUE_UNIT]
    world[market + LOTS] += signed
    world[market + CASH] += -value if signed > 0 else value
    turnover = market + (MAKER_TURNOVER if maker else TAKER_TURNOVER)
    world[turnover] += value
    # In floats, which tell a product that has come around from one that has not.
    if world[turnover] > _CASH_MAX or float(ticks) * float(lots) > _CASH_MAX:
        world[FAULT] = _OVERFLOW
    _log(world, _report(world, market, order, world[order + ORDER_ID], _FILLED, ticks, lots, left, maker))
    if left == 0:
        _release(world, market, order)


@part
def _ended(world: World, market: int, order: int, kind: int) -> None:
    """The order is over, unfilled or in part."""
    done = world[order + ORDER_LOTS] - world[order + ORDER_LEFT]
    _report(world, market, order, world[order + ORDER_ID], kind, world[order + ORDER_TICKS], done, 0, 0)
    _release(world, market, order)


@part
def _release(world: World, market: int, order: int) -> None:
    """Give back the row of an order that is done."""
    if world[order + ORDER_STATE] == _RESTS:
        _unrest(world, market, order)
    world[order + ORDER_STATE] = _NONE
    world[order + ORDER_LEFT] = 0
    world[world[FREE] + world[FREE_COUNT]] = (order - world[ORDERS]) // ORDER_WORDS
    world[FREE_COUNT] += 1
    world[ALIVE] -= 1


@part
def _rest(world: World, market: int, order: int) -> None:
    """Put an order into our list of its side: by price, then time."""
    side = world[order + ORDER_SIDE]
    sign = 1 if side == BUY else -1
    key = sign * world[order + ORDER_TICKS]
    previous = market + (BUYS if side == BUY else SELLS)
    following = world[previous]
    while following != 0 and sign * world[following + ORDER_TICKS] >= key:
        previous = following + ORDER_NEXT
        following = world[previous]
    world[order + ORDER_NEXT] = following
    world[previous] = order
    world[order + ORDER_STATE] = _RESTS


@part
def _unrest(world: World, market: int, order: int) -> None:
    """Take an order out of its list."""
    at = market + (BUYS if world[order + ORDER_SIDE] == BUY else SELLS)
    while world[at] != order:
        at = world[at] + ORDER_NEXT
    world[at] = world[order + ORDER_NEXT]
    world[order + ORDER_STATE] = _SENT


@part
def _report(
    world: World, market: int, order: int, name: int, kind: int, ticks: int, lots: int, left: int, maker: int
) -> int:
    """Tell something that happened now; returns where it stands."""
    count = world[REPORT_COUNT]
    if count == world[REPORT_CAPACITY]:
        world[FAULT] = _REPORTS_FULL
        count -= 1
    world[REPORT_COUNT] = count + 1
    at = int(world[REPORTS] + count * REPORT_WORDS)
    world[at + REPORT_NS] = world[NOW]
    world[at + REPORT_KIND] = kind
    world[at + REPORT_ROW] = order
    world[at + REPORT_ID] = name
    world[at + REPORT_INSTRUMENT] = (market - world[MARKETS]) // MARKET_WORDS
    world[at + REPORT_SIDE] = world[order + ORDER_SIDE] if order > 0 else 0
    world[at + REPORT_TICKS] = ticks
    world[at + REPORT_LOTS] = lots
    world[at + REPORT_LEFT] = left
    world[at + REPORT_VENUE_NS] = world[NOW]
    world[at + REPORT_MAKER] = maker
    world[at + REPORT_VERSION] = 0
    return at


@part
def _log(world: World, report: int) -> None:
    """Keep a report that changed an account."""
    count = world[LOG_COUNT]
    if count == world[LOG_CAPACITY]:
        world[FAULT] = _FILLS_FULL
        return
    log = world[LOG] + count * REPORT_WORDS
    for word in range(REPORT_WORDS):
        world[log + word] = world[report + word]
    world[LOG_COUNT] = count + 1
