"""Why a strategy is, or is not, trading, as far as its journal and its configuration tell.

    for finding in reasons(desk, "maker"): …
    setting_of(loaded, finding.setting)      # the option that set the limit: its value, and the line it stands in

What blocks comes first. A journal tells what was asked, refused, turned and noted; what the gate would say to the next
order (how old the quotes are, whether a link is up) is known to the running node alone: `xtrade.trading.risk.explain`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from xtrade.app.desk import Conduct, Desk, Stamped
from xtrade.app.journal_tables import time_text
from xtrade.trading.risk.explain import SETTINGS, Finding
from xtrade.trading.risk.state import TradingState

if TYPE_CHECKING:
    from xtrade.app.config.load import Loaded

__all__ = ["NOT_KNOWN", "Setting", "reasons", "setting_of"]

NOTES_TOLD: Final = 3
NOT_KNOWN: Final = (
    "Only the running node knows what the gate would say to the next order: how old its quotes are, whether its links"
    " are up, what its margin is."
)


class Setting(Struct, frozen=True, kw_only=True):
    """The option that sets a limit: its value here, and where that stands (a line of a file, the environment …)."""

    key: str
    value: Any
    where: str


def reasons(desk: Desk, name: str) -> list[Finding]:
    """Return why a strategy is, or is not, trading: what blocks it first."""
    found = list(_findings(desk, name))
    return [each for each in found if each.blocks] + [each for each in found if not each.blocks]


def setting_of(loaded: Loaded, key: str) -> Setting | None:
    """Return what the configuration in effect says of an option; None where it has nothing to say."""
    if not key:
        return None
    for setting in loaded.settings():
        if setting.key == key or setting.key.startswith(f"{key}."):
            return Setting(key=setting.key, value=setting.value, where=setting.where)
    return None


def _findings(desk: Desk, name: str) -> Iterator[Finding]:
    conduct = desk.conduct.get(name) or Conduct()
    yield from _process(desk, name)
    yield from _ended(conduct, name)
    yield from _dials(desk, name)
    yield from _refused(conduct, name)
    yield from _turned_away(conduct, name)
    yield from _in_doubt(desk, name)
    yield from _noted(desk, name)
    yield from _lately(desk, conduct, name)


def _process(desk: Desk, name: str) -> Iterator[Finding]:
    opened = desk.store.session
    if opened is None:
        yield Finding(name, True, "run", "nothing was written to the journal yet: no run has begun")
        return
    match desk.process:
        case "ended":
            why = f": {desk.ended}" if desk.ended else ""
            yield Finding(
                name, True, "run", f"the run ended at {_when(desk.last_ns)}{why}; start it again to trade"
            )
        case "died":
            text = (
                f"process {opened.pid} is gone and did not end in order, its last record is of {_when(desk.last_ns)};"
                " start it again: orders and positions are compared with the venue first"
            )
            yield Finding(name, True, "run", text)
        case "elsewhere":
            text = (
                f"process {opened.pid} runs on {opened.host}; whether it lives cannot be seen from here: its last"
                f" record is of {_when(desk.last_ns)}"
            )
            yield Finding(name, False, "run", text)
        case _:
            pass


def _ended(conduct: Conduct, name: str) -> Iterator[Finding]:
    if conduct.failed is not None:
        failed, at_ns = conduct.failed
        text = f"it failed in {failed.where} at {_when(at_ns)} ({failed.place}): {failed.error}; mend it and start anew"
        yield Finding(name, True, "failed", text)
    elif conduct.stops is not None:
        why, at_ns = conduct.stops
        yield Finding(name, True, "stopped", f"it stopped by itself at {_when(at_ns)}: {why}")


def _dials(desk: Desk, name: str) -> Iterator[Finding]:
    for whose, key in (("the desk", ""), (name, name)):
        if key not in desk.dials:
            continue
        turned, at_ns = desk.dials[key]
        if turned.state is TradingState.ACTIVE:
            continue
        guard = turned.why.partition(":")[0]
        text = f"{whose} is {turned.state}, turned by {turned.by} at {_when(at_ns)}: {turned.why}"
        yield Finding(name, True, "trading_state", text, setting=_setting(guard, name))


def _refused(conduct: Conduct, name: str) -> Iterator[Finding]:
    """What was refused and never let out since blocks that side of that market; other refusals are history."""
    for (key, side), refusal in conduct.refused.items():
        text = f"no {side} on {key} at {_when(refusal.at_ns)}: {refusal.text}; none was let out since"
        # That nothing can be sold of what one does not have is how spot is, and hinders nobody who buys.
        yield _of(name, refusal, text, blocks=refusal.rule != "spot_holdings")
    if conduct.last_refused is not None:
        counts = ", ".join(f"{rule} {count:,}" for rule, count in sorted(conduct.refused_by.items()))
        last = conduct.last_refused
        text = f"refused so far, by rule: {counts}; last at {_when(last.at_ns)}"
        yield Finding(name, False, "refusals", text)


def _turned_away(conduct: Conduct, name: str) -> Iterator[Finding]:
    last = conduct.last_turned_away
    if last is None or not conduct.turned_away:
        return
    many = "its last order was" if conduct.turned_away == 1 else f"its last {conduct.turned_away} orders were"
    code = f" [{last.rule}]" if last.rule else ""
    text = f"{many} not taken, the latest at {_when(last.at_ns)}: {last.text}{code}"
    yield Finding(name, True, "venue", text)


def _in_doubt(desk: Desk, name: str) -> Iterator[Finding]:
    doubtful = [state for state in desk.store.in_doubt() if state.intent.strategy == name]
    if doubtful:
        text = (
            f"{len(doubtful)} orders have no answer yet and count in full against its limits:"
            f" {', '.join(str(state.intent.client_order_id) for state in doubtful[:NOTES_TOLD])}"
        )
        yield Finding(name, False, "in_doubt", text)


def _noted(desk: Desk, name: str) -> Iterator[Finding]:
    """The latest words of guards, of the reconciler and of the strategy itself; the same words are told once."""
    told: dict[str, tuple[str, int]] = {}
    for noted, at_ns in desk.notes:
        if noted.strategy in {"", name}:
            told.pop(noted.text, None)
            told[noted.text] = noted.strategy, at_ns
    for text, (whose, at_ns) in list(told.items())[-NOTES_TOLD:]:
        guard = text.partition(":")[0]
        check = guard if guard in SETTINGS else "note"
        yield Finding(
            name,
            False,
            check,
            f"{'of the desk' if not whose else 'of it'} at {_when(at_ns)}: {text}",
            setting=_setting(guard, name),
        )


def _lately(desk: Desk, conduct: Conduct, name: str) -> Iterator[Finding]:
    waits = sum(1 for state in desk.store.open_orders() if state.intent.strategy == name)
    if conduct.asked_ns is None:
        text = "the journal has no order of it in this run: what it waits for has not come, or it is not in the run"
        yield Finding(name, False, "strategy", text)
        return
    let_out = (
        "none was let out" if conduct.let_out_ns is None else f"let one out at {_when(conduct.let_out_ns)}"
    )
    text = f"last asked for an order at {_when(conduct.asked_ns)}, {let_out}; {waits} open"
    yield Finding(name, False, "strategy", text)


def _of(name: str, refusal: Stamped, text: str, *, blocks: bool) -> Finding:
    setting = _setting(refusal.rule, name)
    return Finding(name, blocks, refusal.rule, text, refusal.limit, refusal.figure, setting)


def _setting(rule: str, name: str) -> str:
    return SETTINGS.get(rule, "").format(name=name)


def _when(at_ns: int | None) -> str:
    return "no time" if at_ns is None else f"{time_text(at_ns)[11:19]} UTC"
