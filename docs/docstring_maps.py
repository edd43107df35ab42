"""Keep what our docstrings align by hand readable on the site.

A module begins with a map of what is in it, in columns, and a docstring may show a session of the interpreter.
Markdown would run such lines together; this extension of mkdocstrings puts them between fences.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

ALIGNED = re.compile(r"\S {2,}\S|^ ")


class Maps(griffe.Extension):
    """Fence what a docstring aligns by hand."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Look at each docstring when it has been read."""
        if obj.docstring is not None:
            obj.docstring.value = "\n\n".join(map(fenced, obj.docstring.value.split("\n\n")))


def fenced(paragraph: str) -> str:
    """Put a session or a hand-aligned paragraph between fences, and leave any other alone."""
    if paragraph.startswith(">>>"):
        return f"```pycon\n{paragraph}\n```"
    return f"```text\n{paragraph}\n```" if is_map(paragraph) else paragraph


def is_map(paragraph: str) -> bool:
    """Say whether most lines of a paragraph are in columns (indented blocks are code to Markdown already)."""
    lines = paragraph.splitlines()
    if all(line.startswith("    ") for line in lines) or paragraph.lstrip().startswith("```"):
        return False
    return len(lines) > 1 and sum(bool(ALIGNED.search(line)) for line in lines) * 2 > len(lines)
