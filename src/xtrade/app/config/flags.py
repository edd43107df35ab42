"""The two flags of every command that reads the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

__all__ = ["ConfigFile", "Overrides"]

ConfigFile = Annotated[
    Path | None,
    Parameter(
        name="--config",
        metavar="FILE",
        help="Configuration file; without it XTRADE_CONFIG, ./xtrade.toml, then xtrade's own directory.",
    ),
]

Overrides = Annotated[
    tuple[str, ...],
    Parameter(
        name="--set",
        metavar="KEY=VALUE",
        negative="",
        show_default=False,
        help="An option over the file and the environment; may be given several times.",
    ),
]
