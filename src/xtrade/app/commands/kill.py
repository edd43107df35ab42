"""`xtrade kill`: stop everything now, and say whether it is flat; `--clear` lets the desk start again."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final, Literal

import cyclopts
from msgspec import Struct

from xtrade.app import exit_codes
from xtrade.app.output import Json, answer, note
from xtrade.model.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import RenderableType

    from xtrade.app.presence import Found
    from xtrade.trading.risk.halt_file import Halt

__all__ = ["app"]

BY: Final = "xtrade kill"
SECOND: Final = 1_000_000_000
# After it is flat a node writes down its run and ends; one that does not end in so long is stuck.
END_S: Final = 10.0
LOOK_S: Final = 0.1

app = cyclopts.App(name="kill", usage="xtrade kill [OPTIONS]")

Reason = Annotated[
    str,
    cyclopts.Parameter(name="--reason", metavar="TEXT", help="Why: whoever wants to start again reads it."),
]
Clear = Annotated[
    bool,
    cyclopts.Parameter(
        name="--clear", negative="", show_default=False, help="Let the desk start again; nothing is killed."
    ),
]
Wait = Annotated[
    float,
    cyclopts.Parameter(name="--wait", metavar="SECONDS", help="How long to wait for an answer."),
]


class Killed(Struct, frozen=True, kw_only=True):
    """What became of one node."""

    pid: int
    name: str
    state: Literal["flat", "not flat", "no answer", "gone"]
    """"gone": its process ended without a word."""
    is_there: bool
    """Whether its process still runs."""
    lines: tuple[str, ...] = ()


class Answer(Struct, frozen=True, kw_only=True):
    """The halt in force (or the one that was cleared), and what became of the nodes."""

    halted: bool
    why: str
    by: str
    nodes: tuple[Killed, ...] = ()


@app.default
def kill(
    *, reason: Reason = "the operator said so", clear: Clear = False, wait: Wait = 90.0, json: Json = False
) -> int:
    """Stop all trading of this user on this machine, at once.

    Every running node holds back its orders, cancels what is open, closes what is held, and asks each venue until it
    says twice that nothing is left; also while a strategy hangs. Then it ends. No node starts again before --clear.

    The exit code is 0 if everything is flat, or nobody ran; 1 if anything is left, or a node gave no answer.

    **Examples**

    - `xtrade kill`
    - `xtrade kill --reason "prices look wrong"`
    - `xtrade kill --clear`
    """
    from xtrade.app.emergency import halt_file_of, nodes_dir
    from xtrade.trading.risk.halt_file import Halt

    halt_file, directory = halt_file_of(), nodes_dir()
    if clear:
        return _clear(halt_file.read(), directory, json=json)
    if wait <= 0:
        raise UsageError(f"--wait {wait:g}: expected a time above zero")
    from xtrade.app.presence import forget, look
    from xtrade.runtime import clock

    forget(directory)
    # The file before anything else: a node that starts meanwhile finds it.
    asked = Halt(why=reason, by=BY, at_ns=clock.now_ns())
    halt = halt_file.halt(asked)
    if halt != asked:
        note(f"Trading is halted already, by {halt.by}: {halt.why}")
    there = [each.standing.pid for each in look(directory)]
    if there:
        count = "1 node" if len(there) == 1 else f"{len(there)} nodes"
        note(f"Told {count} to stop, waiting until all is flat …")
    nodes = tuple(_became(each) for each in _wait_for(there, directory, wait))
    result = Answer(halted=True, why=halt.why, by=halt.by, nodes=nodes)
    answer(result, json=json, human=lambda: _in_words(result))
    forget(directory)
    return exit_codes.OK if all(each.state == "flat" for each in nodes) else exit_codes.NO


def _clear(halt: Halt | None, directory: Path, *, json: bool) -> int:
    from rich.text import Text

    from xtrade.app.emergency import halt_file_of
    from xtrade.app.presence import forget, look

    forget(directory)
    if halt is None:
        nothing = Answer(halted=False, why="", by="")
        answer(nothing, json=json, human=lambda: Text("Nothing is halted."))
        return exit_codes.OK
    for each in look(directory):
        if each.standing.state == "running":
            raise UsageError(
                f"process {each.standing.pid} ({each.standing.name}) has not said yet that it is flat: wait for it"
                " (`xtrade kill` does), or end it and look at the venues, then clear"
            )
    cleared = halt_file_of().clear() or halt
    result = Answer(halted=False, why=cleared.why, by=cleared.by)
    answer(
        result, json=json, human=lambda: Text(f"Cleared: trading was halted by {cleared.by}: {cleared.why}.")
    )
    return exit_codes.OK


def _wait_for(pids: Sequence[int], directory: Path, wait_s: float) -> list[Found]:
    """Wait until all have said how it went, then a little for their ends; return how they stand."""
    from xtrade.app.presence import look
    from xtrade.runtime.clock import monotonic_ns

    until_ns = monotonic_ns() + round(wait_s * SECOND)
    end_ns: int | None = None
    last: dict[int, Found] = {}
    while True:
        now = {each.standing.pid: each for each in look(directory)}
        for pid in pids:
            if pid in now:
                last[pid] = now[pid]
            elif pid in last:  # it ended in order before it knew of the halt, and took its file along
                last[pid] = last[pid]._replace(is_there=False)
        found = [last[pid] for pid in pids if pid in last]
        if all(not each.is_there for each in found) or monotonic_ns() >= until_ns:
            return found
        if all(each.standing.state != "running" or not each.is_there for each in found):
            end_ns = end_ns or monotonic_ns() + round(END_S * SECOND)
            if monotonic_ns() >= end_ns:
                return found
        threading.Event().wait(LOOK_S)


def _became(found: Found) -> Killed:
    standing = found.standing
    silent: Literal["no answer", "gone"] = "no answer" if found.is_there else "gone"
    state = silent if standing.state == "running" else standing.state
    return Killed(
        pid=standing.pid, name=standing.name, state=state, is_there=found.is_there, lines=standing.lines
    )


def _in_words(result: Answer) -> RenderableType:
    from rich.text import Text

    text = Text()
    if not result.nodes:
        text.append("No node runs here. ")
    for each in result.nodes:
        said = {
            "flat": "flat",
            "not flat": "NOT verified flat",
            "no answer": "no answer: look at the venues by hand",
            "gone": "ended without a word: look at the venues by hand",
        }[each.state]
        text.append(
            f"process {each.pid} ({each.name}): {said}\n", "green" if each.state == "flat" else "bold red"
        )
        for line in each.lines:
            text.append(f"  {line}\n")
        if each.is_there:
            text.append(
                f"  It still runs, so a strategy hangs: end it with `kill -9 {each.pid}`.\n", "yellow"
            )
    text.append("Nothing starts until `xtrade kill --clear`.")
    return text
