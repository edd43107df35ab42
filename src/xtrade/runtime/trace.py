"""What a run did, step by step, boiled down to a digest: the same seed must give the same one, in any process.

A trace that keeps its lines can also say where two runs parted, which is the first thing anyone asks.
"""

from __future__ import annotations

from hashlib import blake2b
from itertools import zip_longest

__all__ = ["Trace"]


class Trace:
    """The steps of one run. The loop notes each callback; a simulated wire should note its bytes."""

    def __init__(self, *, keep: bool = False) -> None:
        self.lines: list[str] | None = [] if keep else None
        self._hash = blake2b(digest_size=16)

    def note(self, line: str) -> None:
        """Add one step."""
        self._hash.update(line.encode() + b"\n")
        if self.lines is not None:
            self.lines.append(line)

    @property
    def digest(self) -> str:
        """Return the digest of all steps so far."""
        return self._hash.hexdigest()

    def difference(self, other: Trace) -> str | None:
        """Say where two kept traces part, or None where they do not."""
        assert self.lines is not None, "Trace(keep=True) keeps the lines that a comparison needs"
        assert other.lines is not None, "Trace(keep=True) keeps the lines that a comparison needs"
        for number, (ours, theirs) in enumerate(zip_longest(self.lines, other.lines), start=1):
            if ours != theirs:
                return f"step {number}: {ours or 'the end'!r} here, {theirs or 'the end'!r} there"
        return None
