"""One strategy, every venue, from back-test to live.

The public names of xtrade are gathered here and loaded when first used, so that `import xtrade` (and with it
`xtrade --help`) costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xtrade.model.errors import XtradeError as XtradeError

# Where each public name lives. tests/test_public_names.py holds this table against the imports above.
_HOME = {
    "XtradeError": "xtrade.model.errors",
}

__all__ = ["XtradeError"]


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'xtrade' has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
