"""Guards: what is looked at on a timer, whether or not anybody wants an order.

    for verdict in judge(standing, limits): …       # the gravest first

A guard is a pure function of how the desk stands and of the limits; each verdict names the guard, the limit, the
figure, and what to do. `GUARDS` is the list.

margin_failures       a venue refuses order after order for want of margin
no_progress           a strategy asks and asks, and nothing is accepted
account_loss          the equity is so far below the start: stop opening, cut the worst position
emergency_loss        so far below that everything is closed
daily_loss            so far below the last midnight UTC
drawdown              so far below the highest it ever was
margin_ratio          an account needs so much of its equity that the venue may soon liquidate
liquidation_distance  a position's liquidation price is near
funding_cost          funding eats so much of the equity in a day
silence               a venue has not told of margins for too long, while something is held there
unknown_worth         what is held cannot be valued, so none of the losses can be seen
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from typing import Final, NamedTuple, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from xtrade.model.durations import duration_text
from xtrade.model.money import Money
from xtrade.model.numbers import plain
from xtrade.trading.risk.limits import GuardLimits

__all__ = [
    "GUARDS",
    "Action",
    "Baselines",
    "Held",
    "MarginStanding",
    "NearLiquidation",
    "Standing",
    "Verdict",
    "judge",
    "share",
]

DAY_NS: Final = 86_400_000_000_000


class Action(IntEnum):
    """What a verdict asks for, from the mildest to the gravest."""

    WARN = 0
    """Say so."""
    REDUCE = 1
    """Open nothing more."""
    CUT = 2
    """Open nothing more, and close the position that is named."""
    HALT = 3
    """Cancel, and send nothing more; positions stay."""
    FLATTEN = 4
    """Cancel all, close all, and do not start again until somebody has looked."""


class Verdict(NamedTuple):
    """What a guard found: `scope` is the strategy, account or instrument it is about, or the desk."""

    guard: str
    scope: str
    limit: str
    figure: str
    reason: str
    action: Action
    strategy: str | None = None
    """Whom it concerns; None: the whole desk."""
    cut: tuple[str, int] | None = None
    """For CUT: the instrument, and how many lots of it are to be closed."""


class Baselines(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What losses are counted from. Kept across restarts: a crash does not forgive a loss."""

    start: Money
    midnight: Money
    day: int
    """The day of `midnight`, counted from 1970."""
    peak: Money
    funding_at_midnight: Money

    @classmethod
    def at(cls, equity: Money, now_ns: int) -> Baselines:
        """Begin to count."""
        nothing = Money(0, equity.currency)
        return cls(
            start=equity, midnight=equity, day=now_ns // DAY_NS, peak=equity, funding_at_midnight=nothing
        )

    def after(self, equity: Money, funding: Money, now_ns: int) -> Baselines:
        """Return them after the equity was looked at: a new day begins with the first look in it."""
        found = replace(self, peak=equity) if self.peak < equity else self
        day = now_ns // DAY_NS
        if day > found.day:
            return replace(found, day=day, midnight=equity, funding_at_midnight=funding)
        return found


class MarginStanding(NamedTuple):
    """How an account, or one position where each is margined by itself, stands with its venue."""

    scope: str
    ratio: Fraction
    age_ns: int


class NearLiquidation(NamedTuple):
    """How far a position is from liquidation, as a share of the mark."""

    key: str
    strategy: str
    lots: int
    distance: Fraction


class Held(NamedTuple):
    """A position, and what it would lose or win if it were closed now, in the desk's currency."""

    strategy: str
    key: str
    lots: int
    unrealised: Money | None


class Standing(NamedTuple):
    """How the desk stands. `equity` is None while something that is held has no price."""

    now_ns: int
    equity: Money | None
    baselines: Baselines
    funding: Money | None = None
    """Received so far, less what was paid."""
    held: Sequence[Held] = ()
    margins: Sequence[MarginStanding] = ()
    liquidations: Sequence[NearLiquidation] = ()
    margin_failures: Mapping[str, int] = {}
    """In a row, by account."""
    asking_since_ns: Mapping[str, int] = {}
    """By strategy: since when it asks without an order accepted."""


Guard: TypeAlias = Callable[[Standing, GuardLimits], Iterator[Verdict]]


def judge(standing: Standing, limits: GuardLimits) -> list[Verdict]:
    """Return what all guards found, the gravest first."""
    found = [verdict for guard in GUARDS for verdict in guard(standing, limits)]
    return sorted(found, key=lambda verdict: -verdict.action)


def margin_failures(standing: Standing, limits: GuardLimits) -> Iterator[Verdict]:
    """A venue refuses order after order for want of margin: more of them will not help."""
    most = limits.margin_failures_max
    for account, count in standing.margin_failures.items():
        if most is not None and count >= most:
            text = f"{account} refused {count} orders in a row for want of margin"
            yield Verdict("margin_failures", account, str(most), str(count), text, Action.REDUCE)


def no_progress(standing: Standing, limits: GuardLimits) -> Iterator[Verdict]:
    """A strategy asks and asks, and nothing is accepted: something is wrong that it does not see."""
    most_ns = limits.no_progress_ns
    for strategy, since_ns in standing.asking_since_ns.items():
        waits_ns = standing.now_ns - since_ns
        if most_ns is None or waits_ns < most_ns:
            continue
        most, waits = duration_text(most_ns), _rough(waits_ns)
        text = f"{strategy} has asked for {waits} without one order accepted"
        yield Verdict("no_progress", strategy, most, waits, text, Action.HALT, strategy=strategy)


def account_loss(standing: Standing, limits: GuardLimits) -> Iterator[Verdict]:
    """So much is lost since the start: nothing is opened, and the worst position is closed, one at each look."""
    verdict = _lost(
        standing, limits.account_loss, "account_loss", standing.baselines.start, "the start", Action.CUT
    )
    if verdict is None:
        return
    worst = _worst(standing.held)
    if worst is None:
        yield verdict._replace(action=Action.REDUCE)
    else:
        yield verdict._replace(strategy=worst.strategy, cut=(worst.key, abs(worst.lots)))


def emergency_loss(standing: Standing, limits: GuardLimits) -> Iterator[Verdict]:
    """So much is lost since the start that everything is closed."""
    start = standing.baselines.start
    verdict = _lost(standing, limits.emergency_loss, "emergency_loss", start, "the start", Action.FLATTEN)
    if verdict is not None:
        yield verdict


def daily_loss(standing: Standing, limits: GuardLimits) -> Iterator[Verdict]:
    """So much is lost since midnight."""
    midnight = standing.baselines.midnight
    verdict = _lost(standing, limits.daily_loss, "daily_loss", midnight, "midnight UTC", Action.REDUCE)
    if verdict is not None:
        yield verdict


def drawdown(standing: Standing, limits: GuardLimits) -> Iterator[Verdict]:
    """So much is lost since the equity was highest."""
    peak = standing.baselines.peak
    verdict = _lost(standing, limits.drawdown, "drawdown", peak, "its highest", Action.FLATTEN)
    if verdict is not None:
        yield verdict


def margin_ratio(standing: Standing, limits: GuardLimits) -> Iterator[Verdict]:
    """An account needs so much of its equity that the venue may soon close what it likes."""
    if limits.margin_ratio is None:
        return
    for scope, ratio, _ in standing.margins:
        if ratio >= limits.margin_ratio:
            text = f"{scope} needs {share(ratio)} of its equity as margin; at 100% the venue liquidates"
            yield Verdict(
                "margin_ratio", scope, share(limits.margin_ratio), share(ratio), text, Action.REDUCE
            )


def liquidation_distance(standing: Standing, limits: GuardLimits) -> Iterator[Verdict]:
    """A position's liquidation price is near: it is closed here, before the venue does it at a worse price."""
    if limits.liquidation_distance is None:
        return
    for key, strategy, lots, distance in standing.liquidations:
        if distance <= limits.liquidation_distance:
            text = f"{key} is liquidated if its mark moves {share(distance)} more"
            yield Verdict(
                "liquidation_distance",
                key,
                share(limits.liquidation_distance),
                share(distance),
                text,
                Action.CUT,
                strategy=strategy,
                cut=(key, abs(lots)),
            )


def funding_cost(standing: Standing, limits: GuardLimits) -> Iterator[Verdict]:
    """Funding eats so much of the equity in a day."""
    most, midnight = limits.funding_cost, standing.baselines.midnight
    if most is None or standing.funding is None or midnight.atoms <= 0:
        return
    paid = standing.baselines.funding_at_midnight - standing.funding
    part = Fraction(paid.atoms, midnight.atoms)
    if part >= most:
        text = f"{paid} of funding was paid since midnight UTC, {share(part)} of the equity"
        yield Verdict("funding_cost", "the desk", share(most), share(part), text, Action.REDUCE)


def silence(standing: Standing, limits: GuardLimits) -> Iterator[Verdict]:
    """A venue that used to tell of margins has not for too long: what it does with our positions is not known."""
    most_ns = limits.report_age_ns
    for scope, _, age_ns in standing.margins:
        if most_ns is not None and age_ns > most_ns:
            text = f"{scope} has told nothing of its margin for {_rough(age_ns)}"
            yield Verdict("silence", scope, duration_text(most_ns), _rough(age_ns), text, Action.REDUCE)


def unknown_worth(standing: Standing, _limits: GuardLimits) -> Iterator[Verdict]:
    """What is held cannot be valued: a loss would not be seen."""
    if standing.equity is not None:
        return
    names = (
        ", ".join(sorted({held.key for held in standing.held if held.unrealised is None}))
        or "fees or funding"
    )
    text = f"the worth of {names} is not known: losses cannot be seen until it is"
    yield Verdict("unknown_worth", "the desk", "a price", "none", text, Action.WARN)


GUARDS: Final[tuple[Guard, ...]] = (
    margin_failures,
    no_progress,
    account_loss,
    emergency_loss,
    daily_loss,
    drawdown,
    margin_ratio,
    liquidation_distance,
    funding_cost,
    silence,
    unknown_worth,
)


def share(part: Fraction | Decimal) -> str:
    """Write a share as people do: 12.5%, rounded to a hundredth of a percent."""
    return f"{plain(Decimal(round(Fraction(part) * 10_000)) / 100)}%"


def _lost(
    standing: Standing, most: Decimal | None, guard: str, before: Money, since: str, action: Action
) -> Verdict | None:
    if most is None or standing.equity is None or before.atoms <= 0:
        return None
    lost = before - standing.equity
    part = Fraction(lost.atoms, before.atoms)
    if part < most:
        return None
    text = f"{lost} is lost since {since}, {share(part)} of {before}"
    return Verdict(guard, "the desk", share(most), share(part), text, action)


def _worst(held: Sequence[Held]) -> Held | None:
    """Return the position that loses most; None if none loses."""
    losing = [
        each for each in held if each.lots and each.unrealised is not None and each.unrealised.atoms < 0
    ]
    return min(losing, key=lambda each: (each.unrealised or Money(0, "")).atoms, default=None)


def _rough(time_ns: int) -> str:
    """Write a time in whole seconds: a figure in a message need not be exact to the nanosecond."""
    return duration_text(time_ns // 1_000_000_000 * 1_000_000_000)
