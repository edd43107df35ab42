"""Secrets: text that may be used and never shown.

`Secret` prints as stars, cannot be pickled, copied into JSON or compared with `==`. Every secret that comes into
being is also remembered here, so that `redact` can cut it out of any text on its way to a log, an exception or a
screen, in each form it may have taken (plain, escaped, URL-encoded, hex, base64, the number that a private key is):
redaction goes by value, because names of fields always miss one.

`forbid_core_dumps` keeps them out of the files that a crash leaves.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
import threading
from typing import Final, NoReturn, final
from urllib.parse import quote, quote_plus

from typing_extensions import override

__all__ = ["REDACTABLE_LENGTH_MIN", "STARS", "Secret", "decode_secret", "forbid_core_dumps", "redact"]

STARS: Final = "****"

# Below this length a value is too common to be cut out of every text ("1234" would eat prices); venues' keys,
# secrets and passphrases are longer, and xtrade takes no shorter ones.
REDACTABLE_LENGTH_MIN: Final = 6
# From this many bytes on, text in hex or base64 is a key, and is cut out in its other forms too.
KEY_BYTES_MIN: Final = 16

# The process's memory of what must not be shown: each written form of each secret. Global on purpose: a sink
# must know every secret, however it came to exist. Nothing reads it but `redact`, which may be at it in one thread
# while another makes a secret: so it is replaced whole, never changed.
_forms: frozenset[str] = frozenset()
_writing: Final = threading.Lock()


@final
class Secret:
    """A secret text. `reveal()` is the only way to its value: search for it to find every use."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        if not isinstance(value, str):
            raise TypeError(f"a secret is text, not {type(value).__name__}")
        self._value = value
        _remember(value)

    def reveal(self) -> str:
        """Return the value, to sign or to encrypt with, never to keep."""
        return self._value

    def matches(self, candidate: str) -> bool:
        """Compare in constant time, so that timing tells nothing."""
        return hmac.compare_digest(_bytes(self._value), _bytes(candidate))

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

    @override
    def __getstate__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled or copied")


def decode_secret(kind: type, value: object) -> object:
    """Turn text into `Secret` for msgspec: `msgspec.convert(data, Config, dec_hook=decode_secret)`."""
    if kind is not Secret:
        raise NotImplementedError(f"nothing is known of {kind.__name__}")
    if not isinstance(value, str):
        raise ValueError(f"Expected `str`, got `{type(value).__name__}`")
    return Secret(value)


def redact(text: str) -> str:
    """Replace every remembered secret in `text`, in each form it may have been written in, by stars."""
    spans = []
    for form in _forms:
        start = text.find(form)
        while start >= 0:
            spans.append((start, start + len(form)))
            start = text.find(form, start + 1)
    if not spans:
        return text
    # Secrets may overlap (one is part of another, or ends as the other begins): what any of them covers goes.
    spans.sort()
    kept: list[str] = []
    end = 0
    for start, stop in spans:
        if start > end or not kept:
            kept.append(text[end:start])
        end = max(end, stop)
    kept.append(text[end:])
    return STARS.join(kept)


def forbid_core_dumps() -> None:
    """Keep this process's memory out of core files, and (on Linux) out of reach of the user's other processes.

    Call it before the first secret is read. Debuggers and profilers cannot attach afterwards.
    """
    import resource
    import sys

    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if sys.platform == "linux":
        import ctypes

        set_dumpable = 4
        ctypes.CDLL(None).prctl(set_dumpable, 0, 0, 0, 0)


def _remember(value: str) -> None:
    global _forms  # noqa: PLW0603  (see there)
    if len(value) >= REDACTABLE_LENGTH_MIN and value not in _forms:
        written = _written_forms(value)
        with _writing:
            _forms |= written


def _written_forms(value: str) -> set[str]:
    forms = _escaped(value) | _encoded(_bytes(value))
    # A key in several lines (PEM) leaks line by line, or with its lines joined.
    lines = [line for line in value.splitlines() if len(line) >= 2 * REDACTABLE_LENGTH_MIN]
    if len(lines) > 1:
        forms.update(line for line in lines if not line.startswith("-----"))
    # A number of fewer digits than its key has bytes for (a STARK key has 63 at most) is printed without the zeros.
    digits = _hex_digits(value)
    forms |= {written(text) for text in (digits, digits.lstrip("0")) for written in (str.lower, str.upper)}
    for raw in _keys_in(value):
        forms |= _encoded(raw) | {str(int.from_bytes(raw, "big"))}
    return {form for form in forms if len(form) >= REDACTABLE_LENGTH_MIN}


def _escaped(value: str) -> set[str]:
    """Return the text as JSON, Python, a URL and a web page would write it."""
    percented = {quote(value, safe=safe, errors="replace") for safe in ("", "/")}
    percented.add(quote_plus(value, errors="replace"))
    return {
        value,
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        repr(value)[1:-1],
        value.encode("unicode_escape").decode(),
        value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;"),
        *percented,
        *(re.sub("%..", lambda escape: escape[0].lower(), text) for text in percented),
    }


def _encoded(raw: bytes) -> set[str]:
    """Return bytes as hex and base64 write them, also from the middle of a longer text."""
    forms = {raw.hex(), raw.hex().upper()}
    # Inside a longer base64 text (such as "key:secret" of a basic login) the same bytes have three alignments;
    # the characters that touch a neighbour's bits are left off.
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw).decode()
        core = encoded[-(-shift * 8 // 6) : (shift + len(raw)) * 8 // 6]
        forms.update({core, core.replace("+", "-").replace("/", "_"), quote(core, safe="")})
    return forms


def _keys_in(value: str) -> list[bytes]:
    """Return the bytes that the text stands for, where it is a key in hex or base64."""
    body = _body(value)
    digits = _hex_digits(value)
    found = []
    if digits:
        found.append(bytes.fromhex(digits.zfill(len(digits) + len(digits) % 2)))
        found.append(found[0].lstrip(b"\0"))
    else:
        try:
            padded = body.rstrip("=").replace("-", "+").replace("_", "/")
            found.append(base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True))
        except (binascii.Error, ValueError):
            pass
    return [raw for raw in found if len(raw) >= KEY_BYTES_MIN]


def _hex_digits(value: str) -> str:
    """Return the digits of a key in hex; nothing where the text is none."""
    digits = _body(value).removeprefix("0x").removeprefix("0X")
    is_key = len(digits) > 2 * (KEY_BYTES_MIN - 1) and re.fullmatch(r"[0-9a-fA-F]+", digits)
    return digits if is_key else ""


def _body(value: str) -> str:
    return "".join("".join(line for line in value.splitlines() if not line.startswith("-----")).split())


def _bytes(text: str) -> bytes:
    # Half of a surrogate pair, as a broken terminal may type it, has no UTF-8; it must not end in a traceback.
    return text.encode(errors="surrogatepass")
