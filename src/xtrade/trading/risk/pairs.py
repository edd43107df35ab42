"""Hedged pairs: positions that guard each other, until the venue closes one of them behind our back.

A leg can be liquidated, auto-deleveraged, settled, or closed by hand. What was a hedge is then a naked position, and
grows with every second. The guard compares what we think we hold of each leg with what its venue reports, and asks
for the partner to be cut to what the other leg still covers.

A report and our fills race each other (AP-13 of the faults): so only a report counts that came after the last fill
by `settle_ns`, with no order of ours open on that leg; and a report that is missing says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from msgspec import Struct

from xtrade.model.durations import duration_text
from xtrade.model.money import Money
from xtrade.trading.exposure import Holding
from xtrade.trading.risk.guards import Action, Verdict, share

__all__ = ["Leg", "Pair", "judge_pair", "naked"]


class Pair(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Two instruments of which one strategy holds opposite positions of the same asset."""

    name: str
    strategy: str
    first: str
    second: str
    naked_share: Decimal = Decimal("0.02")
    """How much of the larger leg may stand uncovered before something is done: what lots cannot match, and prices."""
    settle_ns: int = 2_000_000_000
    """How long after the last fill of a leg its venue's report counts."""
    naked_ns: int = 30_000_000_000
    """How long the legs may differ in our own books, while orders are filling, before that counts too."""


class Leg(NamedTuple):
    """One leg, as we and its venue see it."""

    holding: Holding
    reported_lots: int | None
    """What the venue says the account holds less what other strategies do; None if it has not said."""
    reported_ns: int
    filled_ns: int
    """When an order of ours last filled there."""
    is_quiet: bool
    """No order of ours is open there."""


def judge_pair(
    pair: Pair, first: Leg, second: Leg, now_ns: int, naked_since_ns: int | None
) -> Iterator[Verdict]:
    """Say what to cut: at most one leg. `naked_since_ns`: since when the legs differ in our own books."""
    lots = [_lots(pair, leg, now_ns) for leg in (first, second)]
    coins = [leg.holding.base_atoms(count) for leg, count in zip((first, second), lots, strict=True)]
    if coins[0] is None or coins[1] is None:
        return
    sizes = [abs(coins[0]), abs(coins[1])]
    opposite = coins[0] * coins[1] <= 0
    uncovered = abs(coins[0] + coins[1])
    larger = 0 if sizes[0] >= sizes[1] else 1
    if not sizes[larger]:
        return
    part = Fraction(uncovered, sizes[larger])
    leg, other = (first, second) if larger == 0 else (second, first)
    # If they do not even hedge each other, all of the larger one is uncovered.
    excess = uncovered if opposite else sizes[larger]
    behind = [each for each, count in zip((first, second), lots, strict=True) if count != each.holding.lots]
    waited_ns = 0 if naked_since_ns is None else now_ns - naked_since_ns
    if part <= pair.naked_share or (not behind and waited_ns < pair.naked_ns):
        return
    held = abs(lots[larger])
    # Rounded up: rather a lot too many than one naked.
    cut = min(held, -(-excess * held // sizes[larger]))
    base = leg.holding.instrument.base
    cause = (
        f"{', '.join(each.holding.instrument.key for each in behind)} was closed behind our back"
        if behind
        else f"the legs have differed for {duration_text(waited_ns // 1_000_000_000 * 1_000_000_000)}"
    )
    yield Verdict(
        "hedged_pair",
        pair.name,
        share(pair.naked_share),
        share(part),
        f"{cause}: {Money(uncovered, base)} of {leg.holding.instrument.key} is not covered by"
        f" {other.holding.instrument.key}",
        Action.CUT,
        strategy=pair.strategy,
        cut=(leg.holding.instrument.key, cut),
    )


def naked(pair: Pair, legs: Iterable[Leg]) -> bool:
    """Say whether the legs differ in our own books by more than may stand uncovered."""
    coins = [leg.holding.base_atoms(leg.holding.lots) for leg in legs]
    if coins[0] is None or coins[1] is None:
        return False
    larger = max(abs(coins[0]), abs(coins[1]))
    return bool(larger) and Fraction(abs(coins[0] + coins[1]), larger) > pair.naked_share


def _lots(pair: Pair, leg: Leg, now_ns: int) -> int:
    """Return what is really held: the venue's word where it counts and says that there is less than we think."""
    ours, theirs = leg.holding.lots, leg.reported_lots
    settled = leg.is_quiet and leg.reported_ns - leg.filled_ns >= pair.settle_ns and leg.reported_ns <= now_ns
    if theirs is None or not settled:
        return ours
    lost = abs(theirs) < abs(ours) or theirs * ours < 0
    return theirs if lost else ours
