"""Why: the chain of one order, from what the market did to its last fill, with how long each step took.

    steps = story(journal.read(order=number), instruments)

A step is told at the time that fits it best: what the strategy saw, when it was heard; what we did, when it was
written; what the venue told, when it reached us. Where the venue gave its own time, that is told as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from xtrade.model.events import (
    AmendRejected,
    AmendSent,
    CancelRejected,
    CancelSent,
    FillReversed,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderCompleted,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderInDoubt,
    OrderRejected,
    OrderRestored,
    OrderSent,
)
from xtrade.model.instruments import Instrument
from xtrade.model.numbers import plain
from xtrade.model.orders import OrderIntent
from xtrade.trading.journal.entries import Entry
from xtrade.trading.journal.kinds import record_of
from xtrade.trading.ports import Asked, Decided, InstrumentKnown, Record, Refused

__all__ = ["Known", "Step", "known_instruments", "said_of", "story"]


class Step(Struct, frozen=True, kw_only=True):
    """One thing that happened to an order. `took_ns` is since the step before; None where times do not tell."""

    sequence: int
    at_ns: int
    what: str
    detail: str = ""
    took_ns: int | None = None
    venue_ns: int | None = None


class Known(Struct, frozen=True):
    """Every version of every instrument that a journal names."""

    versions: Mapping[tuple[str, int], Instrument]

    def of(self, intent: OrderIntent) -> Instrument | None:
        """Return the instrument that an order was sized on."""
        return self.versions.get((intent.instrument, intent.instrument_version))


def known_instruments(entries: Iterable[Entry]) -> Known:
    """Collect the instruments of a journal (entries of the kind InstrumentKnown; others are passed over)."""
    found = {}
    for entry in entries:
        if entry.kind == InstrumentKnown.__name__:
            record = record_of(entry.kind, entry.body)
            assert isinstance(record, InstrumentKnown)
            found[record.instrument.key, record.instrument.version] = record.instrument
    return Known(found)


def story(entries: Iterable[Entry], known: Known) -> list[Step]:
    """Tell one order's life from the entries about it, in the order of the journal."""
    records = [(entry, record_of(entry.kind, entry.body)) for entry in entries]
    market = _market(records, known)
    told: list[Step] = []
    for entry, record in records:
        for step in _steps(entry, record, market):
            took = step.at_ns - told[-1].at_ns if told else -1
            # The clocks of two processes, or one that was set, may say that an answer came before its question.
            told.append(step if took < 0 else replace(step, took_ns=took))
    return told


def said_of(record: Record, market: Instrument | None = None) -> tuple[str, str]:
    """Say any record in a word and a sentence."""
    match record:
        case OrderIntent():
            return "decided", _order_text(record, market)
        case Decided():
            return "saw", _sight(record, market)
        case Refused():
            return (
                "refused",
                f"by {record.rule}: {record.reason} (limit {record.limit}, figure {record.figure})",
            )
        case Asked(what="cancel"):
            return "cancel asked", f"request {record.request}"
        case Asked():
            return (
                "change asked",
                f"request {record.request}: {_terms(record.lots or 0, record.ticks, market)}",
            )
        case OrderEvent():
            return _event_text(record, market)
        case InstrumentKnown():
            return "instrument", f"{record.instrument.key}, version {record.instrument.version}"
    fields = {name: getattr(record, name) for name in record.__struct_fields__}
    return type(record).__name__, ", ".join(
        f"{name} {value}" for name, value in fields.items() if value not in {None, "", ()} and name != "at_ns"
    )


# -- how --------------------------------------------------------------------------------------------------------------


def _market(records: Iterable[tuple[Entry, Record]], known: Known) -> Instrument | None:
    for _, record in records:
        if isinstance(record, OrderIntent):
            return known.of(record)
        if isinstance(record, Refused):
            return known.of(record.intent)
    return None


def _steps(entry: Entry, record: Record, market: Instrument | None) -> Iterable[Step]:
    what, detail = said_of(record, market)
    match record:
        case Decided():
            yield Step(
                sequence=entry.sequence,
                at_ns=record.heard_ns,
                what="saw",
                detail=detail,
                venue_ns=record.venue_ns,
            )
        case OrderIntent():
            at_ns = record.decided_ns or entry.at_ns
            yield Step(sequence=entry.sequence, at_ns=at_ns, what=what, detail=detail)
            yield Step(
                sequence=entry.sequence,
                at_ns=at_ns,
                what="let out",
                detail="every rule of the risk gate agreed",
            )
            yield Step(sequence=entry.sequence, at_ns=entry.at_ns, what="written", detail="before it is sent")
        case Refused() | Asked():
            yield Step(sequence=entry.sequence, at_ns=record.at_ns or entry.at_ns, what=what, detail=detail)
        case OrderEvent():
            yield Step(
                sequence=entry.sequence,
                at_ns=record.received_ns or entry.at_ns,
                what=what,
                detail=detail,
                venue_ns=record.venue_ns,
            )
        case _:
            yield Step(sequence=entry.sequence, at_ns=entry.at_ns, what=what, detail=detail)


def _event_text(event: OrderEvent, market: Instrument | None) -> tuple[str, str]:  # noqa: PLR0912  (an arm each)
    name = "" if event.venue_order_id is None else f"as {event.venue_order_id}"
    match event:
        case OrderSent():
            return "sent", "its bytes left"
        case OrderAccepted():
            return "accepted", name
        case OrderRejected():
            return "rejected", f"{event.reason}{f' ({event.code})' if event.code else ''}"
        case OrderFilled():
            fill = event.fill
            role = "" if fill.maker is None else " as maker" if fill.maker else " as taker"
            fee = "" if fill.fee is None else f", fee {fill.fee}"
            return "filled", f"{_terms(fill.lots, fill.ticks, market)}{role}{fee}, trade {fill.trade_id}"
        case OrderCompleted():
            return "completed", f"{_size(event.cumulative_lots, market)} in all"
        case OrderCanceled() | OrderExpired():
            return "canceled" if isinstance(event, OrderCanceled) else "expired", event.reason
        case FillReversed():
            return "reversed", f"trade {event.trade_id} was taken back"
        case OrderInDoubt():
            return "in doubt", event.reason
        case OrderRestored():
            return "found alive", event.evidence
        case AmendSent():
            return "change sent", f"request {event.request}"
        case OrderAmended():
            by = "by the venue" if event.request is None else f"request {event.request}"
            return "changed", f"{by}: {_terms(event.lots, event.ticks, market)}"
        case CancelSent():
            return "cancel sent", f"request {event.request}"
        case AmendRejected() | CancelRejected():
            what = "change refused" if isinstance(event, AmendRejected) else "cancel refused"
            return what, f"request {event.request}: {event.reason}"
    return type(event).__name__, ""


def _order_text(intent: OrderIntent, market: Instrument | None) -> str:
    flags = [
        intent.time_in_force.value if intent.time_in_force.value != "gtc" else "",
        "post-only" if intent.post_only else "",
        "reduce-only" if intent.reduce_only else "",
    ]
    terms = (
        f"for {intent.quote_amount}"
        if intent.quote_amount is not None
        else _terms(intent.lots, intent.ticks, market)
    )
    words = [
        f"{intent.strategy or 'nobody'}:",
        intent.side.value,
        f"{terms},",
        intent.instrument,
        intent.type.value.replace("_", " "),
        *flags,
    ]
    return " ".join(word for word in words if word)


def _sight(seen: Decided, market: Instrument | None) -> str:
    where = f"in {seen.callback}" if seen.callback else "in a task"
    number = "" if seen.sequence is None else f" number {seen.sequence}"
    prices = f"bid {_price(seen.bid_ticks, market)}, ask {_price(seen.ask_ticks, market)}"
    what = f" of {seen.cause}" if seen.cause else ""
    return f"{where}{what}{number}: {prices}, holding {_size(seen.position_lots, market)}"


def _terms(lots: int, ticks: int | None, market: Instrument | None) -> str:
    return _size(lots, market) if ticks is None else f"{_size(lots, market)} at {_price(ticks, market)}"


def _size(lots: int, market: Instrument | None) -> str:
    return f"{lots} lots" if market is None else plain(market.quantity(lots))


def _price(ticks: int | None, market: Instrument | None) -> str:
    if ticks is None:
        return "none"
    return f"{ticks} ticks" if market is None else plain(market.price(ticks))
