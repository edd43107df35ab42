"""What a reading found: the data, where it came from, everything unusual in it, and what was let pass.

Reading    the data with its Source files and Counts
Policy     what the user lets a reader go on over (`accept=`), and how long a silence is no gap

By default a reader refuses what makes no sense. What it is told to accept it repairs in one stated way, and counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Generic, TypeVar

from xtrade.model.durations import duration_ns, duration_text
from xtrade.model.errors import UsageError, did_you_mean

__all__ = ["REPAIRS", "Counts", "Policy", "Reading", "Source"]

Data = TypeVar("Data")

REPAIRS: Final = {
    "unsorted": "rows out of order were sorted by time, stably",
    "duplicates": "rows that were there twice were dropped",
    "gaps": "silences were marked: the book is not trusted until its next snapshot (bars: none is made up)",
    "clocks": "rows that happened after they were heard were put at the time they were heard",
    "crossed": "crossed snapshots were not believed: the book counts again from the next good one",
    "others": "rows of other instruments were dropped",
    "sides": "trades that do not say who took were dropped",
    "unpaired": "events that only the venue or only its listener knows of were dropped",
    "volume": "volumes off the lot were rounded to the nearest lot",
}
"""What may be accepted, and what is done then."""

ROUNDED: Final = "rounded"
_SAID: Final = REPAIRS | {
    ROUNDED: "numbers had a float's arithmetic in their last digits: taken as the decimal meant"
}


@dataclass(frozen=True)
class Source:
    """One file that was read."""

    path: Path
    format: str
    rows: int


@dataclass
class Counts:
    """Everything unusual, counted: a report shows it beside its figures."""

    rows: int = 0
    """The rows of all files, before anything was dropped or added."""
    snapshots: int = 0
    """Complete books told by the feed, the first one included."""
    before_snapshot: int = 0
    """Rows of the book heard before its first snapshot; with a snapshot in the data, it is not trusted before."""
    gaps: int = 0
    """Silences longer than the policy's, or missing bars' places."""
    zero_latency: int = 0
    """Rows heard at the instant they happened: the venue, or the recorder, gave one time only."""
    repaired: Counter[str] = field(default_factory=Counter)
    """Rows by what was done to them (REPAIRS, and `rounded`)."""
    notes: list[str] = field(default_factory=list)
    """What was understood without being told, such as a time zone."""

    def lines(self) -> list[str]:
        """Say in sentences what is not zero."""
        said = [
            (self.snapshots, "complete books were told"),
            (self.before_snapshot, "rows of the book came before its first snapshot"),
            (self.gaps, "gaps"),
            (self.zero_latency, "rows were heard at the instant they happened (one clock, or no latency)"),
            *((count, _SAID[name]) for name, count in self.repaired.items()),
        ]
        return [f"{count:,}: {words}" for count, words in said if count] + self.notes


@dataclass(frozen=True, eq=False)
class Reading(Generic[Data]):
    """What was read, from which files, and what was unusual about it."""

    data: Data
    sources: tuple[Source, ...]
    counts: Counts

    @property
    def rows(self) -> int:
        """The rows of all files, before anything was dropped or added."""
        return self.counts.rows

    def lines(self) -> list[str]:
        """Say in sentences what was read and what was unusual, for a report."""
        read = [f"{each.rows:,} rows of {each.path.name} ({each.format})" for each in self.sources]
        return read + self.counts.lines()


@dataclass(frozen=True)
class Policy:
    """What a reader goes on over. Build it with `Policy.of`, which knows the names."""

    accept: frozenset[str] = frozenset()
    silence_ns: int = 60_000_000_000

    @classmethod
    def of(cls, accept: Iterable[str], silence: str) -> Policy:
        """Return the policy that accepts these of REPAIRS; an unknown name is a UsageError."""
        names = frozenset([accept] if isinstance(accept, str) else accept)
        for name in sorted(names - REPAIRS.keys()):
            raise UsageError(
                f"accept={name!r}: expected some of {', '.join(REPAIRS)}.{did_you_mean(name, REPAIRS)}"
            )
        return cls(names, duration_ns(silence))

    @property
    def silence(self) -> str:
        """How long a silence is no gap, as people write it."""
        return duration_text(self.silence_ns)
