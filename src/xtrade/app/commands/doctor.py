"""`xtrade doctor`: is this machine fit to trade?"""

from __future__ import annotations

import os
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Final

import cyclopts

from xtrade.app import exit_codes
from xtrade.app.output import Json, answer, can_show

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from xtrade.app.doctor import Finding

__all__ = ["app", "doctor"]

app = cyclopts.App(name="doctor")

# The mark, the same where the encoding has no such sign, and the style.
MARKS: Final = {
    "ok": ("✓", "+", "green"),
    "note": ("!", "!", "yellow"),
    "problem": ("✗", "x", "bold red"),
    "absent": ("-", "-", "dim"),
}


@app.default
def doctor(*, json: Json = False) -> int:
    """Check this machine: versions, clock, disks, keys and services.

    Nothing is changed, and nobody is contacted but services on this machine (PostgreSQL, NATS, Redis), or where
    `PGHOST`, `DATABASE_URL`, `NATS_URL` and `REDIS_URL` say they are. The exit code is 1 when there is a problem.

    **Examples**

    - `xtrade doctor`
    - `xtrade doctor --json`
    """
    from xtrade.app.doctor import examine

    findings = examine(os.environ)
    answer(findings, json=json, human=lambda: _drawn(findings))
    return exit_codes.NO if any(finding.verdict == "problem" for finding in findings) else exit_codes.OK


def _drawn(findings: list[Finding]) -> RenderableType:
    from rich.console import Group
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    from xtrade.runtime.extras import how_to_install

    signs = can_show("✓✗→")
    arrow = "→" if signs else "->"
    parts: list[RenderableType] = []
    for area, of_area in groupby(findings, key=lambda finding: finding.area):
        table = Table.grid(padding=(0, 1), pad_edge=False)
        table.add_column(width=1)
        table.add_column(min_width=13, no_wrap=True)
        table.add_column(overflow="fold")
        listed = list(of_area)
        for finding in listed:
            sign, plain, style = MARKS[finding.verdict]
            said = Text(finding.finding, style="dim" if finding.verdict == "absent" else "")
            if finding.advice and finding.verdict != "absent":
                said.append(f"\n{arrow} {finding.advice}", style="cyan")
            table.add_row(Text(sign if signs else plain, style=style), Text(finding.name), said)
        # What is merely absent shares one way to get it: said once, under the list.
        advice = {finding.advice for finding in listed if finding.verdict == "absent" and finding.advice}
        parts += [Text(area, style="bold"), Padding(table, (0, 0, 0, 2))]
        if advice:
            once = advice.pop() if len(advice) == 1 else how_to_install("NAME")
            parts.append(Text(f"    {arrow} {once}", style="cyan"))
        parts.append(Text())
    return Group(*parts, _verdict(findings))


def _verdict(findings: list[Finding]) -> Text:
    from rich.text import Text

    count = Counter(finding.verdict for finding in findings)
    notes = f"{count['note']} note{'s' * (count['note'] != 1)}" if count["note"] else ""
    if count["problem"]:
        problems = f"{count['problem']} problem{'s' * (count['problem'] != 1)}"
        return Text(f"{problems}{' and ' * bool(notes)}{notes}.", style="bold red")
    return Text(f"No problems{', ' * bool(notes)}{notes}.", style="bold green")
