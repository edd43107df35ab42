"""A whole node, killed while it trades at a venue in another process: nothing is doubled, lost or guessed.

More kills by hand: XTRADE_KILLS=300 uv run pytest -n 0 -s tests/crash/test_node.py, which tells how long recovery took.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from random import Random

from xtrade.trading.journal import read_journal
from xtrade.trading.journal.entries import checked
from xtrade.trading.order_store import replayed

PROGRAMS = Path(__file__).parent / "programs"
KILLS = int(os.environ.get("XTRADE_KILLS", "4"))


def start(program, *arguments, log, **how):
    """Start a program. What it logs goes to a file: a pipe that nobody reads would hold it up."""
    with log.open("a") as errors:
        return subprocess.Popen(
            [sys.executable, str(PROGRAMS / program), *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=os.environ | {"PYTHONPATH": str(PROGRAMS.parents[1])},
            **how,
        )


def line_of(process, log):
    line = process.stdout.readline()
    assert line, log.read_text()
    return line


@contextmanager
def exchange(log):
    """Open a venue in another process; give its address, the key of its account, and how to look at the truth."""
    process = start("exchange.py", 7, log=log, stdin=subprocess.PIPE)
    try:
        opened = json.loads(line_of(process, log))

        def truth():
            with urllib.request.urlopen(f"{opened['address']}/box", timeout=30) as answer:
                return json.load(answer)["accounts"][0]

        yield opened["address"], json.dumps(opened["key"]), truth
    finally:
        process.communicate(input="", timeout=60)


def killed(process, after_lines, log):
    """Kill it once it has told so much; return what it said of its recovery, if it came so far."""
    told = [line_of(process, log).split() for _ in range(after_lines + 1)]
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return ready_in(told)


def ready_in(told):
    return [tuple(map(int, words[1:])) for words in told if words[0] == "ready"]


def test_a_node_survives_kills_at_random_moments_while_it_trades(tmp_path):
    chance = Random(20261121)
    recoveries = []
    log = tmp_path / "log"
    with exchange(log) as (address, key, truth):
        before = truth()["balances"]
        for seed in range(KILLS):
            node = start("node.py", tmp_path, address, key, seed, log=log)
            recoveries += killed(node, after_lines=chance.randrange(0, 300), log=log)
        last = start("node.py", tmp_path, address, key, KILLS, "--end", log=log)
        told, _ = last.communicate(timeout=120)
        recoveries += ready_in([line.split() for line in told.splitlines()])
        assert last.returncode == 0, log.read_text()
        changed = json.loads(told.splitlines()[-1])
        there = truth()

    with read_journal(tmp_path / "trading.journal") as journal:
        orders = replayed(checked(journal.read(), journal.genesis, where="the test")).orders
    told = [fill.trade_id for state in orders.values() for fill in state.fills]
    assert there["open_orders"] == []
    assert [state for state in orders.values() if not state.is_settled] == []
    for currency, amount in changed.items():
        assert Decimal(there["balances"][currency]) - Decimal(before[currency]) == Decimal(amount)
    assert there["fills"] == len(told) == len(set(told)) > 0
    assert max(len(state.venue_order_ids) for state in orders.values()) == 1, "an order was placed twice"
    assert any(left for _, left, _ in recoveries), "no process ever found an open order"
    sys.stdout.write(
        f"\n{KILLS} kills, {len(orders)} orders, {len(told)} fills; (ms, open, in doubt) at each start: {recoveries}\n"
    )
