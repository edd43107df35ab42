"""Floor 7, the built-in strategies: one file each, made to be read and copied.

sma      a crossing of two averages of bars: the classic
quoter   a small market maker: one quote on each side, leaning against what it holds
"""

from __future__ import annotations

from typing import Final

__all__ = ["BUILT_IN"]

BUILT_IN: Final = {
    "quoter": "xtrade.strategies.quoter:Quoter",
    "sma": "xtrade.strategies.sma:Sma",
}
"""The built-in strategies by the name that a configuration gives them."""
