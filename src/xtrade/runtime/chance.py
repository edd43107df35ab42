"""Chance, by name and by seed.

stream("venue/binance/latency")   a random stream of its own: a new consumer elsewhere does not reshuffle it
rarely("link/short-read", 0.01)   take the rare path here? Only where a simulation asks for such trouble

Both ask the streams of this thread: seeded from the operating system, unless something (a virtual loop, a
back-test) has put seeded ones in their place with `using`.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random  # noqa: TID251  (the one place)
from typing import Final

__all__ = ["Streams", "rarely", "stream", "using"]


class Streams:
    """All random streams of one run: made from one seed, or from the operating system when there is none."""

    def __init__(self, seed: int | None = None, *, trouble: bool = False) -> None:
        self.seed = seed
        self.trouble = trouble
        """Whether `rarely` may say yes: in simulations that look for trouble, and nowhere else."""
        self.reached: Counter[str] = Counter()
        """How often each rare path was taken: one that never was has not been tested."""
        self._streams: dict[str, Random] = {}

    def stream(self, name: str) -> Random:
        """Return the stream of that name; asked again, the same stream, further on."""
        found = self._streams.get(name)
        if found is None:
            # A text is hashed by SHA-512, alike in every process; no seed is one from the operating system.
            seed = None if self.seed is None else f"{self.seed}/{name}"
            found = self._streams[name] = Random(seed)  # noqa: S311  (nothing here is a secret)
        return found

    def rarely(self, name: str, p: float) -> bool:
        """Say yes with probability `p`, and count it; always no unless the run looks for trouble."""
        if not self.trouble:
            return False
        self.reached[name] += 0  # a path that was asked for and never taken is listed too
        taken = self.stream(f"rarely/{name}").random() < p
        self.reached[name] += taken
        return taken


class _Seat(threading.local):
    """Whose chance rules in this thread."""

    def __init__(self) -> None:
        self.streams = Streams()


_seat: Final = _Seat()


def stream(name: str) -> Random:
    """Return the named random stream of this run."""
    return _seat.streams.stream(name)


def rarely(name: str, p: float) -> bool:
    """Take the rare path called `name` here? Constant no, unless a simulation looks for trouble."""
    return _seat.streams.rarely(name, p)


@contextmanager
def using(streams: Streams) -> Iterator[Streams]:
    """Let `streams` decide by chance in this thread, until the block ends."""
    before, _seat.streams = _seat.streams, streams
    try:
        yield streams
    finally:
        _seat.streams = before
