"""What goes wrong in a world, as data; and the dice that say when.

    plan = FaultPlan.drawn(seed)
    mishaps = Mishaps(plan)
    if mishaps.happens("place_lost"): …
    mishaps.heal()        from here on nothing goes wrong any more

`reached` counts each fault that really happened: one that never did has tested nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct

from xtrade.model.errors import ConfigError
from xtrade.runtime import chance

__all__ = ["CALM", "FAULTS", "FaultPlan", "Mishaps"]


class FaultPlan(Struct, frozen=True, kw_only=True):
    """How often each fault happens: a probability for each occasion, and its size in seconds."""

    place_lost: float = 0.0
    """An order never arrives, and nobody says so."""
    place_unsent: float = 0.0
    """An order cannot be sent, and that is known."""
    place_late: float = 0.0
    """An order waits somewhere on its way: a cancel or a change that overtakes it does not find it."""
    slow_s_max: float = 10.0
    cancel_lost: float = 0.0
    amend_lost: float = 0.0
    answer_lost: float = 0.0
    """A message about our orders never arrives: an acknowledgement, a fill, an end."""
    answer_doubled: float = 0.0
    answer_late: float = 0.0
    """A message about our orders is overtaken by later ones."""
    late_s_max: float = 20.0
    book_lost: float = 0.0
    """A change of a book never arrives: the next one shows the gap."""
    private_down: float = 0.0
    """For each message about our orders: the private stream breaks, and what is told meanwhile is lost."""
    public_down: float = 0.0
    """For each change of a book: the public stream breaks, and what is told meanwhile is lost."""
    down_s_max: float = 10.0
    question_fails: float = 0.0
    """A question about orders, positions or fills has no answer."""
    order_meddled: float = 0.0
    """For each second: somebody cancels an order of ours by hand, on the venue's own pages."""
    process_dies: float = 0.0
    """For each moment at which we write, send or hear something: the process is gone, and its memory with it."""
    power_fails: float = 0.0
    """The same, and what the journal had not synced to the disk is gone as well."""
    restart_s_max: float = 30.0
    """How long nobody is there before a new process starts on the journal."""
    disk_full: float = 0.0
    """For each record: the journal cannot write it, nor what follows, for a while."""
    full_s_max: float = 20.0
    clock_steps: float = 0.0
    """For each second: our wall clock is set forward or back. The venue's is not."""
    step_s_max: float = 3_600.0
    desk_halted: float = 0.0
    """For each second: the operator halts the desk, and lets it trade again later."""
    halt_s_max: float = 10.0

    def __post_init__(self) -> None:
        for name in FAULTS:
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"fault plan: {name} = {getattr(self, name)}: expected a probability")

    @classmethod
    def drawn(cls, seed: int) -> FaultPlan:
        """Draw which faults are on, then how often each happens: a few strong ones find more than all at once."""
        stream = chance.Streams(seed).stream("testing/fault-plan")
        return cls(
            **{
                name: most * stream.choice((0.1, 0.3, 1.0)) if stream.random() < _ON else 0.0
                for name, most in FAULTS.items()
            }
        )

    def without(self, name: str) -> FaultPlan:
        """Return the same plan with one fault off: how a failing plan is made smaller."""
        return msgspec.structs.replace(self, **{name: 0.0})

    @property
    def on(self) -> tuple[str, ...]:
        """The faults that can happen."""
        return tuple(name for name in FAULTS if getattr(self, name) > 0)


_ON: Final = 0.4
FAULTS: Final[Mapping[str, float]] = {
    "place_lost": 0.2,
    "place_unsent": 0.2,
    "place_late": 0.2,
    "cancel_lost": 0.3,
    "amend_lost": 0.3,
    "answer_lost": 0.2,
    "answer_doubled": 0.3,
    "answer_late": 0.2,
    "book_lost": 0.05,
    "private_down": 0.02,
    "public_down": 0.005,
    "question_fails": 0.3,
    "order_meddled": 0.1,
    "process_dies": 0.003,
    "power_fails": 0.003,
    "disk_full": 0.005,
    "clock_steps": 0.1,
    "desk_halted": 0.05,
}
"""Each fault, and how often it happens at the most."""

CALM: Final = FaultPlan()
"""Nothing goes wrong."""


class Mishaps:
    """A plan under way: says each time whether a fault happens, and counts those that did."""

    def __init__(self, plan: FaultPlan) -> None:
        self.plan = plan
        self.reached: Counter[str] = Counter()
        """How often each fault happened."""

    def heal(self) -> None:
        """Let nothing go wrong from here on."""
        self.plan = CALM

    def happens(self, name: str) -> bool:
        """Throw the dice for a fault. Each has its own: without one of them the others fall as before."""
        likely: float = getattr(self.plan, name)
        happens = likely > 0 and chance.stream(f"testing/faults/{name}").random() < likely
        self.reached[name] += happens
        return happens

    def seconds(self, size: str) -> float:
        """Draw how large a fault is, by the name of its largest size in the plan."""
        return chance.stream(f"testing/faults/{size}").uniform(0, getattr(self.plan, size))
