"""The risk gate of the desk: what all strategies together may have open and hold. Asked after a strategy's own rules.

    refusal = check_desk(intent, desk, limits)

desk_instruments   the desk trades what its list has
desk_open_orders   not more orders are open at once than this
desk_order_rate    not more orders are sent in a second than this
desk_position      of one instrument, not more is held than this
desk_base          of one asset, on all venues, spot and derivatives netted, not more is held than this
desk_venue         at one venue, not more is held than this
desk_gross         of everything, longs and shorts added up, not more is held than this
desk_net           of everything, longs and shorts set off, not more is held than this

Each counts what is held and, on the order's side, all that waits, as if it had filled already. An order that cannot
make the figure worse than it is passes, also beyond the limit: otherwise nobody could get back inside. What has no
price cannot be counted, so an order that needs it is refused: unknown is never zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Final, NamedTuple, TypeAlias

from xtrade.model.money import Money
from xtrade.model.numbers import plain
from xtrade.model.orders import OrderIntent
from xtrade.model.sides import Side
from xtrade.trading.exposure import Holding, Valuation, venue_of
from xtrade.trading.risk.limits import DeskLimits, allowed
from xtrade.trading.risk.situation import Refusal, Waiting

__all__ = ["DESK_RULES", "Desk", "check_desk"]


class Desk(NamedTuple):
    """What the whole desk holds and has open; `holdings` has the instrument of the order, held or not."""

    holdings: Sequence[Holding]
    valuation: Valuation
    open_orders: int
    sent_last_second: int


DeskRule: TypeAlias = Callable[[OrderIntent, Desk, DeskLimits], Refusal | None]


def check_desk(intent: OrderIntent, desk: Desk, limits: DeskLimits) -> Refusal | None:
    """Return why the desk must not send the order, by the first rule that says no; None if it may."""
    for rule in DESK_RULES:
        refusal = rule(intent, desk, limits)
        if refusal is not None:
            return refusal
    return None


def desk_instruments(intent: OrderIntent, _desk: Desk, limits: DeskLimits) -> Refusal | None:
    """The desk trades what its list has."""
    if allowed(intent.instrument, limits.instruments):
        return None
    names = ", ".join(limits.instruments or ()) or "nothing"
    return Refusal(
        "desk_instruments",
        names,
        intent.instrument,
        f"{intent.instrument} is not among what the desk trades: {names}",
    )


def desk_open_orders(_intent: OrderIntent, desk: Desk, limits: DeskLimits) -> Refusal | None:
    """Not more orders are open at once than this."""
    most, count = limits.open_orders_max, desk.open_orders
    if most is None or count < most:
        return None
    return Refusal("desk_open_orders", str(most), str(count + 1), f"the desk has {count} orders open")


def desk_order_rate(_intent: OrderIntent, desk: Desk, limits: DeskLimits) -> Refusal | None:
    """Not more orders are sent in a second than this."""
    most, count = limits.orders_per_second_max, desk.sent_last_second
    if most is None or count < most:
        return None
    text = f"the desk sent {count} orders in the last second"
    return Refusal("desk_order_rate", f"{most} a second", str(count + 1), text)


def desk_position(intent: OrderIntent, desk: Desk, limits: DeskLimits) -> Refusal | None:
    """Of one instrument, not more is held than this."""
    if limits.position_value_max is None:
        return None
    here = [holding for holding in desk.holdings if holding.instrument.key == intent.instrument]
    return _at_most(
        "desk_position", intent, desk, here, limits.position_value_max, f"the desk's {intent.instrument}"
    )


def desk_base(intent: OrderIntent, desk: Desk, limits: DeskLimits) -> Refusal | None:
    """Of one asset, on all venues, spot and derivatives netted, not more is held than this."""
    if limits.base_value_max is None and not limits.base_max:
        return None
    asset = _of(intent, desk).instrument.base
    here = [holding for holding in desk.holdings if holding.instrument.base == asset]
    most = limits.base_max.get(asset)
    if most is not None:
        coins = [_reach_in_coins(intent, holding) for holding in here]
        before = [_signed_coins(intent.side, holding) for holding in here]
        limit = Money.of(most, asset)
        refusal = _judged("desk_base", _sum(coins, asset), _sum(before, asset), limit, f"the desk's {asset}")
        if refusal is not None:
            return refusal
    if limits.base_value_max is None:
        return None
    return _at_most("desk_base", intent, desk, here, limits.base_value_max, f"the desk's {asset}")


def desk_venue(intent: OrderIntent, desk: Desk, limits: DeskLimits) -> Refusal | None:
    """At one venue, longs and shorts added up, not more is held than this."""
    if limits.venue_value_max is None:
        return None
    venue = venue_of(intent.instrument)
    here = [holding for holding in desk.holdings if venue_of(holding.instrument.key) == venue]
    return _gross_at_most(
        "desk_venue", intent, desk, here, limits.venue_value_max, f"all that is held at {venue}"
    )


def desk_gross(intent: OrderIntent, desk: Desk, limits: DeskLimits) -> Refusal | None:
    """Of everything, longs and shorts added up, not more is held than this."""
    if limits.gross_value_max is None:
        return None
    return _gross_at_most(
        "desk_gross", intent, desk, desk.holdings, limits.gross_value_max, "all that is held"
    )


def desk_net(intent: OrderIntent, desk: Desk, limits: DeskLimits) -> Refusal | None:
    """Of everything, longs and shorts set off, not more is held than this."""
    if limits.net_value_max is None:
        return None
    what = "longs less shorts"
    return _at_most("desk_net", intent, desk, desk.holdings, limits.net_value_max, what)


DESK_RULES: Final[tuple[DeskRule, ...]] = (
    desk_instruments,
    desk_open_orders,
    desk_order_rate,
    desk_position,
    desk_base,
    desk_venue,
    desk_gross,
    desk_net,
)


def _at_most(
    rule: str, intent: OrderIntent, desk: Desk, holdings: Iterable[Holding], most: Decimal, what: str
) -> Refusal | None:
    """Refuse if what is held, set off, could come to more than `most` on the order's side."""
    here = list(holdings)
    currency = desk.valuation.currency
    after = [desk.valuation.worth(_reach(intent, each), each.instrument.quote) for each in here]
    now = [
        desk.valuation.worth(_signed(intent.side, each.quote_atoms(each.lots)), each.instrument.quote)
        for each in here
    ]
    limit = Money.of(most, currency)
    return _judged(rule, _total(after, currency), _total(now, currency), limit, what)


def _gross_at_most(
    rule: str, intent: OrderIntent, desk: Desk, holdings: Iterable[Holding], most: Decimal, what: str
) -> Refusal | None:
    """Refuse if what is held, added up, each at its worst, could come to more than `most`, and the order adds to it."""
    here = list(holdings)
    currency = desk.valuation.currency
    after = [desk.valuation.worth(_worst(intent, each), each.instrument.quote) for each in here]
    now = [desk.valuation.worth(_worst(None, each), each.instrument.quote) for each in here]
    return _judged(rule, _total(after, currency), _total(now, currency), Money.of(most, currency), what)


def _judged(rule: str, after: Money | None, before: Money | None, limit: Money, what: str) -> Refusal | None:
    if after is None:
        text = f"what {what} would be worth is unknown: a price is missing; wait for one, or see risk.same_as"
        return Refusal(rule, str(limit), "unknown", text)
    if after <= limit or (before is not None and after <= before):
        return None
    return Refusal(
        rule, f"{plain(limit.amount)} {limit.currency}", str(after), f"{what} would come to {after}"
    )


def _reach(intent: OrderIntent, holding: Holding) -> int | None:
    """Return what a holding is worth, positive on the order's side, when all that waits there has filled."""
    lots, quote = _filled(intent, holding, intent.side)
    atoms = _signed(intent.side, holding.quote_atoms(lots))
    return None if atoms is None else atoms + quote


def _reach_in_coins(intent: OrderIntent, holding: Holding) -> int | None:
    lots, quote = _filled(intent, holding, intent.side)
    atoms, more = _signed(intent.side, holding.base_atoms(lots)), holding.coins_for(quote)
    return None if atoms is None or more is None else atoms + more


def _signed_coins(side: Side, holding: Holding) -> int | None:
    return _signed(side, holding.base_atoms(holding.lots))


def _worst(intent: OrderIntent | None, holding: Holding) -> int | None:
    """Return the most that a holding may come to on either side, the order included if there is one."""
    found = []
    for side in Side:
        lots, quote = _filled(intent, holding, side)
        atoms = _signed(side, holding.quote_atoms(lots))
        if atoms is None:
            return None
        found.append(atoms + quote)
    return max(found)


def _filled(intent: OrderIntent | None, holding: Holding, side: Side) -> tuple[int, int]:
    """Return signed lots, and quote currency besides, when all that waits on one side has filled."""
    waits: Waiting = holding.buying if side is Side.BUY else holding.selling
    lots, quote = holding.lots + side.sign * waits.lots, waits.quote_atoms
    if intent is not None and intent.side is side and holding.instrument.key == intent.instrument:
        lots += side.sign * intent.lots
        quote += 0 if intent.quote_amount is None else intent.quote_amount.atoms
    return lots, quote


def _of(intent: OrderIntent, desk: Desk) -> Holding:
    return next(holding for holding in desk.holdings if holding.instrument.key == intent.instrument)


def _signed(side: Side, atoms: int | None) -> int | None:
    return None if atoms is None else side.sign * atoms


def _sum(parts: Iterable[int | None], currency: str) -> Money | None:
    total = 0
    for part in parts:
        if part is None:
            return None
        total += part
    return Money(total, currency)


def _total(parts: Iterable[Money | None], currency: str) -> Money | None:
    return _sum((None if part is None else part.atoms for part in parts), currency)
