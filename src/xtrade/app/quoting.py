"""Quoting what a person typed, where it may be a secret that was pasted into the wrong place.

A word is repeated, so that a misspelling is seen; what is long, or mixes letters and digits as keys do, is counted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from xtrade.runtime.secrets import REDACTABLE_LENGTH_MIN

__all__ = ["quoted", "without_pasted", "word_like"]

LENGTH_MAX: Final = 24
# Pieces of one case (or with one capital first), each with two digits at most: Backpack_key.txt, okx.sub1.
PIECE: Final = r"(?:[A-Z]?[a-z]+|[A-Z]+)[0-9]{0,2}"
WORDS: Final = re.compile(rf"-{{0,2}}{PIECE}(?:[-_. ]{PIECE})*")


def word_like(text: str) -> bool:
    """Tell whether a text is short and made of words, as names are and keys are not."""
    return len(text) <= LENGTH_MAX and WORDS.fullmatch(text) is not None


def quoted(text: str) -> str:
    """Return a text as an error may repeat it: in quotes where it is a word, counted where it may be a secret."""
    return repr(text) if not text or word_like(text) else f"a text of {len(text)} characters"


def without_pasted(message: str, arguments: Sequence[str]) -> str:
    """Return a message about a command line of `xtrade keys` with those arguments counted that may be secrets.

    The messages of other commands stay as they are: a market's name is no word, and no secret.
    """
    if arguments[:1] != ["keys"]:
        return message
    parts = {part for given in arguments for part in (given, given.partition("=")[2])}
    # Longest first, for one argument may be a part of another.
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= REDACTABLE_LENGTH_MIN and not word_like(part):
            for written in (repr(part), f'"{part}"', part):
                message = message.replace(written, quoted(part))
    return message
