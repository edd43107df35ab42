"""`xtrade keys` as a person, a script and a leak hunter use it (I21, SE-01)."""

import base64
import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import urllib.parse
import warnings
from typing import ClassVar

import pytest

from xtrade.app.cli import run
from xtrade.app.credentials.environment import variable
from xtrade.app.credentials.keystore import Keystore
from xtrade.app.credentials.record import AccountName
from xtrade.app.credentials.venues import VENUES, needs
from xtrade.runtime import secrets as redaction
from xtrade.runtime.secrets import Secret

PASSPHRASE = "canary-passphrase"
WRONG = "canary-wrong-passphrase"


@pytest.fixture
def keystore(home, record, cheap):
    """A keystore with binance in it that costs tests nothing to open."""
    kept = Keystore(home / "keystore")
    kept.put(record("binance"), Secret(PASSPHRASE), cost=cheap)
    return kept


@pytest.fixture
def xtrade(capfd, monkeypatch):
    """Run a command line without a terminal; give back its exit code, output and errors."""

    def command(*arguments, stdin="", passphrase=PASSPHRASE):
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        if passphrase:
            monkeypatch.setenv("XTRADE_PASSPHRASE", passphrase)
        code = run(["keys", *arguments])
        return code, *capfd.readouterr()

    return command


@pytest.fixture
def key_file(tmp_path, keys):
    def write(venue, seed=0x11, name=None, mode=0o600, **changes):
        path = tmp_path / (name or f"{venue}.txt")
        path.write_text(
            "".join(f"{key}: {value}\n" for key, value in {**keys(venue, seed), **changes}.items())
        )
        path.chmod(mode)
        return path

    return write


def test_keys_are_added_from_a_file_and_listed_and_tested_and_removed(keystore, xtrade, key_file):
    path = key_file("backpack", environment="testnet")

    code, out, err = xtrade("add", "backpack.sub1", "--from-file", str(path))
    assert (code, out) == (0, "")
    assert re.match(r"backpack\.sub1 \(testnet\) is in the keystore, fingerprint [0-9a-f]{8}\.\n", err)
    assert f"{path} still holds the keys in the open" in " ".join(err.split())

    code, out, err = xtrade("list")
    assert code == 0
    assert re.search(r"backpack\.sub1 +testnet +api_key, private_key +keystore +[0-9a-f]{8}", out)

    code, out, err = xtrade("test", "backpack.sub1")
    assert code == 0
    assert "ok: Ed25519 private key" in out
    assert "Nothing was sent: whether backpack accepts these keys is not known." in out

    code, out, err = xtrade("remove", "backpack.sub1", "--yes")
    assert code == 0
    assert "Delete the key at backpack too" in err
    assert [entry.account for entry in keystore.header().entries] == ["binance"]


def test_standard_input_is_a_file_too(keystore, xtrade, key_file):
    code, _, err = xtrade("add", "okx", "--from-file", "-", stdin=key_file("okx").read_text())

    assert code == 0
    assert "okx (live) is in the keystore" in err
    assert "in the open" not in err


def test_the_environment_said_on_the_command_line_wins_over_the_file(keystore, xtrade, key_file):
    xtrade("add", "okx", "--environment", "testnet", "--from-file", str(key_file("okx", environment="live")))

    assert keystore.header().entries[1].environment == "testnet"


def test_keys_are_not_replaced_by_accident(keystore, xtrade, key_file, keys):
    path = str(key_file("binance", seed=2))
    code, _, err = xtrade("add", "binance", "--from-file", path)
    assert (code, err) == (
        4,
        "xtrade: binance is in the keystore already: add --replace to put new keys in its place\n",
    )

    assert xtrade("add", "binance", "--replace", "--from-file", path)[0] == 0
    assert keystore.open(AccountName("binance"), Secret(PASSPHRASE)).revealed() == keys("binance", 2)


def test_lists_are_for_programs_too(keystore, xtrade, record):
    code, out, _ = xtrade("list", "--json", passphrase=None)

    assert code == 0
    assert json.loads(out) == [
        {
            "account": "binance",
            "venue": "binance",
            "environment": "live",
            "fields": ["api_key", "api_secret"],
            "source": "keystore",
            "fingerprint": record("binance").fingerprint,
            "used": True,
            "problem": None,
        }
    ]


def test_tests_are_for_programs_too(keystore, xtrade):
    result = json.loads(xtrade("test", "binance", "--json")[1])

    assert (result["account"], result["environment"], result["asked_venue"]) == ("binance", "live", False)
    assert set(result["checked"]) == {"api_key", "api_secret"}


def test_without_keys_the_list_says_how_to_begin(xtrade):
    assert xtrade("list") == (0, "No keys yet. Add some: xtrade keys add binance\n", "")
    assert xtrade("list", "--json") == (0, "[]\n", "")


def test_a_weak_keystore_is_called_weak(keystore, xtrade):
    assert "cheap to guess at (8 KiB, 1 passes)" in xtrade("list")[2]


def test_a_list_with_a_broken_source_says_no_and_why(keystore, home, xtrade, key_file):
    (home / "keys").mkdir()
    key_file("okx", mode=0o644).rename(home / "keys" / "okx.txt")
    code, out, err = xtrade("list")

    assert code == 1
    assert "see below" in out
    assert "chmod 600" in " ".join(err.split())


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: path.mkdir(), "is not a file"),
        (os.mkfifo, "is not a file"),
        (lambda path: path.symlink_to("nowhere"), "it is a link, and what it points to is not there"),
    ],
    ids=["directory", "pipe", "link to nothing"],
)
def test_what_is_no_key_file_is_not_passed_over(make, why, home, xtrade):
    (home / "keys").mkdir(parents=True, mode=0o700)
    make(home / "keys" / "okx.txt")

    code, _, err = xtrade("list")
    assert code == 1
    assert why in " ".join(err.split())
    code, _, err = xtrade("test", "okx")
    assert code == 4
    assert why in err


def test_a_place_of_keys_that_is_closed_to_us_or_open_to_others_is_one_line(
    keystore, home, xtrade, as_nobody
):
    (home / "keys").mkdir()
    for arguments in (["list"], ["test", "okx"], ["add", "okx", "--from-file", "-"]):
        xtrade(*arguments)
        with as_nobody(home):
            code, out, err = xtrade(*arguments)
        assert (code, out) == (4, "")
        assert re.fullmatch(r"xtrade: cannot look into .*: Permission denied\n", err)
    (home / "keys").chmod(0o777)
    assert xtrade("list") == (
        4,
        "",
        f"xtrade: other users can change what is in {home}/keys (mode 777): chmod go-w {home}/keys\n",
    )


@pytest.mark.parametrize(
    ("place", "code", "said"),
    [
        ("/etc/passwd", 4, "/etc/passwd is not a directory"),
        ("keys", 3, "XTRADE_HOME is 'keys': expected an absolute path"),
        ("~nobody-of-that-name/x", 3, "expected an absolute path"),
    ],
)
def test_a_home_that_cannot_be_one_is_not_an_empty_one(place, code, said, xtrade, monkeypatch):
    monkeypatch.setenv("XTRADE_HOME", place)
    got, out, err = xtrade("list")

    assert (got, out) == (code, "")
    assert said in err


def test_a_key_that_is_shadowed_is_shown_as_not_used(keystore, home, xtrade, key_file):
    (home / "keys").mkdir()
    path = key_file("binance").rename(home / "keys" / "binance.txt")

    assert re.search(r"keystore \(not used\) +[0-9a-f]{8}", xtrade("list")[1])
    assert "in a place that comes first" in xtrade("add", "binance", "--replace", "--from-file", str(path))[2]


def test_only_the_keystore_is_removed_from_and_the_other_places_are_named(keystore, home, xtrade, key_file):
    (home / "keys").mkdir()
    path = key_file("okx").rename(home / "keys" / "okx.txt")

    assert xtrade("remove", "okx", "--yes") == (
        4,
        "",
        "xtrade: okx is not in the keystore; it has keys in: key file okx.txt\n",
    )
    assert path.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["add", "binanse"], 2, "no venue is called 'binanse'. Did you mean 'binance'?"),
        (["add", "okx"], 2, "there is no terminal to ask for the keys of okx: give --from-file FILE (or -)"),
        (
            ["add", "okx", "--from-file", "nowhere.txt"],
            4,
            "cannot read nowhere.txt: No such file or directory",
        ),
        (["add", "okx", "--environment", "real"], 2, 'invalid value "real" for --environment'),
        (["test", "okx"], 4, "no keys for okx: xtrade keys add okx"),
        (["remove", "okx"], 4, "okx is not in the keystore"),
        (["remove", "binance"], 2, "to remove the keys of binance without being asked, say --yes"),
    ],
)
def test_each_mistake_is_one_line_with_the_way_out(arguments, code, message, keystore, xtrade):
    got, out, err = xtrade(*arguments)

    assert (got, out) == (code, "")
    assert message in err
    assert err.startswith("xtrade: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "secret",
    [
        "uV3Xp9/2kq0LhT+8dYbNcRzE5mWsJ7Ga4iKfQoPxUt0=",
        "64f1c0de9a7b3e5d2c881f0a",
        "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",
        "Fz7!kd0 pA9%",
        "0x" + "4f" * 32,
    ],
)
@pytest.mark.parametrize(
    "arguments",
    [
        ["add", "okx", "{}"],
        ["add", "okx", "--from-file", "-", "{}"],
        ["add", "{}"],
        ["add", "okx.{}"],
        ["add", "okx", "--environment", "{}"],
        ["add", "okx", "--environment={}"],
        ["add", "okx", "--from-file", "{}"],
        ["add", "okx", "--from-file=./{}"],
        ["add", "okx", "--{}"],
        ["test", "okx.{}"],
        ["remove", "okx.{}", "--yes"],
        ["list", "{}"],
        ["{}"],
    ],
    ids=" ".join,
)
def test_a_secret_pasted_into_the_wrong_place_is_not_repeated(arguments, secret, xtrade):
    code, out, err = xtrade(*(argument.format(secret) for argument in arguments))

    assert code in {2, 4}
    assert secret.lower() not in (out + err).lower()
    assert err.count("\n") == 1


def test_a_wrong_passphrase_a_damaged_file_and_a_missing_terminal_are_told_apart(keystore, xtrade):
    assert xtrade("test", "binance", passphrase=WRONG)[2] == f"xtrade: wrong passphrase for {keystore.path}\n"
    code, _, err = xtrade("test", "binance", passphrase=None)
    assert code == 4
    assert "no terminal to ask for its passphrase: set XTRADE_PASSPHRASE" in err

    keystore.path.write_bytes(keystore.path.read_bytes()[:-9])
    for arguments in (
        ["test", "binance"],
        ["add", "okx", "--from-file", "-"],
        ["remove", "binance", "--yes"],
    ):
        assert "is damaged: restore it from a backup" in xtrade(*arguments)[2]
    assert xtrade("list")[0] == 1


def readings(text):
    """All that a text says, to somebody who tries each decoder on each part of it."""
    yield text
    yield text.lower()
    yield urllib.parse.unquote_plus(text)
    for word in re.findall(r"[0-9a-fA-F]{12,}", text):
        for start in (0, 1):
            yield bytes.fromhex(word[start:][: len(word[start:]) // 2 * 2]).decode("latin-1")
    for word in re.findall(r"[A-Za-z0-9+/_-]{12,}", text):
        for start in range(4):
            part = word[start:].replace("-", "+").replace("_", "/")
            yield base64.b64decode(part[: len(part) // 4 * 4]).decode("latin-1")


def everything_written(home, output):
    """What the commands said, and every file that they left."""
    yield output
    for path in home.rglob("*"):
        if path.is_file():
            yield path.read_text("latin-1")


@pytest.mark.parametrize("venue", sorted(VENUES))
def test_no_command_leaves_a_secret_anywhere(venue, keystore, home, xtrade, key_file, keys, monkeypatch):
    """
    Every command, when it works and when it fails in each way it can: no secret on the screen or in a file, in
    the open, as hex, as base64 or URL-encoded; in the keystore they are, but sealed.
    """
    secrets = {field.name for field in needs(venue).fields if not field.public}
    canaries = {value for seed in (0x11, 2) for name, value in keys(venue, seed).items() if name in secrets}
    canaries |= {PASSPHRASE, WRONG, keys("binance")["api_key"], keys("binance")["api_secret"]}
    account = f"{venue}.sub1"
    path = str(key_file(venue))
    last = max(secrets)
    said = []

    def do(*arguments, **options):
        # Each command knows of no secret but those that it meets: the last net must not hide a hole in the first.
        redaction._forms.clear()
        said.append("".join(map(str, xtrade(*arguments, **options))))

    do("add", account, "--from-file", path, passphrase=WRONG)
    do("add", account, "--from-file", path)
    do("add", account, "--from-file", path)
    do("add", account, "--from-file", str(key_file(venue, 2)), "--replace")
    do("add", f"{venue}.sub2", "--from-file", "-", stdin="\n".join(keys(venue).values()))
    do("add", f"{venue}.sub2", "--from-file", "-", stdin=f"{last}: {keys(venue)[last]}")
    do("add", f"{venue}.sub2", "--from-file", "-", stdin=f"{last} {keys(venue)[last]}=")
    do("add", f"{venue}.sub2", "--from-file", str(key_file(venue, name="k.json")))
    do("add", f"{venue}.sub2", "--from-file", str(key_file(venue, name="k.toml")))
    do("add", f"{venue}.sub2", "--from-file", str(key_file(venue, mode=0o644)))
    do("add", f"{venue}.sub2", "--from-file", str(key_file(venue, **{last: keys(venue)[last] + " !"})))
    do("list")
    do("list", "--json")
    do("test", account)
    do("test", account, "--json")
    do("test", account, passphrase=WRONG)
    for name, value in keys(venue).items():
        monkeypatch.setenv(variable(AccountName(venue), name), value)
    do("test", venue)
    monkeypatch.setenv(variable(AccountName(venue), last), keys(venue)[last])
    do("list")
    do("remove", account, "--yes", passphrase=WRONG)
    do("remove", account, "--yes")
    sealed = keystore.path.read_bytes()
    keystore.path.write_bytes(sealed[:-3])
    do("test", "binance")
    do("list")
    keystore.path.write_bytes(sealed)

    assert any("is in the keystore" in words for words in said)
    for written in everything_written(home, "\n".join(said)):
        for reading in readings(written):
            for canary in canaries:
                assert canary not in reading
                assert canary.removeprefix("0x") not in reading


def test_two_processes_that_add_at_once_lose_neither(keystore, home, key_file):
    venues = ["okx", "grvt", "lighter"]
    environ = {**os.environ, "XTRADE_PASSPHRASE": PASSPHRASE}
    adding = [
        subprocess.Popen(
            [sys.executable, "-m", "xtrade", "keys", "add", venue, "--from-file", str(key_file(venue))],
            env=environ,
            stderr=subprocess.DEVNULL,
        )
        for venue in venues
    ]

    assert [process.wait() for process in adding] == [0, 0, 0]
    assert {entry.account for entry in keystore.header().entries} == {"binance", *venues}


class Terminal:
    """A real terminal with a person at it: answers each prompt as it comes."""

    opened: ClassVar[list["Terminal"]] = []

    def __init__(self, *arguments):
        self.shown = ""
        self.answered = 0
        with warnings.catch_warnings():
            # Python 3.12 and later dislike a fork of a process with threads; this child calls exec at once.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.process, self.window = pty.fork()
        if self.process == 0:
            os.execv(sys.executable, [sys.executable, "-m", "xtrade", "keys", *arguments])
        self.opened.append(self)

    def expect(self, prompt, answer=None):
        while (at := self.shown.find(prompt, self.answered)) < 0:
            assert self._read(), f"it ended before {prompt!r}: {self.shown}"
        self.answered = at + len(prompt)
        if answer is not None:
            os.write(self.window, f"{answer}\n".encode())

    def leave(self):
        while self._read():
            pass
        return self._close()

    def end(self):
        os.kill(self.process, signal.SIGKILL)
        self._close()

    def _close(self):
        self.opened.remove(self)
        os.close(self.window)
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])

    def _read(self):
        assert select.select([self.window], [], [], 30)[0], f"nothing more came after: {self.shown}"
        try:
            got = os.read(self.window, 4096).decode()
        except OSError:  # Linux's way to say that the other side has closed
            got = ""
        self.shown += got
        return got


@pytest.fixture(autouse=True)
def _nobody_stays_at_a_terminal():
    yield
    for terminal in list(Terminal.opened):
        terminal.end()


def test_a_person_is_asked_for_each_field_and_sees_no_secret(keystore, keys):
    given_by_hand = keys("lighter", 2)
    screen = Terminal("add", "lighter")
    screen.expect("Passphrase of the keystore: ", PASSPHRASE)
    screen.expect("live or testnet [live]: ", "foo")
    screen.expect("That is not it: the environment is live or testnet.")
    screen.expect("live or testnet [live]: ", "")
    screen.expect("account index", "12x")
    screen.expect("That is not it: expected a whole number")
    screen.expect("account index", given_by_hand["account_index"])
    screen.expect("0 to 3 belong to the venue's own apps", given_by_hand["api_key_index"])
    screen.expect("private key", "canary-mistyped")
    screen.expect("That is not it: expected hex digits")
    screen.expect("private key", given_by_hand["private_key"])

    assert screen.leave() == 0
    assert "lighter (live) is in the keystore" in screen.shown
    for secret in (PASSPHRASE, "canary-mistyped", given_by_hand["private_key"]):
        assert secret not in screen.shown
    assert keystore.open(AccountName("lighter"), Secret(PASSPHRASE)).revealed() == given_by_hand


@pytest.mark.skipif(sys.platform != "linux", reason="finds the terminal in /proc")
def test_what_was_pasted_ahead_of_a_failure_does_not_reach_the_shell(keystore):
    screen = Terminal("add", "okx")
    screen.expect("Passphrase of the keystore: ", PASSPHRASE)
    screen.expect("live or testnet [live]: ")
    # What the shell will read from, once the command has ended.
    shell = os.open(os.readlink(f"/proc/{screen.process}/fd/0"), os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    os.write(screen.window, b"foo\nfoo\nfoo\ncanary-pasted\n")
    screen.expect("xtrade: environment: the environment is live or testnet (nothing was written)")

    with pytest.raises(BlockingIOError):
        os.read(shell, 100)
    os.close(shell)
    assert screen.leave() == 4


def test_a_person_is_asked_before_keys_are_removed(keystore):
    screen = Terminal("remove", "binance")
    screen.expect("Remove binance (live, ", "n")
    assert screen.leave() == 1
    assert "Nothing was removed." in screen.shown
    assert len(keystore.header().entries) == 1


@pytest.mark.parametrize(
    ("arguments", "prompt"), [(["test", "binance"], "Passphrase"), (["remove", "binance"], "[y/N]")]
)
def test_a_terminal_that_closes_changes_nothing(arguments, prompt, keystore):
    screen = Terminal(*arguments)
    screen.expect(prompt)
    os.write(screen.window, b"\x04")
    screen.expect("xtrade: the terminal was closed: nothing was changed")

    assert screen.leave() == 2


@pytest.mark.usefixtures("hearing_ctrl_c")
def test_ctrl_c_at_a_prompt_changes_nothing_and_gives_the_terminal_back(keystore):
    before = keystore.path.read_bytes()
    screen = Terminal("test", "binance")
    screen.expect("Passphrase of the keystore: ")
    os.write(screen.window, b"\x03")
    screen.expect("interrupted")
    echo = termios.tcgetattr(screen.window)[3] & termios.ECHO

    assert echo
    assert screen.leave() == 130
    assert keystore.path.read_bytes() == before
