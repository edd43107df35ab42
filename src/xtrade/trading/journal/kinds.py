"""How records are written as bytes, and how safe each kind must be before `append` returns.

A record is MessagePack under the name of its type. Events of a newer version may carry fields that this one skips; an
intent, a fill and an instrument may not: what is not understood of them is not traded on. A kind that is unknown here
is an error that names the way out, never skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, get_args

from xtrade.model.errors import DataError, did_you_mean
from xtrade.model.events import (
    AccountEvent,
    AmendSent,
    AnyEvent,
    BalanceReport,
    CancelSent,
    MarginReport,
    OrderEvent,
    OrderSent,
    PositionReport,
)
from xtrade.model.orders import OrderIntent
from xtrade.model.records import msgpack_reader, to_msgpack
from xtrade.trading.ports import (
    Asked,
    Decided,
    Failed,
    InstrumentKnown,
    Noted,
    Record,
    Refused,
    SessionClosed,
    SessionOpened,
    Turned,
)

__all__ = ["KINDS", "LAZY", "Kind", "goes_first", "is_urgent", "kind_of", "order_of", "record_of", "to_body"]


class Kind(NamedTuple):
    """One kind of record."""

    type: type
    read: Callable[[bytes], Any]


_OWN: Final = (
    OrderIntent,
    Decided,
    Asked,
    Refused,
    Failed,
    Noted,
    InstrumentKnown,
    SessionOpened,
    SessionClosed,
    Turned,
)
_TOLD: Final = tuple(
    each for each in get_args(AnyEvent) if issubclass(each, OrderEvent) or issubclass(each, AccountEvent)
)
KINDS: Final = {each.__name__: Kind(each, msgpack_reader(each)) for each in (*_OWN, *_TOLD)}
"""Every kind of record by its name in the journal."""

LAZY: Final[frozenset[type]] = frozenset(
    {
        Decided,
        Refused,
        Failed,
        Noted,
        InstrumentKnown,
        OrderSent,
        CancelSent,
        AmendSent,
        BalanceReport,
        PositionReport,
        MarginReport,
    }
)
"""What can be asked again, or says only what an urgent record beside it says as well. It is written at once too, and
survives the death of the process; a power cut may take it."""


def kind_of(record: Record) -> str:
    """Return the name of a record's kind."""
    return type(record).__name__


def order_of(record: Record) -> int | None:
    """Return whose order a record is about, if it is about one."""
    if isinstance(record, Refused):
        return record.intent.client_order_id
    return getattr(record, "client_order_id", None)


def is_urgent(record: Record) -> bool:
    """Tell whether a power cut must not take the record once it was appended."""
    return type(record) not in LAZY


def goes_first(record: Record) -> bool:
    """Tell whether what the record announces must not happen unless it is written: orders and amends."""
    return isinstance(record, OrderIntent) or (isinstance(record, Asked) and record.what == "amend")


def to_body(record: Record) -> bytes:
    """Write a record."""
    return to_msgpack(record)


def record_of(kind: str, body: bytes) -> Record:
    """Read a record of a kind, or raise DataError."""
    known = KINDS.get(kind)
    if known is None:
        raise DataError(
            f"the journal has a record of the kind {kind!r}, which this version of xtrade does not know: use the"
            f" version that wrote it, or a later one.{did_you_mean(kind, KINDS)}"
        )
    record: Record = known.read(body)
    return record
