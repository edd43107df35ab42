"""The guardian: looks at the desk on a timer, and does what the guards ask for.

    guardian = Guardian(engine, capital=Money.of(10_000, "USDT"), limits=GuardLimits())
    guardian.watch(every_ns=1_000_000_000)        # on the engine's own timers: in a back-test, on paper, live

What the guards find is worked out by pure functions (xtrade.trading.risk.guards, pairs); here it is only carried
out. A guard turns the dial one way: it is the operator who turns it back. To flatten takes several looks: orders are
canceled first, then what is held is closed, and what did not work is asked for again at the next look.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from xtrade.model.money import Money, added
from xtrade.trading.accounts import Heard, distance_to_liquidation, margin_ratio
from xtrade.trading.acting import can_close, cancel_open, close, turn
from xtrade.trading.engine import Engine
from xtrade.trading.exposure import Holding, account_of
from xtrade.trading.pnl import Line, statement
from xtrade.trading.ports import Noted
from xtrade.trading.risk.guards import (
    Action,
    Baselines,
    Held,
    MarginStanding,
    NearLiquidation,
    Standing,
    Verdict,
    judge,
)
from xtrade.trading.risk.halt_file import BaselineFile, Halt, HaltFile
from xtrade.trading.risk.limits import GuardLimits
from xtrade.trading.risk.pairs import Leg, Pair, judge_pair, naked
from xtrade.trading.risk.state import TradingState, strictest

__all__ = ["Guardian"]

BY: Final = "guard"


class Guardian:
    """Watches over one engine. `verdicts` are those of the last look."""

    def __init__(
        self,
        engine: Engine,
        *,
        capital: Money,
        limits: GuardLimits | None = None,
        pairs: Sequence[Pair] = (),
        halt_file: HaltFile | None = None,
        baseline_file: BaselineFile | None = None,
    ) -> None:
        self._engine = engine
        self._capital = capital
        self._limits = GuardLimits() if limits is None else limits
        self._pairs = tuple(pairs)
        self._halt_file = halt_file
        self._baseline_file = baseline_file
        self._baselines = None if baseline_file is None else baseline_file.read()
        self._naked_since_ns: dict[str, int] = {}
        self._said: dict[tuple[str, str], Action] = {}
        self.verdicts: list[Verdict] = []
        self.flattening: str | None = None
        """Why everything is being closed; None while nothing is."""
        self._flattening_since_ns = 0

    def watch(self, every_ns: int) -> None:
        """Look now and then, on the engine's timers, as long as any strategy trades or anything is to be closed."""

        def look(_: None) -> None:
            self.look(self._engine.now_ns)
            if self._engine.is_active or (self.flattening is not None and not self.is_flat):
                self.watch(every_ns)

        self._engine.at(self._engine.now_ns + every_ns).then(lambda: look(None))

    def begin_anew(self) -> None:
        """Count from the present equity: the account that losses were counted in is not there any more."""
        self._baselines = None
        if self._baseline_file is not None:
            self._baseline_file.forget()

    # -- look -----------------------------------------------------------------------------------------------------

    def look(self, now_ns: int) -> list[Verdict]:
        """Look once: judge how the desk stands, do what is to be done, and return what was found."""
        standing = self.standing(now_ns)
        found = [*judge(standing, self._limits), *self._judge_pairs(now_ns)]
        self.verdicts = sorted(found, key=lambda verdict: -verdict.action)
        self._say(now_ns)
        for verdict in self.verdicts:
            self._act(verdict)
        if self.flattening is not None:
            self._close_all()
        return self.verdicts

    def standing(self, now_ns: int) -> Standing:
        """Put together what the guards look at."""
        engine, gate = self._engine, self._engine.gate
        keys = {key for _, key in engine.portfolio.all()}
        lines = statement(engine.portfolio, {key: gate.mark(key, now_ns) for key in keys})
        equity, funding = self._worth(lines, now_ns)
        baselines = self._count(equity, funding, now_ns)
        valuation = gate.valuation(now_ns)
        return Standing(
            now_ns=now_ns,
            equity=equity,
            baselines=baselines,
            funding=funding,
            held=tuple(
                Held(
                    line.strategy,
                    line.instrument.key,
                    line.position.lots,
                    None
                    if line.unrealised is None
                    else valuation.worth(line.unrealised.atoms, line.unrealised.currency),
                )
                for line in lines
                if line.position.lots
            ),
            margins=tuple(self._margins(now_ns)),
            liquidations=tuple(self._liquidations(now_ns)),
            margin_failures=gate.margin_failures.in_a_row,
            asking_since_ns=self._asking(now_ns),
        )

    @property
    def is_flat(self) -> bool:
        """Whether no order is open, nothing is held but dust, and no venue says otherwise since we began to close."""
        engine = self._engine
        if any(context.open_orders for context in engine.contexts.values()):
            return False
        if any(can_close(engine, strategy, key) for strategy, key in engine.portfolio.all()):
            return False
        for key, (report, at_ns) in engine.accounts.positions.items():
            ours = engine.portfolio.total_lots(key)
            if at_ns > self._flattening_since_ns and report.lots and abs(report.lots) > abs(ours):
                return False
        return True

    # -- what is looked at ----------------------------------------------------------------------------------------

    def _worth(self, lines: Sequence[Line], now_ns: int) -> tuple[Money | None, Money | None]:
        valuation = self._engine.gate.valuation(now_ns)
        funding = valuation.total(added((), (paid for line in lines for paid in line.position.funding)))
        capital = valuation.worth(self._capital.atoms, self._capital.currency)
        earned: list[Money] = []
        for line in lines:
            if line.earned is None:
                return None, funding
            earned.extend(line.earned)
        total = valuation.total(added((), earned))
        return (None if total is None or capital is None else capital + total), funding

    def _count(self, equity: Money | None, funding: Money | None, now_ns: int) -> Baselines:
        before = self._baselines
        if before is None:
            start = equity or Money(self._capital.atoms, self._engine.gate.limits.currency)
            self._baselines = Baselines.at(start, now_ns)
        elif equity is not None:
            paid = before.funding_at_midnight if funding is None else funding
            self._baselines = before.after(equity, paid, now_ns)
        assert self._baselines is not None
        if self._baseline_file is not None and equity is not None and self.flattening is None:
            self._baseline_file.write(self._baselines)
        return self._baselines

    def _margins(self, now_ns: int) -> list[MarginStanding]:
        engine = self._engine
        held = {account_of(key) for (_, key), position in engine.portfolio.all().items() if position.lots}
        return [
            MarginStanding(instrument or account, margin_ratio(report), now_ns - at_ns)
            for (account, instrument), (report, at_ns) in engine.accounts.margins.items()
            if account in held or report.maintenance
        ]

    def _liquidations(self, now_ns: int) -> list[NearLiquidation]:
        engine = self._engine
        found = []
        for (strategy, key), position in engine.portfolio.all().items():
            heard = engine.accounts.positions.get(key)
            mark = engine.gate.mark(key, now_ns)
            # Of several strategies only those on the account's side can be cut to make it safer.
            if heard is None or mark is None or position.lots * heard.report.lots <= 0:
                continue
            distance = distance_to_liquidation(heard.report, mark.price)
            if distance is not None:
                found.append(NearLiquidation(key, strategy, position.lots, distance))
        return found

    def _asking(self, now_ns: int) -> dict[str, int]:
        """Return who asks in vain, and since when: nothing of theirs rests anywhere, and the dial lets them ask."""
        engine, found = self._engine, {}
        for name, conduct in engine.gate.conduct.items():
            context, since_ns = engine.contexts[name], conduct.asking_in_vain_since(now_ns)
            is_free = strictest(engine.gate.state, context.state) is TradingState.ACTIVE
            if (
                since_ns is not None
                and is_free
                and not any(order.state.accepted for order in context.open_orders.values())
            ):
                found[name] = since_ns
        return found

    def _judge_pairs(self, now_ns: int) -> list[Verdict]:
        found: list[Verdict] = []
        for pair in self._pairs:
            legs = self._leg(pair, pair.first, now_ns), self._leg(pair, pair.second, now_ns)
            if not naked(pair, legs):
                self._naked_since_ns.pop(pair.name, None)
            else:
                self._naked_since_ns.setdefault(pair.name, now_ns)
            found.extend(judge_pair(pair, *legs, now_ns, self._naked_since_ns.get(pair.name)))
        return found

    def _leg(self, pair: Pair, key: str, now_ns: int) -> Leg:
        engine = self._engine
        ours, mark = engine.portfolio.lots(pair.strategy, key), engine.gate.mark(key, now_ns)
        heard: Heard | None = engine.accounts.positions.get(key)
        others = engine.portfolio.total_lots(key) - ours
        return Leg(
            holding=Holding(engine.instrument(key), ours, None if mark is None else mark.price),
            reported_lots=None if heard is None else heard.report.lots - others,
            reported_ns=0 if heard is None else heard.at_ns,
            filled_ns=engine.filled_ns.get(key, 0),
            is_quiet=not any(context.orders(key) for context in engine.contexts.values()),
        )

    # -- what is done ---------------------------------------------------------------------------------------------

    def _say(self, now_ns: int) -> None:
        """Write down what is new: a verdict that was there at the last look is not told again."""
        said = {(verdict.guard, verdict.scope): verdict.action for verdict in self.verdicts}
        for verdict in self.verdicts:
            if self._said.get((verdict.guard, verdict.scope)) != verdict.action:
                text = f"{verdict.guard}: {verdict.reason} (limit {verdict.limit}, figure {verdict.figure})"
                self._engine.record(Noted(strategy=verdict.strategy or "", text=text, at_ns=now_ns))
        self._said = said

    def _act(self, verdict: Verdict) -> None:
        why = f"{verdict.guard}: {verdict.reason}"
        match verdict.action:
            case Action.WARN:
                pass
            case Action.REDUCE:
                self._turn(TradingState.REDUCING, why, verdict.strategy)
            case Action.CUT:
                # A pair, or a position, that had to be cut has gone wrong: its strategy opens nothing more either.
                whole_desk = verdict.guard == "account_loss"
                self._turn(TradingState.REDUCING, why, None if whole_desk else verdict.strategy)
                assert verdict.strategy is not None
                assert verdict.cut is not None
                self._cut(verdict.strategy, *verdict.cut)
            case Action.HALT:
                self._turn(TradingState.HALTED, why, verdict.strategy)
            case Action.FLATTEN:
                self.flatten(why)

    def flatten(self, why: str, by: str = BY) -> None:
        """Cancel all, close all, and do not start again until somebody has looked."""
        if self.flattening is not None:
            return
        # The file first: what comes after may fail, and a restart must find it.
        if self._halt_file is not None:
            self._halt_file.halt(Halt(why=why, by=by, at_ns=self._engine.now_ns))
        self.flattening, self._flattening_since_ns = why, self._engine.now_ns
        # Whoever clears the halt accepts the loss: what comes after is counted from what is then left.
        if self._baseline_file is not None:
            self._baseline_file.forget()
        self._turn(TradingState.HALTED, why, None, by)

    def _turn(self, state: TradingState, why: str, strategy: str | None, by: str = BY) -> None:
        """Turn the dial, in the one direction that a guard may."""
        engine = self._engine
        now = engine.gate.state if strategy is None else engine.contexts[strategy].state
        if strictest(now, state) is not now:
            turn(engine, state, why, by=by, strategy=strategy)

    def _cut(self, strategy: str, key: str, lots: int) -> None:
        """Cancel what is open there, and close so much once nothing is: an order on its way may do part of it."""
        context = self._engine.contexts[strategy]
        cancel_open(self._engine, context, key=key)
        if not context.orders(key):
            close(self._engine, strategy, key, lots)

    def _close_all(self) -> None:
        for context in self._engine.contexts.values():
            cancel_open(self._engine, context)
        for strategy, key in list(self._engine.portfolio.all()):
            self._cut(strategy, key, abs(self._engine.portfolio.lots(strategy, key)))
