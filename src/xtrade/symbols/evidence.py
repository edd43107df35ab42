"""How sure a name read by pattern is: a number made of named evidence.

    confidence = 0.99, times the factor of every piece of evidence that is missing

A venue's own metadata is certain (1.0) and needs none of it. A pattern never reaches 1.0, since a well-formed name
may still not be listed; and more evidence never lowers the number, since every factor is below one.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

__all__ = ["CERTAIN", "EVIDENCE", "PATTERN_BEST", "Evidence", "confidence"]

CERTAIN: Final = 1.0
PATTERN_BEST: Final = 0.99


class Evidence(NamedTuple):
    """One thing that can speak for a reading, and what is left of the confidence when it does not."""

    name: str
    factor: float
    claim: str


EVIDENCE: Final = (
    Evidence("one kind", 0.5, "no other kind of market there is written so, or the kind was named"),
    Evidence("first split", 0.2, "no other way to cut the name in base and quote is as likely"),
    Evidence("quote listed", 0.7, "the quote is one of those the venue is known to use for this kind"),
    Evidence("quote known", 0.5, "the quote is a currency that some venue prices markets in"),
    Evidence("base known", 0.9, "the base is an asset met on most venues"),
    Evidence("unit expected", 0.8, "a cheap asset has the unit that the venue is known to trade it in"),
)


def confidence(found: Collection[str]) -> float:
    """Return how sure a reading is that has this evidence, named as in EVIDENCE."""
    left = PATTERN_BEST
    for evidence in EVIDENCE:
        if evidence.name not in found:
            left *= evidence.factor
    return round(left, 4)
