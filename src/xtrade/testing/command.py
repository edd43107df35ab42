"""`xtrade-worlds`: play many worlds, and show the smallest plan with which one fails."""

from __future__ import annotations

import sys
import traceback
from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Final

import cyclopts
from cyclopts import Parameter

from xtrade.model.errors import UsageError, XtradeError, did_you_mean
from xtrade.runtime import clock
from xtrade.testing.faults import FAULTS, FaultPlan
from xtrade.testing.world import World, play, smallest

__all__ = ["main", "worlds"]

app: Final = cyclopts.App(name="xtrade-worlds", version_flags=[], usage="xtrade-worlds [OPTIONS]")


@app.default
def worlds(
    *,
    seeds: Annotated[int, Parameter(metavar="COUNT", help="How many worlds, one for each seed.")] = 20,
    first: Annotated[int, Parameter(metavar="SEED", help="The first seed.")] = 0,
    minutes: Annotated[
        float | None, Parameter(metavar="MINUTES", help="Play seed after seed for so long instead.")
    ] = None,
    seconds: Annotated[
        float, Parameter(metavar="SECONDS", help="Virtual time with faults in each world.")
    ] = 120.0,
    fault: Annotated[
        tuple[str, ...],
        Parameter(
            metavar="NAME=P", negative="", show_default=False, help="Play this fault instead of drawn ones."
        ),
    ] = (),
) -> int:
    """Play whole sessions at an exchange that is reached over a bad way, and check what must hold.

    A world that fails is played again without one fault after the other, and shown with the fewest that still fail
    and the command that repeats it. The exit code is 1 then.

    **Examples**

    - `xtrade-worlds --seeds 100`
    - `xtrade-worlds --minutes 10 --first 5000`
    - `xtrade-worlds --first 17 --seeds 1 --fault answer_lost=0.2`
    """
    plan = _plan_of(fault)
    reached: Counter[str] = Counter()
    corrected: Counter[str] = Counter()
    until_ns = None if minutes is None else clock.monotonic_ns() + round(minutes * 60e9)
    played = 0
    while played < seeds if until_ns is None else clock.monotonic_ns() < until_ns:
        seed = first + played
        played += 1
        world = play(seed, plan=plan, seconds=seconds)
        reached += world.reached
        corrected += world.differences
        _tell(
            f"seed {seed}: {'FAILED' if world.violations else 'true'} with {', '.join(world.plan.on) or 'no fault'}"
        )
        if world.violations:
            _explain(world, seconds)
            return 1
    _tell(f"{played} worlds ended in the truth.")
    _tell(f"Faults that happened: {_counted(reached)}.")
    _tell(f"Put right: {_counted(corrected)}.")
    if missing := sorted(set(FAULTS) - set(reached)):
        _tell(f"Never happened, and so not tested: {', '.join(missing)}.")
    return 0


def main() -> None:
    """Run the command."""
    try:
        sys.exit(app())
    except XtradeError as error:
        sys.stderr.write(f"xtrade-worlds: {error}\n")
        sys.exit(2)


def _plan_of(given: Iterable[str]) -> FaultPlan | None:
    likely: dict[str, float] = {}
    for each in given:
        name, _, value = each.partition("=")
        if name not in FAULTS:
            raise UsageError(
                f"--fault {each}: expected NAME=P with a name of {', '.join(FAULTS)}{did_you_mean(name, FAULTS)}"
            )
        try:
            likely[name] = float(value)
        except ValueError:
            raise UsageError(f"--fault {each}: expected a probability, as {name}=0.2") from None
    return FaultPlan(**likely) if likely else None


def _explain(world: World, seconds: float) -> None:
    for violation in world.violations:
        _tell(f"  {violation.invariant} at {violation.at_ns / 1e9:.3f} s: {violation.text}")
    if world.failure is not None:
        _tell("".join(traceback.format_exception(world.failure)))
    _tell("  looking for the fewest faults that still fail …")
    plan = smallest(world.seed, world.plan, lambda each: bool(each.violations), seconds=seconds)
    # Without any fault that is named, the seed would draw some.
    faults = " ".join(f"--fault {name}={getattr(plan, name)!r}" for name in plan.on or ("place_lost",))
    _tell(f"Repeat: xtrade-worlds --first {world.seed} --seeds 1 --seconds {seconds:g} {faults}")


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} x {name}" for name, count in counts.most_common()) or "none"


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
