"""What is signed: a transaction is a JSON object, and its hash is that of its numbers in a fixed order.

TransactionType     the kinds of transaction that trading needs, by the venue's numbers
Attribute           what may be added to any of them
transaction_hash    the hash of a transaction, from its JSON object: for the side that signs and the one that checks
text_hash           the hash of a text, which an auth token is a signature of
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from functools import reduce
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from xtrade.venues.lighter.signing.schnorr import Hash

__all__ = ["BODIES", "ORDER", "Attribute", "TransactionType", "text_hash", "transaction_hash"]


class TransactionType(IntEnum):
    """Kinds of transaction."""

    CREATE_ORDER = 14
    CANCEL_ORDER = 15
    CANCEL_ALL_ORDERS = 16
    MODIFY_ORDER = 17
    UPDATE_LEVERAGE = 20
    CREATE_GROUPED_ORDERS = 28
    UPDATE_MARGIN = 29


class Attribute(IntEnum):
    """Keys of the object `L2TxAttributes`, which JSON has as text."""

    INTEGRATOR_ACCOUNT = 1
    INTEGRATOR_TAKER_FEE = 2
    INTEGRATOR_MAKER_FEE = 3
    SKIP_NONCE = 4
    MARKET = 5
    SELF_TRADE_BEHAVIOUR = 6
    SELF_TRADE_EQUALITY = 7
    ORDER_VERSION = 8


ORDER: Final = (
    "MarketIndex",
    "ClientOrderIndex",
    "BaseAmount",
    "Price",
    "IsAsk",
    "Type",
    "TimeInForce",
    "ReduceOnly",
    "TriggerPrice",
    "OrderExpiry",
)
"""The keys of one order, in the order in which they are hashed."""

BODIES: Final[Mapping[TransactionType, tuple[str, ...]]] = MappingProxyType(
    {
        TransactionType.CREATE_ORDER: ORDER,
        TransactionType.CANCEL_ORDER: ("MarketIndex", "Index"),
        TransactionType.CANCEL_ALL_ORDERS: ("TimeInForce", "Time"),
        TransactionType.MODIFY_ORDER: ("MarketIndex", "Index", "BaseAmount", "Price", "TriggerPrice"),
        TransactionType.UPDATE_LEVERAGE: ("MarketIndex", "InitialMarginFraction", "MarginMode"),
        TransactionType.CREATE_GROUPED_ORDERS: ("GroupingType", "Orders"),
        TransactionType.UPDATE_MARGIN: ("MarketIndex", "USDCAmount", "Direction"),
    }
)
"""The keys of each kind's object after `AccountIndex` and `ApiKeyIndex`, in the order in which they are hashed."""

# Values that say nothing, as if the attribute were not there.
_DEFAULTS: Final[Mapping[int, int]] = MappingProxyType({Attribute.MARKET: 255})
_ATTRIBUTE_NUMBERS: Final = 8


def transaction_hash(chain_id: int, kind: TransactionType, info: Mapping[str, Any]) -> Hash:
    """Return the hash of a transaction, signed or not yet; KeyError if a key is missing."""
    from xtrade.venues.lighter.signing.poseidon import digest

    head = (
        chain_id,
        kind,
        info["Nonce"],
        info["ExpiredAt"],
        info["AccountIndex"],
        info["ApiKeyIndex"],
    )
    body = digest((*head, *_body(kind, info)))
    added = [
        number
        for key, value in sorted((int(key), value) for key, value in (info["L2TxAttributes"] or {}).items())
        if value != _DEFAULTS.get(key, 0)
        for number in (key, value)
    ]
    if not added:
        return body
    return digest((*body, *digest(added + [0] * (_ATTRIBUTE_NUMBERS - len(added)))))


def text_hash(text: str) -> Hash:
    """Return the hash of a text of ASCII, eight characters a number."""
    from xtrade.venues.lighter.signing.poseidon import digest

    raw = text.encode("ascii")
    return digest([int.from_bytes(raw[start : start + 8], "little") for start in range(0, len(raw), 8)])


def _body(kind: TransactionType, info: Mapping[str, Any]) -> Iterator[int]:
    for name in BODIES[kind]:
        value = info[name]
        if name == "Orders":
            yield from _orders(value)
        elif name == "USDCAmount":
            yield value & 0xFFFF_FFFF
            yield value >> 32
        else:
            yield value


def _orders(orders: Sequence[Mapping[str, Any]]) -> Hash:
    """Return four numbers for the orders of a group: those of the first, stirred with each one after it."""
    from xtrade.venues.lighter.signing.poseidon import digest

    each = (digest([order[name] for name in ORDER], outputs=4) for order in orders)
    return reduce(lambda before, after: digest((*before, *after), outputs=4), each)
