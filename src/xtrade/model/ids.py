"""How our own orders are called before, and after, a venue has a name for them."""

from __future__ import annotations

from typing import NewType

__all__ = ["ClientOrderId"]

ClientOrderId = NewType("ClientOrderId", int)
"""Made by us (xtrade.runtime.ids), never used twice in an account, larger for later orders."""
