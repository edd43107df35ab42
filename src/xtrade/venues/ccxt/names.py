"""How an exchange of ccxt's wants our ids written, where it takes no plain text of letters and digits.

    form_of("kraken").encode(number)        "78747261-6465-8000-9879-…"

ccxt hands an id over as it is given, and reads it back as the venue writes it. A venue of the house has its form in
`xtrade.runtime.id_forms`, one without a row anywhere takes `xt` and nineteen digits, as most do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from uuid import UUID

from xtrade.model.ids import ClientOrderId
from xtrade.runtime.id_forms import FORMS, INT64, TEXT, UINT32, UUID_TEXT, Form, IntegerForm, OffsetForm
from xtrade.runtime.ids import BITS_63, EPOCH_2025, Space

__all__ = ["FORMS_THROUGH_CCXT", "HexForm", "PrefixedForm", "form_of"]

# 68 years at 2^14 a second.
BITS_45: Final = Space(bits=45, per_second=1 << 14, epoch_ns=EPOCH_2025, block=1024)


@dataclass(frozen=True, slots=True)
class HexForm:
    """128 bits in hex: those of the UUID that is our own."""

    marked: bool = True
    space: Space = BITS_63

    def encode(self, order: ClientOrderId) -> str:
        """Write `0x78747261646580009879…`."""
        return "0x" + UUID(UUID_TEXT.encode(order)).hex

    def decode(self, wire: object) -> ClientOrderId | None:
        """Read it back."""
        if not isinstance(wire, str) or re.fullmatch(r"0x[0-9a-f]{32}", wire.lower()) is None:
            return None
        return UUID_TEXT.decode(wire[2:])


@dataclass(frozen=True, slots=True)
class PrefixedForm:
    """The usual text behind something that the venue wants in front of it."""

    prefix: str
    marked: bool = True
    space: Space = BITS_63

    def encode(self, order: ClientOrderId) -> str:
        """Write `t-xt1763600000123456789`."""
        return self.prefix + TEXT.encode(order)

    def decode(self, wire: object) -> ClientOrderId | None:
        """Read it back, with what is in front or without."""
        return TEXT.decode(wire.removeprefix(self.prefix)) if isinstance(wire, str) else None


FORMS_THROUGH_CCXT: Final[Mapping[str, Form]] = MappingProxyType(
    {
        # `cid` is an integer of 45 bits, unique on its day; text is refused.
        "bitfinex": IntegerForm(BITS_45),
        "dydx": UINT32,
        # `text` begins with t- and has 28 characters more at most.
        "gate": PrefixedForm("t-"),
        "gateeu": PrefixedForm("t-"),
        # Its contracts take whole numbers alone.
        "htx": OffsetForm(offset=0),
        "hyperliquid": HexForm(),
        # `cl_ord_id` is a UUID, or free text of 18 characters at most.
        "kraken": UUID_TEXT,
        "woo": INT64,
        "woofipro": INT64,
    }
)


def form_of(exchange_id: str) -> Form:
    """Return the form of our ids at an exchange."""
    return FORMS_THROUGH_CCXT.get(exchange_id) or FORMS.get(exchange_id, TEXT)
