"""`xtrade explain`: why a strategy is, or is not, trading."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import cyclopts
from cyclopts import Parameter
from msgspec import Struct, to_builtins

from xtrade.app.desk_flags import JournalFlag, RunFlag, looked_at
from xtrade.app.desk_reasons import NOT_KNOWN, Setting, reasons, setting_of
from xtrade.app.desk_tables import Standing, standing
from xtrade.app.output import Json, answer
from xtrade.model.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from rich.text import Text

    from xtrade.app.config.load import Loaded
    from xtrade.app.desk import Desk

__all__ = ["app"]

app = cyclopts.App(name="explain", usage="xtrade explain [OPTIONS] [STRATEGY]")


class Reason(Struct, frozen=True, kw_only=True):
    """One answer: whether it blocks, which check gave it, its limit and figure, and the option that sets that."""

    blocks: bool
    check: str
    text: str
    limit: str
    figure: str
    setting: str
    set_to: Setting | None
    """What the configuration here says of the option; None where it says nothing."""


class Explained(Struct, frozen=True, kw_only=True):
    """One strategy: whether anything blocks it, and why."""

    strategy: str
    blocked: bool
    reasons: tuple[Reason, ...]


class Explanation(Struct, frozen=True, kw_only=True):
    """Every strategy that was asked about."""

    standing: Standing
    strategies: tuple[Explained, ...]
    not_known: str


@app.default
def explain(
    strategy: Annotated[
        str | None, Parameter(metavar="STRATEGY", help="One strategy; without it, every one there is.")
    ] = None,
    /,
    *,
    run: RunFlag = None,
    journal: JournalFlag = None,
    config: Annotated[
        Path | None,
        Parameter(
            name="--config",
            metavar="FILE",
            help="The run's configuration, to name the lines that set limits.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Say why a strategy is, or is not, trading: what blocks it, the figures, the line that sets it.

    It is told from the journal: the run that ended or died, the dial and who turned it, what the gate refused and never
    let out since, what the venue did not take, failures, words of the guards. The limits are those that were in force;
    the lines are those of the configuration as it is now. What only the running node knows is said to be so.

    **Examples**

    - `xtrade explain`
    - `xtrade explain maker --config examples/quickstart.toml`
    - `xtrade explain maker --run runs/quickstart --json`
    """
    from xtrade.app.config.load import load

    loaded = load(config)
    _, desk = looked_at(run, journal)
    names = _asked_for(strategy, desk, loaded)
    found = Explanation(
        standing=standing(desk),
        strategies=tuple(_explained(desk, name, loaded) for name in names),
        not_known=NOT_KNOWN,
    )
    answer(to_builtins(found, enc_hook=str), json=json, human=lambda: _drawn(found))


def _asked_for(strategy: str | None, desk: Desk, loaded: Loaded) -> list[str]:
    # One that is configured and has never asked for an order is in no journal: that is worth knowing too, by name.
    known = desk.strategies()
    if strategy is None:
        return known or sorted(loaded.config.strategies)
    every = sorted({*known, *loaded.config.strategies})
    if strategy not in every:
        there = ", ".join(every) or "none"
        raise UsageError(
            f"{desk.journal} has no strategy {strategy!r}, and neither has the configuration: there is {there}."
            f"{did_you_mean(strategy, every)}"
        )
    return [strategy]


def _explained(desk: Desk, name: str, loaded: Loaded) -> Explained:
    found = tuple(
        Reason(
            blocks=each.blocks,
            check=each.check,
            text=each.text,
            limit=each.limit,
            figure=each.figure,
            setting=each.setting,
            set_to=setting_of(loaded, each.setting),
        )
        for each in reasons(desk, name)
    )
    return Explained(strategy=name, blocked=any(each.blocks for each in found), reasons=found)


def _drawn(found: Explanation) -> Text:
    from rich.text import Text

    parts = [_strategy(each) for each in found.strategies] or [Text("There is no strategy.")]
    return Text("\n\n").join([*parts, Text(found.not_known, style="dim")])


def _strategy(each: Explained) -> Text:
    from rich.text import Text

    text = Text(each.strategy, style="bold")
    if each.blocked:
        text.append(": held back", style="bold red")
    else:
        text.append(": nothing in the journal holds it back", style="green")
    for reason in each.reasons:
        text.append(
            f"\n  {'BLOCKED by ' if reason.blocks else ''}{reason.check}", "red" if reason.blocks else ""
        )
        text.append(f": {reason.text}", style="not bold")
        if reason.limit:
            text.append(f" (limit {reason.limit}, figure {reason.figure})", style="not bold")
        if reason.setting:
            text.append(f"\n    {_set(reason)}", style="dim not bold")
    return text


def _set(reason: Reason) -> str:
    if reason.set_to is None:
        return f"set by {reason.setting}, which the configuration here does not have: name the run's with --config"
    where = reason.set_to.where
    return f"set by {reason.set_to.key} = {reason.set_to.value} ({where})"
