"""The name of an order: given by us, before the venue has heard of it."""

from __future__ import annotations

from typing import NewType

__all__ = ["ClientOrderId"]

# An id is a whole number of its account's space (32, 48 or 63 bits). Within an account it is never given twice,
# also not after a restart or by another process, and a later order has a higher one. It is made by
# xtrade.runtime.ids; how a venue wants it written is in xtrade.runtime.id_forms.
ClientOrderId = NewType("ClientOrderId", int)
