"""Words that the tab key and help offer, where other words are taken as well.

cyclopts offers what a type lists, so to it each of these is a union with any text. To everybody else they are
texts, and a command judges them itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from xtrade.symbols.patterns import VENUES

__all__ = ["FileName", "VenueName"]

if TYPE_CHECKING:
    VenueName = str
    FileName = str
else:
    VenueName = Literal[VENUES] | str
    FileName = str | Path
