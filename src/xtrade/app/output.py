"""How a command answers: a table for people, or JSON with `--json`; the two never mix on one stream."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import cyclopts
import msgspec

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

__all__ = ["Json", "answer", "can_show", "columns", "console", "note"]

Json = Annotated[
    bool,
    cyclopts.Parameter(
        name="--json", negative="", show_default=False, help="Answer as JSON on standard output."
    ),
]


def console(*, stderr: bool = False) -> Console:
    """Return a console on standard output (or error) as it is now; colours only where a terminal reads them."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=not sys.stdout.isatty())


def answer(result: Any, *, json: bool, human: Callable[[], RenderableType]) -> None:
    """Print `result` as one JSON document, or whatever `human` draws of it."""
    if json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(result), indent=2).decode() + "\n")
    else:
        console().print(human())


def can_show(signs: str) -> bool:
    """Tell whether standard output's encoding has these signs."""
    try:
        signs.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        return False
    return True


def columns(heading: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> Text:
    """Align rows under a dim heading, without blanks at the ends of lines, which pipes would carry on."""
    from rich.text import Text

    cells = [[cell if isinstance(cell, Text) else Text(cell) for cell in row] for row in (heading, *rows)]
    for cell in cells[0]:
        cell.stylize("dim")
    widths = [max(cell.cell_len for cell in column) for column in zip(*cells, strict=True)]
    for row in cells:
        for cell, width in zip(row[:-1], widths, strict=False):
            cell.pad_right(width - cell.cell_len)
    return Text("\n").join(Text("  ").join(row) for row in cells)


def note(text: str) -> None:
    """Say something beside the answer: to standard error, so that pipes stay clean."""
    from xtrade.runtime.secrets import redact

    # The terminal wraps, not we: a command in a note must be whole when it is copied.
    console(stderr=True).print(redact(text), markup=False, soft_wrap=True)
