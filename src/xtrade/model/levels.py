"""Price levels of a book: one flat block of 64-bit integers, ticks and lots by turns.

The block is what a decoding kernel writes and a book kernel reads, without a Python object for each level; only
people and tests walk it as pairs.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from typing import final

from typing_extensions import Buffer, override

from xtrade.model.errors import NumberError

__all__ = ["Levels"]


@final
class Levels:
    """Read-only price levels over any buffer of signed 64-bit integers: `ticks, lots, ticks, lots, …`."""

    __slots__ = ("flat",)

    flat: memoryview[int]
    """The integers themselves, for kernels."""

    def __init__(self, flat: Buffer) -> None:
        view = memoryview(flat).toreadonly()
        if view.format not in {"q", "l"} or view.itemsize != 8 or view.ndim != 1 or len(view) % 2:
            raise NumberError("levels are one row of signed 64-bit integers: ticks and lots by turns")
        self.flat = view

    @classmethod
    def of(cls, pairs: Iterable[tuple[int, int]] = ()) -> Levels:
        """Make levels from (ticks, lots) pairs."""
        try:
            return cls(array("q", (number for pair in pairs for number in pair)))
        except OverflowError:
            raise NumberError("a level is out of range: ticks and lots are 64-bit integers") from None

    def __len__(self) -> int:
        return len(self.flat) // 2

    def __iter__(self) -> Iterator[tuple[int, int]]:
        numbers = iter(self.flat)
        return zip(numbers, numbers, strict=True)

    @override
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Levels):
            return NotImplemented
        return self.flat == other.flat

    @override
    def __hash__(self) -> int:
        return hash(self.flat.tobytes())

    @override
    def __repr__(self) -> str:
        return f"Levels.of({list(self)!r})"
