"""How help looks: sections under a bold title, no boxes.

The front page (`xtrade`, `xtrade --help`) is drawn here from the table of commands alone, because it is what everybody
sees first and must not wait for a library; every other help page is cyclopts's, drawn in the same style.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from shutil import get_terminal_size
from textwrap import wrap
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from cyclopts.help import HelpPanel
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.text import Text

__all__ = ["Row", "Section", "Sections", "colours_wanted", "front_page"]


class Row(NamedTuple):
    """One word and what it means."""

    name: str
    help: str


class Section(NamedTuple):
    """Rows under a title."""

    title: str
    rows: tuple[Row, ...]


def front_page(
    usage: str, summary: str, sections: Iterable[Section], closing: str, *, colour: bool, width: int
) -> str:
    """Draw the first page of help; two spaces, the name, the help, wrapped under itself."""
    sections = list(sections)
    names = max(len(row.name) for section in sections for row in section.rows)
    bold, cyan, plain = ("\x1b[1m", "\x1b[36m", "\x1b[0m") if colour else ("", "", "")
    lines = [f"{bold}Usage:{plain} {usage}", "", *wrap(summary, width)]
    for section in sections:
        lines += ["", f"{bold}{section.title}{plain}"]
        for row in section.rows:
            first, *rest = wrap(row.help, max(20, width - names - 4)) or [""]
            lines.append(f"  {cyan}{row.name:<{names}}{plain}  {first}".rstrip())
            lines += [" " * (names + 4) + line for line in rest]
    return "\n".join([*lines, "", *wrap(closing, width)]) + "\n"


def colours_wanted() -> bool:
    """Say whether standard output is read by an eye that likes colours."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width() -> int:
    """Return how wide a text on standard output should be: the terminal, but never more than is read with ease."""
    return min(get_terminal_size().columns, 100)


class Sections:
    """cyclopts's help formatter for this style (its documented protocol)."""

    def __call__(self, console: Console, options: ConsoleOptions, panel: HelpPanel) -> None:
        """Draw one group of commands or parameters."""
        if not panel.entries:
            return
        from cyclopts.help.specs import (
            DefaultStyled,
            TableSpec,
            get_default_command_columns,
            get_default_parameter_columns,
        )
        from rich.padding import Padding
        from rich.text import Text

        columns = get_default_command_columns if panel.format == "command" else get_default_parameter_columns
        table = TableSpec().build(columns(console, options, panel.entries), panel.entries)
        console.print(Text(f"\n{panel.title}", style="bold"))
        console.print(Padding(DefaultStyled(table), (0, 0, 0, 2), expand=False))

    def render_usage(self, console: Console, _options: ConsoleOptions, usage: object) -> None:
        """Draw the usage line."""
        from rich.text import Text

        console.print(Text("Usage: ", style="bold").append(str(usage).strip(), style="not bold"))
        console.print()

    def render_description(self, console: Console, _options: ConsoleOptions, description: object) -> None:
        """Draw what the command does, with its examples."""
        from rich.text import Text

        written = getattr(description, "primary_renderable", description)
        console.print(_prose(written.plain) if isinstance(written, Text) else description)


def _prose(text: str) -> RenderableType:
    """Draw the little markdown that our docstrings use: paragraphs, lists, `code`, **stress** and fenced examples.

    A markdown library with a highlighter would double what a help page costs.
    """
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    blocks: list[RenderableType] = []
    # The groups of a split alternate: prose, the inside of a fence, prose …
    for number, part in enumerate(_FENCE.split(text)):
        if number % 2:
            blocks.append(Padding(Text(part.rstrip(), style="cyan"), (0, 0, 0, 4), expand=False))
            continue
        for paragraph in part.strip().split("\n\n"):
            laid_out = any(line.startswith(("- ", "* ", "|", " ")) for line in paragraph.splitlines())
            blocks.append(_inline(paragraph if laid_out else " ".join(paragraph.split())))
    shown = [block for block in blocks if not isinstance(block, Text) or block.plain]
    spaced = [piece for block in shown for piece in (Text(), block)]
    return Group(*spaced[1:])


def _inline(text: str) -> Text:
    from rich.text import Text

    drawn = Text()
    for number, piece in enumerate(_STRESS.split(text)):
        drawn.append(piece, style="bold" if number % 2 else "")
    drawn.highlight_regex("`[^`]+`", "cyan")
    return drawn


_FENCE: Final = re.compile(r"^```\w*\n(.*?)^```[ ]*$", re.MULTILINE | re.DOTALL)
_STRESS: Final = re.compile(r"\*\*(.+?)\*\*", re.DOTALL)
