"""Secrets: text that may be used and never shown.

`Secret` prints as stars, cannot be pickled, copied into JSON or compared with `==`. Every secret that comes into
being is also remembered here, so that `redact` can cut it (plain, URL-encoded, hex or base64) out of any text on
its way to a log, an exception or a screen: redaction goes by value, because names of fields always miss one.
"""

from __future__ import annotations

import base64
import hmac
import json
from typing import Final, NoReturn, final
from urllib.parse import quote, quote_plus

from typing_extensions import override

__all__ = ["STARS", "Secret", "redact"]

STARS: Final = "****"

# Below this length a value is too common to be cut out of every text ("1234" would eat prices); venues' keys,
# secrets and passphrases are longer, and the keystore refuses shorter ones.
REDACTABLE_LENGTH_MIN: Final = 6

# The process's memory of what must not be shown: each written form of each secret. Global on purpose: a sink
# must know every secret, however it came to exist. Nothing reads it but `redact`.
_forms: set[str] = set()
_longest_first: tuple[str, ...] = ()


@final
class Secret:
    """A secret text. `reveal()` is the only way to its value: search for it to find every use."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value
        _remember(value)

    def reveal(self) -> str:
        """Return the value, to sign or to encrypt with, never to keep."""
        return self._value

    def matches(self, candidate: str) -> bool:
        """Compare in constant time, so that timing tells nothing."""
        return hmac.compare_digest(self._value.encode(), candidate.encode())

    @override
    def __repr__(self) -> str:
        return f"Secret({STARS!r})"

    @override
    def __str__(self) -> str:
        return STARS

    @override
    def __format__(self, spec: str) -> str:
        return format(STARS, spec)

    @override
    def __eq__(self, other: object) -> NoReturn:
        raise TypeError("secrets are not compared with ==: use matches()")

    @override
    def __hash__(self) -> NoReturn:
        raise TypeError("a secret cannot be a key")

    @override
    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled or copied")


def redact(text: str) -> str:
    """Replace every remembered secret in `text`, in each form it may have been written in, by stars."""
    for form in _longest_first:
        if form in text:
            text = text.replace(form, STARS)
    return text


def _remember(value: str) -> None:
    global _longest_first  # noqa: PLW0603  (see _forms)
    if len(value) < REDACTABLE_LENGTH_MIN or value in _forms:
        return
    _forms.update(_written_forms(value))
    _longest_first = tuple(sorted(_forms, key=lambda form: (-len(form), form)))


def _written_forms(value: str) -> set[str]:
    raw = value.encode()
    forms = {value, quote(value, safe=""), quote_plus(value), value.encode("unicode_escape").decode()}
    # As a traceback (`KeyError: '...'`) and as a JSON document quote it.
    forms.update({repr(value)[1:-1], json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]})
    # A multi-line key (PEM) leaks line by line.
    forms.update(line for line in value.splitlines() if len(line) >= 2 * REDACTABLE_LENGTH_MIN)
    forms.update({raw.hex(), raw.hex().upper()})
    # Inside a longer base64 text (such as "key:secret" of a basic login) the same bytes have three alignments;
    # the characters that touch a neighbour's bits are left off.
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        core = encoded[-(-shift * 8 // 6) : (shift + len(raw)) * 8 // 6]
        forms.update({core, core.replace("+", "-").replace("/", "_")})
    return {form for form in forms if len(form) >= REDACTABLE_LENGTH_MIN}
