"""Do our fills agree with hftbacktest's? Fill by fill, on shared data and models, each difference with its cause.

    benchmarks/run replay_agreement [--rows 10000] [--seed 1] [--only WORD]

agreement/markets.py   markets (clean, crossed, heard late, …), scripts of orders, models
agreement/theirs.py    hftbacktest plays them
agreement/bent.py      the naive replay of tests/kit with hftbacktest's choices in place of ours, one after the other

How a difference gets its cause: the naive replay must fill exactly what our kernel fills; with all of CHOICES bent it
must fill exactly what they fill; in between, the choice that brings or takes a fill is its cause. Whatever does not
come out is unexplained, and the program fails. A maker that answers to what it sees is played where there is nothing
to choose: it must get the same fills on both sides, and at the same nanosecond unless floating point says otherwise
of the latency between two recorded ones. What the choices are, and why ours: docs/replay.md.
"""

from __future__ import annotations

import argparse
import sys
from bisect import bisect_right
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numba import njit

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from agreement.bent import CHOICES, bent
from agreement.markets import (
    DATA,
    GAP,
    LATENCIES,
    MS,
    QUEUES,
    STEP_NS,
    STYLES,
    WIDTH,
    Data,
    Do,
    Fill,
    Model,
    assumed,
    quote,
    recorded,
    reported,
    script,
)
from agreement.theirs import their_players, their_rows, their_world, theirs

from xtrade.model.instruments import Instrument, Kind
from xtrade.sim.replay import desk
from xtrade.sim.replay.kernel import advance
from xtrade.sim.replay.layout import (
    EMPTY,
    FILL_COUNT,
    FILLS,
    REPORT_ID,
    REPORT_LOTS,
    REPORT_MAKER,
    REPORT_NS,
    REPORT_TICKS,
    REPORT_VENUE_NS,
    REPORT_WORDS,
    Reason,
    Style,
)
from xtrade.sim.replay.memory import world_for
from xtrade.sim.replay.models import Assumptions
from xtrade.sim.replay.tape import Tape

END = int(Reason.END)
POST_ONLY, IOC = int(Style.POST_ONLY), int(Style.IOC)
FEEDBACK = ("clean book", "crossed book", "heard late", "snapshots")
"""Data without gaps, on which whole fills of risk-averse queues leave nothing to choose."""
NANOSECOND = "nanosecond"
CAUSES = CHOICES | {
    NANOSECOND: "between two recorded latencies they round otherwise: a nanosecond sooner or later"
}


# -- ours ------------------------------------------------------------------------------------------------------------


def tape(data: Data) -> Tape:
    instrument = Instrument(
        venue="bench", symbol="BTC/USDT:USDT", native="BTC", kind=Kind.LINEAR, base="BTC", quote="USDT",
        settle="USDT", tick=Decimal(str(data.tick)), lot=Decimal(str(data.lot)),
    )  # fmt: skip
    names = ("local_ns", "venue_ns", "kind", "side", "ticks", "lots")
    columns = (np.array(column, np.int64) for column in zip(*data.rows, strict=True))
    return Tape.from_columns(instrument, **dict(zip(names, columns, strict=True)))


def ours(played: Tape, doings: list[Do], assumptions: Assumptions) -> list[Fill]:
    world = world_for(played, [assumptions], orders=1024, messages=4096, fills=1 << 20, window=None)
    at = int(world.ctypes.data)
    places: dict[int, int] = {}
    for do in doings:
        while not advance(at, do.ns) & Reason.TIME:
            pass
        if do.what == "place":
            places[do.name] = desk.place(at, 0, do.name, do.side, STYLES[do.style], do.ticks, do.lots)
        else:
            desk.cancel(at, places[do.name], do.name)
    while not advance(at, 2**62) & Reason.END:
        pass
    return logged(world)


def logged(world: np.ndarray) -> list[Fill]:
    log = world[world[FILLS] :][: world[FILL_COUNT] * REPORT_WORDS].reshape(-1, REPORT_WORDS)
    words = [REPORT_ID, REPORT_NS, REPORT_VENUE_NS, REPORT_TICKS, REPORT_LOTS, REPORT_MAKER]
    return reported([Fill(*row[:5], bool(row[5])) for row in log[:, words].tolist()])


# -- the comparison --------------------------------------------------------------------------------------------------


class Verdict(NamedTuple):
    ours: int
    theirs: int
    same: int
    causes: Counter[str]
    unexplained: list[tuple[str, Fill]]
    uncompared: int


def applicable(data: Data, model: Model) -> list[str]:
    """Return the choices that can matter to a model on this data."""
    estimated = model.queue != "risk-averse"
    matters = {
        "gap": any(row[2] == GAP for row in data.rows),
        "far levels": True,
        "half a lot": estimated,
        "front": estimated,
        "overshoot": estimated and model.partial,
        "quantities": data.lot != 1.0,
        "rest": model.partial,
    }
    return [choice for choice in CHOICES if matters[choice]]


def compare(play, data: Data, model: Model, seed: int) -> Verdict:
    doings, measured = script(data, seed), recorded(data, seed)
    assumptions = assumed(model, data, measured)
    our_fills = ours(tape(data), doings, assumptions)
    their_fills, stopped = theirs(play, data, their_rows(data), doings, model, measured)
    until = stopped or 2**62
    mine = {fill for fill in our_fills if fill.heard_ns <= until}
    others = set(their_fills)
    causes: Counter[str] = Counter()
    unexplained: list[tuple[str, Fill]] = []
    if mine != others or stopped:
        choices = applicable(data, model)
        steps = [{f for f in bent(data, doings, assumptions, [])[0] if f.heard_ns <= until}]
        for number in range(1, len(choices) + 1):
            fills, ended = bent(
                data, doings, assumptions, choices[:number], stops=number == len(choices) and model.partial
            )
            steps.append({fill for fill in fills if fill.heard_ns <= until})
        unexplained += [
            ("the naive replay fills otherwise than our kernel", fill) for fill in mine ^ steps[0]
        ]
        unexplained += [("the bent replay fills otherwise than they do", fill) for fill in others ^ steps[-1]]
        if (ended is None) != (stopped is None) or (ended and not 0 <= ended - until < 100 * MS):
            unexplained.append(
                (f"they stopped at {stopped}, the bent replay at {ended}", Fill(0, 0, 0, 0, 0, False))
            )
        for fill in mine ^ others:
            turns = [n for n in range(1, len(steps)) if (fill in steps[n]) != (fill in steps[n - 1])]
            if turns:
                causes[choices[turns[-1] - 1]] += 1
            else:
                unexplained.append(("no choice brings or takes it", fill))
    return Verdict(
        len(mine), len(others), len(mine & others), causes, unexplained, len(our_fills) - len(mine)
    )


# -- a maker that answers to what it sees ------------------------------------------------------------------------------


@njit
def maker(world, first_ns, step_ns):
    """Renew three quotes a side, every step, and take back what is held too much of."""
    now = first_ns
    name = 0
    places = np.zeros(2 * WIDTH, np.int64)
    names = np.zeros(2 * WIDTH, np.int64)
    while True:
        now += step_ns
        while True:
            reasons = advance(world, now)
            if reasons & END:
                return
            if reasons & 1:
                break
        bid = desk.best_bid(world, 0)
        ask = desk.best_ask(world, 0)
        for place in range(2 * WIDTH):
            if names[place]:
                desk.cancel(world, places[place], names[place])
            names[place] = 0
        if bid == EMPTY or ask == -EMPTY:
            continue
        held = desk.position(world, 0)
        for place in range(2 * WIDTH + 1):
            side, ticks, lots, takes = quote(place, held, bid, ask)
            if lots == 0:
                continue
            name += 1
            at = desk.place(world, 0, name, side, IOC if takes else POST_ONLY, ticks, lots)
            if not takes:
                names[place] = name
                places[place] = at


def compare_makers(make, data: Data, model: Model, seed: int) -> Verdict:
    """Compare what a maker gets that sees its own fills and the book: here nothing may differ."""
    measured = recorded(data, seed)
    played = tape(data)
    first_ns = min(row[1] for row in data.rows)
    world = world_for(
        played, [assumed(model, data, measured)], orders=1024, messages=4096, fills=1 << 20, window=None
    )
    maker(world.ctypes.data, first_ns, STEP_NS)
    mine = set(logged(world))
    record = np.zeros((1 << 18, 6), np.int64)
    rows = their_rows(data)
    other = their_world(data, rows, model, measured)
    count, _, _ = make(other, first_ns, STEP_NS, record)
    other.close()
    others = {Fill(*row[:5], bool(row[5])) for row in record[:count].tolist()}
    differ = mine ^ others
    if model.latency == "recorded":
        differ -= rounded_otherwise(sorted(mine - others), sorted(others - mine), measured, first_ns)
    causes = Counter({NANOSECOND: len(mine ^ others) - len(differ)})
    unexplained = [("nothing should differ here", fill) for fill in sorted(differ)]
    return Verdict(len(mine), len(others), len(mine & others), causes, unexplained, 0)


def rounded_otherwise(mine: list[Fill], others: list[Fill], measured: np.ndarray, first_ns: int) -> set[Fill]:
    """Return the fills that are the same but for the latency of their request and report.

    Both sides draw a straight line between two recorded latencies, in floating point: we take the share of the time
    that has passed, they the slope. Each pair must be exactly what the two ways of writing it say.
    """
    asked, there, answered = (measured[name].tolist() for name in ("req_ts", "exch_ts", "resp_ts"))
    theirs_by_name = {(fill.name, fill.ticks, fill.lots, fill.maker): fill for fill in others}
    found: set[Fill] = set()
    for our in mine:
        their = theirs_by_name.get((our.name, our.ticks, our.lots, our.maker))
        if their is None or our.maker:
            continue
        told = between(there, answered, our.venue_ns, by_share=True), between(there, answered, their.venue_ns)
        if told != (our.heard_ns, their.heard_ns):
            continue
        steps = range(first_ns, our.venue_ns, STEP_NS)[-2:]  # a request takes less than two steps
        arrivals = [(between(asked, there, ns, by_share=True), between(asked, there, ns)) for ns in steps]
        if (our.venue_ns, their.venue_ns) in arrivals:
            found |= {our, their}
    return found


def between(starts: list[int], ends: list[int], ns: int, *, by_share: bool = False) -> int:
    """Return when a message of `ns` arrives, if those that left at `starts` arrived at `ends`."""
    after = bisect_right(starts, ns)
    before, following = starts[after - 1], starts[after]
    first = ends[after - 1] - before
    more = ends[after] - following - first
    if by_share:
        return ns + first + int(more * ((ns - before) / (following - before)))
    return ns + first + int(more / (following - before) * (ns - before))


# -- the program -----------------------------------------------------------------------------------------------------


def models() -> list[Model]:
    found = [Model("risk-averse", partial, latency) for partial in (False, True) for latency in LATENCIES]
    for queue in list(QUEUES)[1:]:
        found += [Model(queue, False, "constant"), Model(queue, True, "none"), Model(queue, True, "recorded")]
    return found


def told(name: str, what: str, verdict: Verdict, causes: list[str]) -> None:
    counts = "".join(f" {verdict.causes[cause] or '':>10} |" for cause in causes)
    print(
        f"| {name:<20} | {what:<34} | {verdict.ours:>6} | {verdict.theirs:>6} | {verdict.same:>6} |{counts}"
        f" {len(verdict.unexplained):>11} | {verdict.uncompared:>10} |",
        flush=True,
    )
    for why, fill in verdict.unexplained[:5]:
        print(f"    unexplained: {why}: {fill}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="only data whose name has this in it")
    options = parser.parse_args()
    try:
        play, make = their_players()
    except ModuleNotFoundError:
        sys.exit("hftbacktest is not installed: benchmarks/run replay_agreement")
    causes = list(CAUSES)
    heads = "".join(f" {cause:>10} |" for cause in causes)
    print(
        f"| {'data':<20} | {'models':<34} | {'ours':>6} | {'theirs':>6} | {'same':>6} |{heads}"
        " unexplained | uncompared |"
    )
    unexplained = 0
    total: Counter[str] = Counter()
    for name, generate in DATA.items():
        if options.only not in name:
            continue
        data = generate(options.rows, options.seed)
        for model in models():
            verdict = compare(play, data, model, options.seed)
            what = f"{model.queue}, {'partial' if model.partial else 'whole'}, {model.latency}"
            told(name, what, verdict, causes)
            unexplained += len(verdict.unexplained)
            total += verdict.causes
            total["ours"] += verdict.ours
            total["theirs"] += verdict.theirs
            total["same"] += verdict.same
    for name in FEEDBACK:
        if options.only not in name:
            continue
        data = DATA[name](10 * options.rows, options.seed)
        for latency in LATENCIES[1:]:
            verdict = compare_makers(make, data, Model("risk-averse", False, latency), options.seed)
            told(name, f"maker: risk-averse, whole, {latency}", verdict, causes)
            unexplained += len(verdict.unexplained)
            total += verdict.causes
            total["ours"] += verdict.ours
            total["theirs"] += verdict.theirs
            total["same"] += verdict.same
    print(
        f"\nof {total['ours']} fills of ours and {total['theirs']} of theirs, {total['same']} are the same."
        " Where they differ, and how often:"
    )
    for cause, words in CAUSES.items():
        print(f"{total[cause]:>8}  {cause}: {words}")
    print(f"{unexplained:>8}  unexplained")
    sys.exit(1 if unexplained else 0)


if __name__ == "__main__":
    main()
