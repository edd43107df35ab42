"""What a run of a node was worth, in the form a back-test's result is.

result_of(node).save(folder)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec.structs import replace

from xtrade.app.config.model import Config
from xtrade.model.fills import Fill
from xtrade.model.ids import ClientOrderId
from xtrade.model.numbers import plain
from xtrade.model.sides import Side
from xtrade.research.backtest import run_of
from xtrade.research.fingerprint import fingerprint, fingerprint_of_bytes
from xtrade.research.recording import FillRow, Recording, Samples
from xtrade.research.result import Result

if TYPE_CHECKING:
    from xtrade.app.node import Node
    from xtrade.app.plan import Plan

__all__ = ["result_of"]


def result_of(node: Node) -> Result:
    """Return what a run that is over was worth; what it began with is entered at the first price there was."""
    session, recorder, plan = node.session, node.recorder, node.plan
    for what, count in session.engine.unusual.items():
        recorder.count(what, "see the journal of the run", count)
    samples = node.sampler.samples()
    assumptions, data, made_from = plan.place.told()
    recording = Recording(
        instruments={key: (session.books.instrument(key),) for key in session.engine.watched},
        strategies={
            name: run_of(strategy, recorder.failures.get(name))
            for name, strategy in session.engine.strategies.items()
        },
        capital=plan.balances[0],
        samples=samples,
        start_ns=session.start_ns,
        end_ns=node.end_ns,
        orders=recorder.orders(),
        fills=[*_carried_in(node, samples), *recorder.fills],
        funding=recorder.funding,
        unusual=recorder.unusual,
        seed=plan.seed,
        kind="run on paper" if plan.place.mode == "paper" else "run at venues",
        assumptions=assumptions,
        data=(data,),
        same_as=_same_as(plan),
        config=msgspec.to_builtins(_shown(node), enc_hook=str),
    )
    made_of = fingerprint(recording, data=fingerprint_of_bytes([made_from]))
    return Result.of(recording, name=plan.name, fingerprint=made_of)


def _same_as(plan: Plan) -> tuple[str, ...]:
    """At venues the desk's word on which currencies are worth the same holds; the built-in exchange has prices."""
    risk = plan.config.risk
    units = (risk.currency, *risk.same_as)
    return units if plan.place.mode == "live" and plan.balances[0].currency in units else ()


def _shown(node: Node) -> Config:
    """The configuration without what a database's address may hold: it goes into files that are passed around."""
    config = node.plan.config
    if node.journal is None or config.journal.place is None:
        return config
    return replace(config, journal=replace(config.journal, place=node.journal.store.name))


def _carried_in(node: Node, samples: Samples) -> Iterator[FillRow]:
    start_ns = node.session.start_ns
    for (strategy, key), position in node.carried.items():
        if not position.lots:
            continue
        instrument, mids = node.session.books.instrument(key), samples.mid(key)
        known = mids[~np.isnan(mids)]
        price = float(known[0]) if len(known) else float(position.entry_price(instrument) or instrument.tick)
        node.recorder.count(
            "positions carried over from the run before",
            f"{strategy}: {plain(instrument.quantity(position.lots))} of {key}, counted from {price:g}",
        )
        yield FillRow(
            client_order_id=ClientOrderId(0),
            strategy=strategy,
            instrument=key,
            instrument_version=instrument.version,
            fill=Fill(
                trade_id="carried over",
                side=Side.BUY if position.lots > 0 else Side.SELL,
                ticks=max(1, round(price / float(instrument.tick))),
                lots=abs(position.lots),
                venue_ns=start_ns,
            ),
            received_ns=start_ns,
        )
