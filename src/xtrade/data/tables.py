"""Columns that remember which line of which file each row was, through sorting and dropping."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from xtrade.data.grid import Flags, Ints
from xtrade.data.reading import Counts, Policy
from xtrade.model.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Table", "stamp"]


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of one file; `unit` says what its rows are called, and `first` what the first of them is numbered."""

    path: Path
    columns: Mapping[str, NDArray[Any]]
    unit: Literal["line", "row"]
    first: int
    origin: Ints | None = None

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def where(self, row: int) -> str:
        """Name a row as its file counts it: "line 1204 of trades.csv.gz"."""
        at = row if self.origin is None else int(self.origin[row])
        return f"{self.unit} {at + self.first} of {self.path.name}"

    def refuse(self, wrong: Flags, says: str | Callable[[int], str]) -> None:
        """Raise a DataError that names the first wrong row, if there is one."""
        if wrong.any():
            at = int(np.argmax(wrong))
            raise DataError(f"{self.where(at)}: {says if isinstance(says, str) else says(at)}")

    def settle(
        self, name: str, wrong: Flags, says: str | Callable[[int], str], policy: Policy, counts: Counts
    ) -> int:
        """Refuse wrong rows unless the policy accepts this `name` of them; count and return how many there are."""
        if name not in policy.accept:
            self.refuse(
                wrong,
                lambda at: (
                    (says if isinstance(says, str) else says(at))
                    + f" (accept={{{name!r}}} goes on: see docs/data.md)"
                ),
            )
            return 0
        count = int(wrong.sum())
        if count:
            counts.repaired[name] += count
        return count

    def taken(self, rows: Ints | Flags) -> Table:
        """Return the table of these rows, in this order."""
        origin = np.arange(len(self)) if self.origin is None else self.origin
        return Table(
            self.path,
            {name: column[rows] for name, column in self.columns.items()},
            self.unit,
            self.first,
            origin[rows],
        )

    def sorted_by(self, name: str, policy: Policy, counts: Counts) -> Table:
        """Return the table in the order of a column of times: refuse rows out of order, or sort them if accepted."""
        times = self[name]
        early = np.zeros(len(times), bool)
        early[1:] = times[1:] < times[:-1]
        if self.settle(
            "unsorted",
            early,
            lambda at: f"{stamp(times[at])} is before the row above it ({stamp(times[at - 1])})",
            policy,
            counts,
        ):
            return self.taken(np.argsort(times, kind="stable"))
        return self


def stamp(ns: int) -> str:
    """Write a time for a message: ISO 8601, UTC."""
    return str(np.datetime64(int(ns), "ns")).rstrip("0").rstrip(".") + "Z"
