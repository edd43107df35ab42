"""One HTML file that needs nothing else: styles, scripts and data inside, and nothing that could be fetched.

The page forbids itself every request (its Content-Security-Policy), and runs only the scripts that it was written
with, by their hashes: a name with a script in it stays a name.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

__all__ = ["asset", "document", "filled"]


def document(*, title: str, body: str, deck: Mapping[str, Any], scripts: Sequence[str]) -> str:
    """Return the whole file: `body` is HTML, `deck` the data of its charts, `scripts` our files that draw them."""
    first = asset("assets/theme.js")
    drawing = "\n".join(
        [
            "/* uPlot 1.6.32\n" + asset("vendor/LICENSE-uPlot") + "*/",
            asset("vendor/uPlot.iife.min.js"),
            *(asset(f"assets/{name}") for name in scripts),
        ]
    )
    style = asset("vendor/uPlot.min.css") + "\n" + asset("assets/report.css")
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; img-src data:;"
        f" script-src {_hash(first)} {_hash(drawing)}; base-uri 'none'; form-action 'none'"
    )
    # Nothing in the data can end its element: JSON may write every "<" in another way.
    data = json.dumps(deck, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace(
        "<", "\\u003c"
    )
    return f"""<!DOCTYPE html>
<html lang="en" data-theme="light">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<script>{first}</script>
<style>
{style}</style>
</head>
<body>
{body}
<script type="application/json" id="deck">{data}</script>
<script>{drawing}</script>
</body>
</html>
"""


def filled(skeleton: str, **places: str) -> str:
    """Return a skeleton of assets/ with its places filled; what is put in is HTML already."""
    return Template(asset(f"assets/{skeleton}")).substitute(
        places, zoom=asset("assets/zoom.html"), footer=asset("assets/footer.html")
    )


@cache
def asset(name: str) -> str:
    """Return the text of a file that lies beside this module."""
    return (files("xtrade.research.report") / name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    return f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"
