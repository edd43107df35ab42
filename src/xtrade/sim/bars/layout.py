"""The memory of a replay of bars: one block of 64-bit integers, and the name of each word in it.

world    clock and counters, then where each table starts
market   one row for each instrument: where its bars are, when it goes on, its account, what is assumed of it
order    one row for each order that is not done
request  what was asked and waits for the next open
report   what happened to our orders and accounts; words and meanings are those of xtrade.sim.replay.layout
funding  one row for each settlement

The bars themselves stay outside, in `Columns`, so that the many runs of a sweep read the same ones.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from xtrade.sim.replay.layout import BUY, NEVER, SELL, World

__all__ = [
    "BUY",
    "CLOSE",
    "HIGH",
    "LOW",
    "NEVER",
    "OPEN",
    "SELL",
    "START",
    "SUM",
    "VOLUME",
    "Columns",
    "World",
]

Columns: TypeAlias = NDArray[np.int64]
"""Seven rows, one number of each bar in every one; the instruments' bars one behind the other.

SUM is the closes added up from the instrument's first bar: an average of any length is one subtraction.
"""

START, OPEN, HIGH, LOW, CLOSE, VOLUME, SUM = range(7)

# -- world ----------------------------------------------------------------------------------------------------------
(
    WORDS,  # how many words there are
    NOW,
    COLUMNS,  # the address of the bars
    COLUMN_COUNT,  # how many bars there are, of all instruments together
    MARKETS,
    MARKET_COUNT,
    ALIVE,  # orders that are not done, and requests that are not answered: with none, a bar only passes
    ORDERS,
    FREE,  # a stack of rows of `orders` that are free
    FREE_COUNT,
    REQUESTS,
    REQUEST_CAPACITY,
    REQUEST_COUNT,
    REPORTS,  # of the last `advance`
    REPORT_CAPACITY,
    REPORT_COUNT,
    LOG,  # fills and funding since they were last read
    LOG_CAPACITY,
    LOG_COUNT,
    LAST_NAME,  # the last client order id that `target` took; it counts down from zero
    FAULT,
    TOUCHED,  # of no meaning: what was read ahead goes here, so that the compiler does not leave it out
    WORLD_WORDS,
) = range(23)

# -- market ---------------------------------------------------------------------------------------------------------
(
    FIRST,  # the instrument's bars are the columns FIRST to END
    END,
    ROW,  # the bar that runs, or opens next
    INTERVAL_NS,
    OPEN_NS,  # when the bar at ROW opens; NEVER once it has, and behind the last
    CLOSE_NS,  # when the bar at ROW closes; NEVER before it opened
    FUNDING_NS,
    FUNDING,  # the next settlement's row
    CLOSED,  # the last bar that closed; -1 before the first
    JUST_CLOSED,  # 1 if it closed at the last instant
    WATCHED,
    BUDGET,  # lots of the running bar that are left for us
    BUYS,  # our resting orders by price, then time
    SELLS,
    WAITING,  # requests for the next open
    LOTS,
    CASH,  # paid and received for lots, in the instrument's value units
    MAKER_TURNOVER,  # value traded, unsigned, in value units
    TAKER_TURNOVER,
    VALUE_UNIT,  # value units in one lot at one tick; 0 where value is no product (inverse contracts)
    HALF_SPREAD,
    SLIPPAGE,
    THROUGH,
    SHARE,  # of a bar's volume, in millionths; -1 without a limit
    MARKET_WORDS,
) = range(25)

SHARE_UNIT: Final = 1_000_000

# -- orders, requests, funding --------------------------------------------------------------------------------------
(
    ORDER_ID,
    ORDER_MARKET,
    ORDER_SIDE,
    ORDER_STYLE,
    ORDER_TICKS,
    ORDER_LOTS,
    ORDER_LEFT,
    ORDER_STATE,
    ORDER_NEXT,
    ORDER_WORDS,
) = range(10)

(
    REQUEST_KIND,
    REQUEST_MARKET,
    REQUEST_ORDER,
    REQUEST_ID,
    REQUEST_TICKS,
    REQUEST_LOTS,
    REQUEST_WORDS,
) = range(7)

SETTLED_NS, SETTLED_RATE, SETTLED_TICKS, FUNDING_WORDS = range(4)


class State(IntEnum):
    """Where an order of ours is."""

    NONE = 0
    SENT = 1
    RESTS = 2
