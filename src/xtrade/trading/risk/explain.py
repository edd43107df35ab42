"""Why a strategy is, or is not, trading right now: the check that blocks it, its figures, the option that sets it.

    for finding in explain(picture(engine, "maker")): …

`picture` asks the gate what it would say to the smallest order on each side of each market that the strategy has
declared; `explain` turns that, and what the strategy did lately, into findings, what blocks most first. Nothing is sent
and nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from xtrade.model.durations import duration_text
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument
from xtrade.model.orders import OrderIntent, OrderType, TimeInForce
from xtrade.model.sides import Side
from xtrade.trading.risk.situation import Refusal
from xtrade.trading.risk.state import TradingState

if TYPE_CHECKING:
    from xtrade.trading.engine import Engine
    from xtrade.trading.risk.guards import Verdict

__all__ = ["SETTINGS", "Finding", "Picture", "Probe", "explain", "picture"]

SECOND: Final = 1_000_000_000

SETTINGS: Final[Mapping[str, str]] = {
    "instruments": "strategies.{name}.instruments",
    "stale_quotes": "strategies.{name}.quote_age_ms_max",
    "price_band": "strategies.{name}.price_band",
    "order_size": "strategies.{name}.order_base_max",
    "order_value": "strategies.{name}.order_value_max",
    "position": "strategies.{name}.position_value_max",
    "position_base": "strategies.{name}.position_base_max",
    "open_orders": "strategies.{name}.open_orders_max",
    "order_rate": "strategies.{name}.orders_per_second_max",
    "desk_instruments": "risk.instruments",
    "desk_open_orders": "risk.open_orders_max",
    "desk_order_rate": "risk.orders_per_second_max",
    "desk_position": "risk.position_value_max",
    "desk_base": "risk.base_max",
    "desk_venue": "risk.venue_value_max",
    "desk_gross": "risk.gross_value_max",
    "desk_net": "risk.net_value_max",
    "margin_failures": "risk.guards.margin_failures_max",
    "no_progress": "risk.guards.no_progress",
    "account_loss": "risk.guards.account_loss",
    "emergency_loss": "risk.guards.emergency_loss",
    "daily_loss": "risk.guards.daily_loss",
    "drawdown": "risk.guards.drawdown",
    "margin_ratio": "risk.guards.margin_ratio",
    "liquidation_distance": "risk.guards.liquidation_distance",
    "funding_cost": "risk.guards.funding_cost",
    "silence": "risk.guards.report_age",
}
"""Which option of the configuration sets the limit of a rule or guard; those that are not here have none."""


class Probe(NamedTuple):
    """What the gate would say to the smallest order on one side of one market; None: it may go."""

    instrument: str
    side: Side
    refusal: Refusal | None


class Picture(NamedTuple):
    """What is looked at to explain one strategy."""

    name: str
    now_ns: int
    desk_state: TradingState
    desk_why: str
    state: TradingState
    why: str
    ended: bool
    probes: Sequence[Probe]
    open_orders: int
    asked_ns: int | None
    sent_ns: int | None
    refused: tuple[Refusal, int] | None
    """The last refusal, and when."""
    refused_by: Mapping[str, int]
    verdicts: Sequence[Verdict] = ()


class Finding(NamedTuple):
    """One answer. `blocks` says whether it keeps the strategy from trading; `setting` is the option to look at."""

    strategy: str
    blocks: bool
    check: str
    text: str
    limit: str = ""
    figure: str = ""
    setting: str = ""

    def line(self) -> str:
        """Say it in one line."""
        figures = f" (limit {self.limit}, figure {self.figure})" if self.limit else ""
        where = f" [{self.setting}]" if self.setting else ""
        return f"{self.strategy}: {'BLOCKED by ' if self.blocks else ''}{self.check}: {self.text}{figures}{where}"


def explain(picture: Picture) -> list[Finding]:
    """Return why a strategy is, or is not, trading: what blocks it first, then what it did lately."""
    return list(_findings(picture))


def picture(engine: Engine, name: str, verdicts: Sequence[Verdict] = ()) -> Picture:
    """Look at a strategy of an engine as it is now; `verdicts` are those of the guardian's last look."""
    context, gate, now_ns = engine.contexts[name], engine.gate, engine.now_ns
    conduct = gate.conduct[name]
    refused = conduct.refused
    return Picture(
        name=name,
        now_ns=now_ns,
        desk_state=gate.state,
        desk_why=gate.why,
        state=context.state,
        why=context.why,
        ended=context.ended,
        probes=[probe for key in engine.declared_by(name) for probe in _probes(engine, name, key)],
        open_orders=len(context.open_orders),
        asked_ns=conduct.asked_ns,
        sent_ns=conduct.sent_ns,
        refused=None if refused is None else (refused.refusal, refused.at_ns),
        refused_by=dict(conduct.refused_by),
        verdicts=[verdict for verdict in verdicts if verdict.strategy in {None, name}],
    )


def _probes(engine: Engine, name: str, key: str) -> Iterator[Probe]:
    context, gate = engine.contexts[name], engine.gate
    instrument = engine.instrument(key)
    for side in Side:
        intent = _smallest(engine, instrument, side, name)
        situation = gate.situation(context, instrument, engine.now_ns)
        # The dial is told of by itself; behind it, what else would stand in the way is of interest.
        situation = situation._replace(state=TradingState.ACTIVE)
        yield Probe(key, side, gate.judged(context, intent, situation, engine.now_ns))


def _smallest(engine: Engine, instrument: Instrument, side: Side, name: str) -> OrderIntent:
    """Return the smallest order that the venue would take, at the best price of its own side."""
    book = engine.book(instrument.key)
    ticks = book.bid_ticks if side is Side.BUY else book.ask_ticks
    lots = instrument.min_lots
    if ticks is not None and instrument.min_notional:
        lots = max(lots, instrument.lots_worth(instrument.min_notional, ticks=ticks, toward="up"))
    return OrderIntent(
        client_order_id=ClientOrderId(0),
        instrument=instrument.key,
        instrument_version=instrument.version,
        side=side,
        type=OrderType.MARKET if ticks is None else OrderType.LIMIT,
        lots=lots,
        ticks=ticks,
        time_in_force=TimeInForce.GTC,
        strategy=name,
        decided_ns=engine.now_ns,
    )


def _findings(seen: Picture) -> Iterator[Finding]:
    name = seen.name
    if seen.ended:
        text = seen.why or "the run has ended"
        yield Finding(name, True, "ended", f"{text}; start a new run to trade it again")
        return
    for whose, state, why in (("the desk", seen.desk_state, seen.desk_why), (name, seen.state, seen.why)):
        if state is not TradingState.ACTIVE:
            text = f"{whose} is {state}: {why or 'no reason was given'}"
            guard = why.partition(":")[0]
            yield Finding(name, True, "trading_state", text, setting=_setting(guard, name))
    blocked = list(_blocked(seen))
    yield from blocked
    for verdict in seen.verdicts:
        yield Finding(
            name,
            False,
            verdict.guard,
            verdict.reason,
            verdict.limit,
            verdict.figure,
            _setting(verdict.guard, name),
        )
    yield from _lately(seen)


def _blocked(seen: Picture) -> Iterator[Finding]:
    """Tell of the probes; the same answer on both sides of a market is told once."""
    by_market: dict[str, list[Probe]] = {}
    for probe in seen.probes:
        by_market.setdefault(probe.instrument, []).append(probe)
    for key, probes in by_market.items():
        rules = {probe.refusal.rule for probe in probes if probe.refusal is not None}
        both = len(rules) == 1 and all(probe.refusal is not None for probe in probes)
        for probe in probes[:1] if both else probes:
            if probe.refusal is None:
                continue
            rule, limit, figure, reason = probe.refusal
            which = f"no order on {key}" if both else f"no {probe.side} on {key}"
            # That nothing can be sold of what one does not have is how spot is, and hinders nobody who buys.
            blocks = both or rule != "spot_holdings"
            yield Finding(
                seen.name, blocks, rule, f"{which}: {reason}", limit, figure, _setting(rule, seen.name)
            )


def _lately(seen: Picture) -> Iterator[Finding]:
    name, now_ns = seen.name, seen.now_ns
    if seen.asked_ns is None:
        yield Finding(
            name, False, "strategy", "it has not asked for an order yet: what it waits for has not come"
        )
        return
    if seen.refused is not None:
        refusal, at_ns = seen.refused
        counts = ", ".join(f"{rule} {count}" for rule, count in sorted(seen.refused_by.items()))
        text = f"its last refusal was {_ago(now_ns, at_ns)}: {refusal.reason}; so far by rule: {counts}"
        yield Finding(
            name, False, refusal.rule, text, refusal.limit, refusal.figure, _setting(refusal.rule, name)
        )
    sent = (
        "none was let out" if seen.sent_ns is None else f"the last was let out {_ago(now_ns, seen.sent_ns)}"
    )
    text = f"it last asked for an order {_ago(now_ns, seen.asked_ns)}; {sent}; {seen.open_orders} open"
    yield Finding(name, False, "strategy", text)


def _setting(rule: str, name: str) -> str:
    return SETTINGS.get(rule, "").format(name=name)


def _ago(now_ns: int, then_ns: int) -> str:
    return (
        f"{duration_text((now_ns - then_ns) // SECOND * SECOND)} ago"
        if now_ns - then_ns >= SECOND
        else "just now"
    )
