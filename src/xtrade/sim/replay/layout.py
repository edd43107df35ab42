"""The kernel's memory: one block of 64-bit integers, and the name of each word in it.

world      clock and cursors, then where each table starts
instrument one row for each: accounts, settings, and four ladders (venue's bids and asks, then ours as we know them)
ladder     one side of one book
order      one row for each order that is not done
request    on its way to the venue
report     on its way back; a fill in the log has the same words
latency    how long one leg takes

One block because a call from Python then passes one pointer, whatever a strategy may want to read; words because
numba compiles them fast, a memoryview reads them without a copy, and a GPU would take them as they are. A word that
holds a float holds its bits (`world.view(float64)`).
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

World: TypeAlias = NDArray[np.int64]
Reals: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[Any]
Words: TypeAlias = NDArray[np.int64]

EMPTY: Final = -(1 << 62)
"""No level, where a ladder's key is expected."""
NEVER: Final = (1 << 63) - 1
"""A time that does not come."""

BUY: Final = 0
SELL: Final = 1

# -- world ----------------------------------------------------------------------------------------------------------
(
    WORDS,  # how many words there are
    NOW,
    ROWS,  # the address of the tape's rows
    ROW_COUNT,
    JOINED,  # the address of when the orders of L3 rows joined their queues; 0 without such rows
    VENUE_ORDER,  # the address of the order in which rows happen; 0 if that is the order in which we hear them
    PUBLIC_HEARD,  # the address of the public book's best after each row, in the order in which we hear them
    PUBLIC_HAPPENED,  # the same, in the order in which they happen
    ROWS_HEARD,  # rows of the tape that reached us: the next is at this place
    ROWS_HAPPENED,  # rows, in the venues' order, that happened
    ROWS_SHOWN,  # rows that the ladders of the book as we know it have taken in: they lag until somebody looks
    ROWS_WOKEN,  # ROWS_HEARD when `advance` last returned
    REQUESTS_FROM,
    REQUESTS_TO,
    REPORTS_READ,  # reports before this one were delivered by an earlier call
    REPORTS_FROM,  # reports before this one are delivered
    REPORTS_TO,
    DUE_NS,  # the earliest time at which a subscription lets market data wake us; NEVER without subscriptions
    DIRTY_NS,  # the earliest time at which a change held back by a throttle is told; NEVER if none is
    NOTICES,  # where the local times of notices are (gaps, new grids, funding), which always wake
    NOTICE_COUNT,
    NOTICE_NEXT,
    INSTRUMENTS,
    INSTRUMENT_COUNT,
    ORDERS,
    ORDER_CAPACITY,
    FREE,  # a stack of the places of orders that are free
    FREE_COUNT,
    REQUESTS,
    REQUEST_MASK,
    REPORTS,
    REPORT_MASK,
    FILLS,
    FILL_CAPACITY,
    FILL_COUNT,
    FAULT,
    WORLD_WORDS,
) = range(37)

# -- row of a tape, as words ------------------------------------------------------------------------------------------
# The last word holds, from its lowest bits up, ticks (32), kind (8), side (8) and instrument (16).
ROW_LOCAL_NS, ROW_VENUE_NS, ROW_LOTS, ROW_MARK, ROW_WORDS = range(5)

# -- ladder ---------------------------------------------------------------------------------------------------------
# A key is what a side sorts by, best highest: the price in ticks of a bid, minus the price of an ask. A cell is four
# times the lots at its price, plus OURS if an order of ours rests there, plus TAKEN if we took what the feed shows.
(
    BEST,
    LOW,
    BASE,
    CELLS,
    SIZE,
    SPILL,
    SPILL_MASK,
    SPILL_USED,
    TAKEN_COUNT,  # cells that are TAKEN
    OWN_HEAD,
    OWN_BEST,
    OWN_FIRST,  # where the table of orders is that came first at their price, by the price's lowest bits
    LADDER_WORDS,
) = range(13)
LOTS_SHIFT: Final = 2
MARKS: Final = 3
OURS: Final = 1
TAKEN: Final = 2
OWN_FIRST_WORDS: Final = 64

# The best of a book in one word: the key of the best bid in its lower half, that of the best ask in its upper one.
HALF_BITS: Final = 32
HALF_EMPTY: Final = -(1 << 31)
BOTH_EMPTY: Final = -(1 << 63) + (1 << 31)

# -- latency --------------------------------------------------------------------------------------------------------
LATENCY_KIND, LATENCY_NS, LATENCY_TABLE, LATENCY_COUNT, LATENCY_CHANCE, LATENCY_LAST, LATENCY_WORDS = range(7)
CONSTANT, DRAWN, RECORDED = range(3)

# -- instrument -----------------------------------------------------------------------------------------------------
(
    VENUE_TRUSTED,
    KNOWN_TRUSTED,
    VENUE_LOTS,  # the position as the venue has it
    KNOWN_LOTS,  # and as our reports have told us
    CASH,  # paid and received for lots, in the instrument's value units, as the venue has it
    KNOWN_CASH,
    MAKER_TURNOVER,  # value traded, unsigned, in value units
    TAKER_TURNOVER,
    VALUE_UNIT,  # value units in one lot at one tick; 0 where value is no product (inverse contracts)
    VERSION,
    GRIDS,  # where the table of this instrument's versions is: four ratios' words and the value unit
    GRID_COUNT,
    WATCH_BOOK,
    WATCH_TRADES,
    BOOK_EVERY_NS,
    BOOK_DUE_NS,
    BOOK_DIRTY,
    BOOK_CHANGED,  # whether the book changed since `advance` last returned: NO, YES, LOOK (at the rows that were heard)
    QUEUE_MODEL,
    QUEUE_EXPONENT,  # a float's bits
    QUEUE_UNIT,  # a float's bits
    QUEUE_OWN,  # the address of the user's compiled function
    FILL_RULE,
    IMPACT,
    KNOWN_VERSION,
    HEARD,  # the best of the book as we know it, in one word
    HAPPENED,  # the best of the public book at the venue, in one word; its ladders' BEST lag until somebody looks
    PLACE,  # which of the tape's instruments it is
    LOOKED,  # the best that the venue's ladders have while they are those of the public book
    BENT,  # 1 while the venue's book is not the public one, because of what we took: then its BEST never lag
) = range(30)
NO, YES, LOOK = range(3)
ENTRY: Final = 30
RESPONSE: Final = ENTRY + LATENCY_WORDS
VENUE_BOOK: Final = RESPONSE + LATENCY_WORDS
KNOWN_BOOK: Final = VENUE_BOOK + 2 * LADDER_WORDS
INSTRUMENT_WORDS: Final = KNOWN_BOOK + 2 * LADDER_WORDS

GRID_WORDS: Final = 5
"""Of one version: new ticks per old (numerator, denominator), new lots per old (the same), value unit."""

# -- orders, requests, reports --------------------------------------------------------------------------------------
(
    ORDER_ID,
    ORDER_INSTRUMENT,
    ORDER_SIDE,
    ORDER_STYLE,
    ORDER_TICKS,
    ORDER_LOTS,
    ORDER_LEFT,  # at the venue
    ORDER_RESTS,
    ORDER_AHEAD,  # a float's bits: lots in front of us; below zero once the queue has been traded through
    ORDER_TRADED,  # lots traded at our price since the level was last told
    ORDER_ARRIVED_NS,
    ORDER_NEXT,  # the next of our orders on this side, by price, then time
    ORDER_PREVIOUS,  # the one before; 0 for the first
    KNOWN_STATE,
    KNOWN_LEFT,
    KNOWN_TICKS,
    CANCELING,
    ORDER_WORDS,
) = range(18)

(
    REQUEST_NS,
    REQUEST_KIND,
    REQUEST_ROW,
    REQUEST_ID,
    REQUEST_INSTRUMENT,  # the row may be another order's when the request arrives
    REQUEST_TICKS,
    REQUEST_LOTS,
    REQUEST_VERSION,
    REQUEST_WORDS,
) = range(9)

(
    REPORT_NS,
    REPORT_KIND,
    REPORT_ROW,
    REPORT_ID,
    REPORT_INSTRUMENT,
    REPORT_SIDE,
    REPORT_TICKS,
    REPORT_LOTS,
    REPORT_LEFT,
    REPORT_VENUE_NS,
    REPORT_MAKER,
    REPORT_VERSION,
    REPORT_WORDS,
) = range(13)


class Style(IntEnum):
    """How an order meets the book."""

    REST = 0
    POST_ONLY = 1
    IOC = 2
    FOK = 3
    MARKET = 4


class State(IntEnum):
    """What we know of an order of ours."""

    NONE = 0
    SENT = 1
    OPEN = 2


class Ask(IntEnum):
    """What a request asks the venue for."""

    PLACE = 0
    CANCEL = 1
    AMEND = 2


class Told(IntEnum):
    """What a report tells."""

    ACCEPTED = 0
    FILLED = 1
    CANCELED = 2
    EXPIRED = 3
    AMENDED = 4
    WOULD_TAKE = 5
    BOOK_UNKNOWN = 6
    CANCEL_REJECTED = 7
    AMEND_REJECTED = 8
    FUNDING = 9
    OLD_GRID = 10
    RESTATED = 11


class Reason(IntFlag):
    """Why `advance` returned; several may hold at once. `reasons & Reason.END` is a plain number."""

    # Every wake asks this, and a flag takes longer to make one of itself than the kernel to play a row.
    __and__ = int.__and__  # type: ignore[assignment]
    __rand__ = int.__rand__  # type: ignore[assignment]

    TIME = 1
    BOOK = 2
    TRADE = 4
    ORDER = 8
    NOTICE = 16
    END = 32
    FILLS_FULL = 64
    FAULT = 128
    BAR = 256


class Fault(IntEnum):
    """What the kernel cannot go on from."""

    NONE = 0
    REPORTS_FULL = 1
    FILLS_FULL = 2
    FAR_LEVELS = 3
    POSITION_OFF_GRID = 4
    OVERFLOW = 5
