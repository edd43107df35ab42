"""The desk's memory: words behind those of the replay, in the same block. The last word of the block says where.

desk     position, counters, limits, and where each table starts
open     one row for each order that may still trade as far as we know, the oldest first
sent     when the last orders were sent, as a ring, for the limit on their rate
journal  what was asked, refused and heard, in order, until Python takes it out
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from xtrade.sim.replay.layout import REPORT_WORDS

# -- desk -------------------------------------------------------------------------------------------------------------
(
    PLACE,  # which of the replay's instruments is traded
    LOTS,  # what our fills add up to, as far as we were told
    LAST_NAME,  # orders are named 1, 2, 3 …, those that were refused included
    EVERY_NS,
    DUE_NS,  # of books: before this, changes are not told; of longer bars: when the one in the making is over
    FIRST_BAR,  # the column of the first bar that is told
    NEXT_BAR,  # of longer bars: the column of the one in the making
    LAST_CLOSE,  # of the bars that are played
    OPEN,
    OPEN_COUNT,
    SENT,
    SENT_COUNT,
    JOURNAL,
    JOURNAL_CAPACITY,
    JOURNAL_COUNT,
    FAULT,
    LOTS_MIN,
    LOTS_MAX,
    LOTS_MAX_MARKET,
    PRICED,  # 1 where worth is ticks times lots, 0 where it is lots alone (inverse contracts)
    WORTH_MIN,  # in these units, and the two below; -1: no limit
    ORDER_WORTH_MAX,
    POSITION_WORTH_MAX,
    BAND,  # a float's bits: how far through the middle a price may be; below zero: no limit
    SPOT,
    OPEN_MAX,
    RATE_MAX,
    DESK_WORDS,
) = range(28)

# -- open -------------------------------------------------------------------------------------------------------------
(
    OPEN_NAME,
    OPEN_AT,  # its place in the replay
    OPEN_SIDE,
    OPEN_TICKS,  # 0 for a market order
    OPEN_LEFT,
    OPEN_CANCELING,
    OPEN_WORDS,
) = range(7)

# -- journal ----------------------------------------------------------------------------------------------------------
(
    ENTRY_KIND,
    ENTRY_NS,
    ENTRY_NAME,
    ENTRY_SIDE,
    ENTRY_STYLE,
    ENTRY_TICKS,
    ENTRY_LOTS,
    ENTRY_RULE,  # this and the rest for what was refused: the rule, and what it looked at
    ENTRY_BID,
    ENTRY_ASK,
    ENTRY_TRUSTED,
    ENTRY_HELD,
    ENTRY_OPEN_LOTS,
    ENTRY_OPEN_COUNT,
    ENTRY_OTHER,
    ENTRY_WORDS,
) = range(16)

ENTRY_REPORT: Final = 1
"""Where the words of a report start in its entry; its kind stands before them."""
assert ENTRY_REPORT + REPORT_WORDS <= ENTRY_WORDS


class Entry(IntEnum):
    """What an entry of the journal is."""

    SENT = 0
    REFUSED = 1
    HEARD = 2


class Rule(IntEnum):
    """The rules of the gate, in the order in which they are asked; their names are those of xtrade.trading.risk."""

    NONE = 0
    FORM = 1
    BOOK = 2
    POST_ONLY = 3
    PRICE_BAND = 4
    ORDER_VALUE = 5
    POSITION = 6
    SPOT_HOLDINGS = 7
    OPEN_ORDERS = 8
    ORDER_RATE = 9
    SELF_TRADE = 10


class DeskFault(IntEnum):
    """What a desk cannot go on from."""

    NONE = 0
    JOURNAL_FULL = 1
    NO_ROOM = 2


JOURNAL_FULL: Final = 1 << 20
"""Beside the replay's own reasons to return: the journal wants to be taken out."""
