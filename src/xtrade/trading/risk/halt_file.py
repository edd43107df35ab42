"""Two small files: one that keeps a halted desk from starting again, and one with what losses are counted from.

HaltFile        its presence is the halt: by a guard, by the kill switch, or by `touch`. Only an operator takes it away
BaselineFile    the equity at the start, at midnight, and at its highest; a crash does not forgive a loss

Both are written whole or not at all, and survive the process. A halt file that cannot be read is a halt.
"""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from xtrade.model.errors import DataError, RiskRejected
from xtrade.model.records import from_json, to_json
from xtrade.runtime.files import locked, replace_file
from xtrade.trading.risk.guards import Baselines

__all__ = ["BaselineFile", "Halt", "HaltFile"]


class Halt(Struct, frozen=True, kw_only=True):
    """Why the desk was halted, by whom and when."""

    why: str
    by: str
    at_ns: int = 0


BY_HAND = Halt(why="somebody made the file", by="hand")


class HaltFile:
    """The file whose presence is the halt."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Halt | None:
        """Return the halt; None only if there is certainly no such file."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            return Halt(why=f"the halt file {self.path} cannot be read: {error.strerror}", by="the risk gate")
        if not content.strip():
            return BY_HAND
        try:
            return from_json(content, Halt)
        except DataError:
            return Halt(why=content.decode("utf-8", "replace").strip()[:500], by="hand")

    def halt(self, halt: Halt) -> Halt:
        """Write the halt down and return the one in force: the first reason stays."""
        with locked(self.path.parent):
            before = self.read()
            if before is not None and before != BY_HAND:
                return before
            replace_file(self.path, to_json(halt) + b"\n")
        return halt

    def clear(self) -> Halt | None:
        """Take the halt away; return what it was."""
        with locked(self.path.parent):
            before = self.read()
            self.path.unlink(missing_ok=True)
        return before

    def must_be_clear(self) -> None:
        """Refuse to start while the desk is halted."""
        halt = self.read()
        if halt is not None:
            raise RiskRejected(
                f"trading was halted by {halt.by}: {halt.why}. Look at positions and orders at the venues, then clear"
                f" it with `xtrade kill --clear` (or remove {self.path})",
                rule="halted",
                limit="no halt file",
                figure=str(self.path),
            )


class BaselineFile:
    """The file with what losses are counted from."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._last: Baselines | None = None

    def read(self) -> Baselines | None:
        """Return the baselines; None before the first were written. A DataError says what is wrong with the file."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            return from_json(content, Baselines)
        except DataError as error:
            raise DataError(
                f"{self.path} does not hold what losses are counted from: {error}. Mend it, or remove it to count"
                " from the present equity"
            ) from error

    def forget(self) -> None:
        """Begin to count anew: from the equity that is there when it is looked at next."""
        self.path.unlink(missing_ok=True)
        self._last = None

    def write(self, baselines: Baselines) -> None:
        """Keep the baselines, if they changed."""
        if baselines == self._last:
            return
        with locked(self.path.parent):
            replace_file(self.path, to_json(baselines))
        self._last = baselines
