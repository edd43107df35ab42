"""Text from outside, made safe to show: a venue's message must not move the cursor, recolour or reverse a line."""

from __future__ import annotations

__all__ = ["one_line", "printable"]


def printable(text: str, *, keep: str = "") -> str:
    r"""Write every character that a terminal would obey instead of show as its escape: ESC becomes `\x1b`.

    That is all of Unicode's controls, format characters (bidi overrides, zero-width ones), line separators and lone
    surrogates, except those in `keep`.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text)


def one_line(text: str) -> str:
    """Fold a text of several lines into one line that is safe to show."""
    return printable(" ".join(text.split()))
