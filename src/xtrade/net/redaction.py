"""What of a request may be shown: addresses without the values of their queries, and nothing of headers or bodies.

Signatures, keys and listen keys travel in query strings and paths at some venues. Values of queries never pass; a
path is shown without what `redact` knows as a secret, and without any long random-looking part.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from xtrade.runtime.secrets import STARS, redact

__all__ = ["shown_reason", "shown_url"]

# A listen key or token in a path: 40 characters and more of one word, which no endpoint's name has.
_TOKEN: Final = re.compile(r"[A-Za-z0-9_\-.~%]{40,}")
_TEXT_MAX: Final = 200


def shown_url(url: str) -> str:
    """Return scheme, host and path, and only the names in the query."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return STARS
    names = [field.partition("=")[0] for field in parts.query.split("&") if field]
    query = "?" + "&".join(f"{_TOKEN.sub(STARS, name)}={STARS}" for name in names) if names else ""
    return redact(f"{parts.scheme}://{host}{port}{_TOKEN.sub(STARS, parts.path)}{query}")


def shown_reason(error: BaseException) -> str:
    """Say what happened in a few words; a library's own text may quote the whole address, and is left out."""
    if isinstance(error, OSError) and error.errno is not None and error.strerror:
        return redact(f"{type(error).__name__}: {error.strerror}")[:_TEXT_MAX]
    return type(error).__name__
