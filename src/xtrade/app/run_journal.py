"""The journal of a run, and what goes with it: one of its own, or the node's, which goes on.

RunJournal   the journal, held; what an earlier process handed over; the file of what losses are counted from
under_way    where the journal of a run lies that has not ended: beside its folder, which is written in one piece
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from xtrade.app.emergency import halt_file_of
from xtrade.app.journals import BASELINES, FILE_NAME, goes_on, move_journal, node_dir, put_aside
from xtrade.app.output import note
from xtrade.app.plan import Plan
from xtrade.trading.handover import Handover
from xtrade.trading.journal.durable import DurableJournal
from xtrade.trading.journal.opening import open_journal
from xtrade.trading.risk.halt_file import BaselineFile
from xtrade.trading.risk.state import TradingState

__all__ = ["RunJournal", "under_way"]


@dataclass(frozen=True, kw_only=True)
class RunJournal:
    """What a run writes, and what it goes on from."""

    written: DurableJournal
    own: Path | None = None
    """The file, if it belongs to this run alone."""
    handover: Handover | None = None
    baseline_file: BaselineFile | None = None

    @classmethod
    def of_run(cls, plan: Plan, folder: Path) -> Self:
        """Begin a journal for one run: what is traded ends with the process, and it need not survive more than that."""
        path = under_way(folder) / FILE_NAME
        return cls(written=open_journal(path, durability="process", note=_about(plan)), own=path)

    @classmethod
    def of_node(cls, plan: Plan, *, fresh: bool, standby: bool, activate: bool) -> Self:
        """Go on with the node's journal: a new one, or once its holder is gone, or with all dials turned back."""
        if fresh and (aside := put_aside(plan.config, plan.name)) is not None:
            note(f"The journal so far is {aside} now")
        written, handover = goes_on(
            plan.config,
            plan.name,
            accounts=plan.place.accounts,
            note=_about(plan),
            standby=standby,
            tell=_said_once(),
        )
        try:
            # Whoever waited long may have waited through an operator's stop.
            halt_file_of().must_be_clear()
            baseline_file = BaselineFile(node_dir(plan.name) / BASELINES)
            plan.place.begin(plan.name, anew=handover is None)
            if activate:
                baseline_file.forget()
        except BaseException as error:
            written.close(str(error))
            raise
        note(_in_words(written, handover))
        if handover is not None and activate:
            handover = handover.activated()
        return cls(written=written, handover=handover, baseline_file=baseline_file)

    def put_into(self, folder: Path) -> None:
        """Once it is closed: the journal of one run goes into its folder, the node's stays where it is."""
        if self.own is not None:
            move_journal(self.own, folder)


def under_way(folder: Path) -> Path:
    """Return where the journal of a run is until the folder of its result is there."""
    return folder.with_name(f"{folder.name}.running")


def _about(plan: Plan) -> str:
    return f"{plan.name}, {plan.place.mode}" if plan.place.mode == "live" else f"{plan.name}, on paper"


def _said_once() -> Callable[[str], None]:
    """Tell what a start waits for, or could not use, each time that this changes."""
    said: list[str] = []

    def tell(text: str) -> None:
        if text not in said[-1:]:
            said.append(text)
            note(text)

    return tell


def _in_words(written: DurableJournal, handover: Handover | None) -> str:
    """Say what the run goes on from."""
    if handover is None:
        return f"Begins the journal {written.store.name}"
    orders = sum(not state.is_final for state in handover.orders)
    positions = sum(1 for position in handover.portfolio.all().values() if position.lots)
    found = f"Goes on with the journal {written.store.name}: {orders} open orders, {positions} positions"
    stopped = [
        f"{name or 'the desk'} is {turned.state} ({turned.why})"
        for name, turned in handover.dials.items()
        if turned.state is not TradingState.ACTIVE
    ]
    return f"{found}; {', '.join(stopped)}: --activate lets it trade again" if stopped else found
