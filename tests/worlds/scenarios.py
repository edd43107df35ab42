"""Which plan brings a fault of the catalogue about, and by what one sees that it was really reached.

The names are those of docs/faults.toml.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from xtrade.testing.faults import FaultPlan
from xtrade.testing.world import World


class Scenario(NamedTuple):
    """A plan, and what else must have happened in its world."""

    plan: FaultPlan
    reached: tuple[Callable[[World], object], ...] = ()


def put_right(cause):
    """Return a probe: the reconciler had to put this right."""

    def probe(world):
        return world.differences[cause]

    probe.__doc__ = f"the reconciler put right: {cause}"
    return probe


def inherited(what):
    """Return a probe: a new process found such orders in its journal."""

    def probe(world):
        return world.inherited[what]

    probe.__doc__ = f"a process found orders {what} in the journal"
    return probe


def odd(words):
    """Return a probe: an engine noted these words about an event."""

    def probe(world):
        return any(words in note for note in world.unusual)

    probe.__doc__ = f"an engine noted: {words}"
    return probe


def overtaken(world):
    """a cancel or a change came before its order"""
    return world.reached["order_overtaken"]


LOST = FaultPlan(answer_lost=0.3)
LATE = FaultPlan(answer_late=0.5, late_s_max=2.0)
SLOW = FaultPlan(place_late=0.2)
HAND = FaultPlan(order_meddled=0.1)
DEAD = FaultPlan(process_dies=0.01)
DOWN = FaultPlan(private_down=0.05)

SCENARIOS = {
    "MD-01": Scenario(FaultPlan(book_lost=0.05)),
    "OE-01": Scenario(LOST, (put_right("missed_ack"),)),
    "OE-02": Scenario(FaultPlan(place_lost=0.2), (put_right("never_arrived"),)),
    "OE-03": Scenario(LOST, (put_right("missed_end"), put_right("missed_fill"))),
    "OE-05": Scenario(SLOW, (put_right("no_word"),)),
    "OE-10": Scenario(FaultPlan(amend_lost=0.3, answer_late=0.5)),
    "OE-16": Scenario(SLOW, (overtaken,)),
    # An acknowledgement that says nothing new, though none is doubled: a fill or an end has come before it.
    "OS-01": Scenario(LATE, (odd("OrderAccepted says nothing new"),)),
    "OS-05": Scenario(FaultPlan(cancel_lost=0.9)),
    "OS-08": Scenario(LATE, (odd("OrderAccepted says nothing new"),)),
    "OS-11": Scenario(FaultPlan(answer_doubled=0.5), (odd("ignored as a repetition"),)),
    "OS-15": Scenario(HAND),
    "US-04": Scenario(LOST, (put_right("missed_fill"),)),
    "US-05": Scenario(FaultPlan(answer_doubled=0.5), (odd("is already booked"),)),
    "US-06": Scenario(DOWN, (put_right("missed_fill"),)),
    "CN-02": Scenario(FaultPlan(clock_steps=0.1, answer_lost=0.2), (put_right("missed_fill"),)),
    "CN-11": Scenario(FaultPlan(clock_steps=0.1, answer_lost=0.2), (put_right("missed_end"),)),
    "RS-01": Scenario(DEAD, (inherited("in doubt"),)),
    "RS-02": Scenario(DEAD, (inherited("open"),)),
    "RS-03": Scenario(FaultPlan(process_dies=0.003, answer_doubled=0.8), (odd("is already booked"),)),
    "RS-04": Scenario(DEAD, (put_right("missed_fill"),)),
    "RS-11": Scenario(FaultPlan(process_dies=0.01, question_fails=0.3), (inherited("open"),)),
    "SD-01": Scenario(FaultPlan(disk_full=0.005)),
    "SD-05": Scenario(FaultPlan(power_fails=0.01), (inherited("open"),)),
    "PR-05": Scenario(DEAD, (inherited("open"),)),
    "HU-06": Scenario(HAND),
}
