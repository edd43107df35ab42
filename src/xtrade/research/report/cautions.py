"""What a reader must know before believing a figure, loudest first.

A caution is grave when the figures cannot be taken for what the strategy would have done, otherwise it says how much
they are worth. All are drawn from what the run counted: nothing is guessed from words.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from msgspec import Struct

from xtrade.research.recording import REFUSED
from xtrade.research.report.figures import amount, count, money, span
from xtrade.research.report.run import Run

__all__ = ["Caution", "cautions"]

FEW_FILLS: Final = 30
KIND_ASSUMPTIONS: Final = {
    "fills by complete": "An order was filled whole as soon as the market came to it, whatever traded there.",
    "rests fills 0 ticks beyond": "A waiting order was filled as soon as a bar touched its price, as if nobody had"
    " waited before it.",
    "spread 0 ticks, slippage 0": "Takers paid neither spread nor slippage.",
}
"""What the assumptions, in their own words, say when they are chosen for comparison rather than for truth."""

ON_BARS: Final = "orders act from the next bar on"
"""What the assumptions say when bars were played."""

SHORT_NS: Final = 7 * 86_400 * 10**9
MANY_REFUSED: Final = 0.05
"""The share of refused orders from which they are more than a footnote."""


class Caution(Struct, frozen=True, kw_only=True):
    """One thing to know: what it is in a few words, what it means, and the evidence as it was recorded."""

    head: str
    text: str
    evidence: str = ""
    grave: bool = False


def cautions(run: Run) -> list[Caution]:
    """Return everything to know before reading on; grave ones first."""
    found = [
        *_failures(run),
        *_ruin(run),
        *_few(run),
        *_kindness(run),
        *_refusals(run),
        *_unusual(run),
        *_left(run),
    ]
    return sorted(found, key=lambda caution: not caution.grave)


def _failures(run: Run) -> Iterator[Caution]:
    for name, failure in run.about.failures.items():
        yield Caution(
            head=f"{name} failed.",
            text="It stopped trading there; everything below is of the time before, or of the others.",
            evidence=failure,
            grave=True,
        )


def _ruin(run: Run) -> Iterator[Caution]:
    broke = np.flatnonzero(run.equity["equity"] <= 0)
    if len(broke):
        after = int(run.equity["time_ns"][broke[0]]) - run.start_ns
        yield Caution(
            head="The capital was lost.",
            text=f"Equity fell to zero {span(after)} after the start. A venue would have closed the positions before"
            " that: nothing after it could have happened.",
            grave=True,
        )


def _few(run: Run) -> Iterator[Caution]:
    fills = len(run.fills["side"])
    if not fills:
        placed = len(run.orders["status"])
        yield Caution(
            head="Nothing was traded.",
            text="No order was placed." if not placed else f"None of {count(placed)} orders was filled.",
            grave=True,
        )
    elif fills < FEW_FILLS:
        yield Caution(
            head=f"Only {count(fills)} {'fill' if fills == 1 else 'fills'}.",
            text="So few say next to nothing about a strategy: every ratio below may be luck.",
        )
    if fills and run.end_ns - run.start_ns < SHORT_NS:
        yield Caution(
            head=f"Only {span(run.end_ns - run.start_ns)} of data.",
            text="One stretch of one kind of market: yearly figures drawn from it are arithmetic, not a forecast.",
        )


def _kindness(run: Run) -> Iterator[Caution]:
    orders = run.orders
    acknowledged = orders["accepted_ns"] >= 0
    if acknowledged.any() and not (orders["accepted_ns"] - orders["decided_ns"])[acknowledged].any():
        yield Caution(
            head="No latency was assumed.",
            text="What was decided at a close was answered at the open after it. Bars know no shorter time: only"
            " slippage_ticks stands for what happens in between."
            if any(ON_BARS in sentence for sentence in run.about.assumptions)
            else "Every order reached the venue at the moment of its decision. Live, prices move on in between, mostly"
            " against you: run again with the latency of your line.",
        )
    for phrase, text in KIND_ASSUMPTIONS.items():
        said = [sentence for sentence in run.about.assumptions if phrase in sentence]
        if said:
            yield Caution(head="Fills are kinder than a venue.", text=text, evidence=said[0])
    fees = run.fills["fee"]
    if len(fees) and not fees.any():
        yield Caution(
            head="No fees were assumed.",
            text="Every fill was free. Few accounts trade like that: give the instruments the fees of yours.",
        )
    unpriced = int(np.isnan(fees).sum())
    if unpriced:
        yield Caution(
            head=f"{count(unpriced)} fills have no fee.",
            text="Nobody told what they cost; they are counted as free.",
        )


def _refusals(run: Run) -> Iterator[Caution]:
    status, reasons = run.orders["status"], run.orders["reason"]
    for fate, by in ((REFUSED, "risk rules"), ("rejected", "the venue")):
        of_fate = status == fate
        total = int(of_fate.sum())
        if not total:
            continue
        share = total / len(status)
        rules: dict[str, int] = {}
        for reason in reasons[of_fate].tolist():
            rule = reason.partition(":")[0] or "no reason told"
            rules[rule] = rules.get(rule, 0) + 1
        listed = sorted(rules.items(), key=lambda rule: (-rule[1], rule[0]))
        named = ", ".join(f"{rule} ({count(times)})" for rule, times in listed[:5])
        yield Caution(
            head=f"{count(total)} of {count(len(status))} orders were refused by {by}.",
            text=("The strategy did not trade as it meant to: " if share >= MANY_REFUSED else "By: ")
            + named
            + ".",
            grave=share >= 0.5,
        )


def _unusual(run: Run) -> Iterator[Caution]:
    # A run also counts what its orders and failures tell already, with their shares: said once is enough.
    status = run.orders["status"]
    said = tuple(
        prefix
        for prefix, told in (
            ("strategy failed", bool(run.about.failures)),
            ("orders refused by the rule", bool((status == REFUSED).any())),
            ("orders rejected by the venue", bool((status == "rejected").any())),
        )
        if told
    )
    for name, unusual in run.about.unusual.items():
        if name.startswith(said):
            continue
        times, example = unusual.count, unusual.example
        yield Caution(
            head=f"{name[:1].upper()}{name[1:]}: {count(times)} {'time' if times == 1 else 'times'}.",
            text="For example:" if times > 1 else "",
            evidence=example,
        )


def _left(run: Run) -> Iterator[Caution]:
    for (strategy, key), table in run.ledgers.items():
        lots = int(table["lots"][-1])
        if not lots:
            continue
        market = run.by_key[key]
        held = abs(float(table["quantity"][-1]))
        on_paper = money(float(table["unrealised"][-1]), run.currency, plus=True)
        side = "long" if lots > 0 else "short"
        yield Caution(
            head=f"{strategy} ended {side}.",
            text=f"{amount(held, market.unit)} on {key} were still held: {on_paper} of the result is on paper,"
            " valued at the mid, and closing it would cost spread and fees.",
        )
