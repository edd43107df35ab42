"""`xtrade run` at a venue in another process: killed as it quotes it goes on, killed by its operator it is flat."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from xtrade.model.errors import XtradeError
from xtrade.trading.journal import read_journal
from xtrade.trading.journal.entries import checked
from xtrade.trading.order_store import replayed

KEY = "backpack:BTC/USDC:USDC"

DESK = f"""
[engine]
mode = "live"

[venues.backpack]
venue = "backpack"
environment = "box"
dead_man = "60s"

[strategies.maker]
strategy = "quoter"
params = {{ instrument = "{KEY}", half_spread = 3.0 }}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def box(home):
    """A box of Backpack in a process of its own, as a user opens it; yields what is really there, when asked."""
    words = ["exchange", "--venue", "backpack", "--port", "0", "--past", "10s", "--json"]
    process = begun(words, home, cwd=home)
    try:
        lines = []
        while not lines or lines[-1] != "]\n":
            lines.append(process.stdout.readline())
            assert lines[-1], process.stderr.read()
        address = json.loads("".join(lines))[0]["address"]

        def there():
            with urllib.request.urlopen(f"{address}/box", timeout=30) as answer:
                return json.load(answer)["accounts"][0]

        yield there
    finally:
        process.terminate()
        process.communicate(timeout=30)


# Twentieths of a second that anything may take.
PATIENCE = 2_400


def begun(words, home, *, cwd, **more):
    return subprocess.Popen(
        [sys.executable, "-m", "xtrade", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env={**os.environ, "XTRADE_HOME": str(home), **more},
    )


def stranger():
    """A key that is a key, and that the box has never seen."""
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    return {
        "XTRADE_BACKPACK_API_KEY": b64encode(key.public_key().public_bytes_raw()).decode(),
        "XTRADE_BACKPACK_PRIVATE_KEY": b64encode(key.private_bytes_raw()).decode(),
        "XTRADE_BACKPACK_ENVIRONMENT": "testnet",
    }


class Desk:
    """A folder with a configuration, and the runs of it."""

    def __init__(self, home, folder, name):
        self.home, self.folder, self.name = home, folder, name
        (folder / f"{name}.toml").write_text(DESK)

    def start(self, *words):
        return begun(["run", f"{self.name}.toml", "--plain", *words], self.home, cwd=self.folder)

    @property
    def journal(self):
        return self.home / "nodes" / self.name / "trading.journal"

    def until(self, process, kind):
        """Wait until the run has written a record of this kind: OrderFilled, say."""
        for _ in range(PATIENCE):
            if self.has(kind):
                return
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.05)
        raise AssertionError(f"no {kind} within {PATIENCE / 20:g} s")

    def has(self, kind):
        try:
            with read_journal(self.journal) as found:
                return any(True for _ in found.read(kind=kind))
        except XtradeError:
            return False

    def store(self):
        with read_journal(self.journal) as journal:
            return replayed(checked(journal.read(), journal.genesis, where="the test"))


def agree(there, store):
    """Whether the box and the journal tell the same of positions and trades."""
    fills = [fill for state in store.orders.values() for fill in state.fills]
    held = sum(position.lots for position in store.portfolio.all().values())
    quantity = float(there["positions"].get(KEY, 0))
    assert there["fills"] == len(fills) > 0
    assert round(quantity * 100_000) == held
    assert [state for state in store.orders.values() if not state.is_settled] == []


def test_a_run_that_was_killed_goes_on_and_then_one_is_killed_by_its_operator(box, home, tmp_path):
    desk = Desk(home, tmp_path, "desk")
    first = desk.start()
    desk.until(first, "OrderFilled")
    first.send_signal(signal.SIGKILL)
    first.communicate()

    second = desk.start("--seconds", "3")
    _, told = second.communicate(timeout=120)
    assert second.returncode == 0, told
    assert "Goes on with the journal" in told
    assert box()["open_orders"] == []
    agree(box(), desk.store())

    third = desk.start()
    traded = box()["fills"]
    for _ in range(PATIENCE):
        if box()["fills"] > traded:
            break
        assert third.poll() is None, third.communicate()[1]
        time.sleep(0.05)
    third.send_signal(signal.SIGUSR1)
    out, told = third.communicate(timeout=120)
    assert third.returncode == 1, told
    assert "backpack: flat, as the venue says: no open order, no position" in out
    assert box()["open_orders"] == []
    assert not float(box()["positions"].get(KEY, 0))
    agree(box(), desk.store())


def test_two_processes_cannot_trade_one_account(box, home, tmp_path):
    (home / "HALTED").unlink(missing_ok=True)
    first, second = (Desk(home, tmp_path, name) for name in ("one", "other"))
    running = first.start()
    try:
        first.until(running, "SessionOpened")
        refused = second.start("--seconds", "1")
        _, told = refused.communicate(timeout=60)
        assert refused.returncode == 16, told
        assert told.count("\n") == 1
        assert "account backpack-box-127.0.0.1-" in told
        assert f"is held by process {running.pid}" in told
    finally:
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=60)


@pytest.mark.parametrize(
    ("change", "environment", "code", "says"),
    [
        (
            ("BTC/USDC:USDC", "DOGE/USDC:USDC"),
            {},
            3,
            "strategy maker wants backpack:DOGE/USDC:USDC, and backpack lists",
        ),
        ((KEY, "okx:BTC/USDT"), {}, 3, "has no account at 'okx', but at backpack"),
        (('"box"', '"box"\naddress = "http://127.0.0.1:9"'), {}, 13, "backpack: box"),
        (('"box"', '"box"\nkey = "backpack"'), {}, 4, "no keys for backpack: xtrade keys add backpack"),
        (
            ('"box"', '"box"\nkey = "backpack"'),
            stranger(),
            11,
            "backpack: balances",
        ),
        (('"60s"', '"soon"'), {}, 3, "venues.backpack.dead_man = 'soon'"),
    ],
)
def test_what_is_wrong_is_one_line_before_anything_is_sent(
    box, home, tmp_path, change, environment, code, says
):
    (home / "HALTED").unlink(missing_ok=True)
    desk = Desk(home, tmp_path, "wrong")
    (tmp_path / "wrong.toml").write_text(DESK.replace(*change))
    process = begun(["run", "wrong.toml", "--plain", "--seconds", "1"], home, cwd=tmp_path, **environment)
    out, told = process.communicate(timeout=60)
    assert (process.returncode, out) == (code, ""), told
    assert told.count("\n") == 1, told
    assert says in told
    assert not desk.journal.exists()
