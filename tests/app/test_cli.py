"""The command line as its user meets it: help, errors, exit codes, and what it may cost."""

import json
import os
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import cyclopts
import pytest

from xtrade.app import cli
from xtrade.app.cli import COMMANDS, Command, build, run
from xtrade.model import errors
from xtrade.runtime.secrets import Secret
from xtrade.symbols.patterns import VENUES

XTRADE = [sys.executable, "-m", "xtrade"]

# None of these is needed to say which commands exist, and each costs a reader 10 to 500 ms.
HEAVY = (
    "aiohttp", "asyncio", "attr", "ccxt", "cryptography", "cyclopts", "email", "keyring", "msgspec", "numba", "numpy",
    "polars", "pygments", "ray", "rich", "ssl", "structlog", "typing_extensions", "uvloop",
)  # fmt: skip


def shell(*arguments, home, **options):
    environment = {**os.environ, "HOME": str(home), "NO_COLOR": "1", "COLUMNS": "80"}
    for name in ("XTRADE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "PYTHONPATH"):
        environment.pop(name, None)
    return subprocess.run(
        [*XTRADE, *arguments],
        capture_output=True,
        text=True,
        env=environment,
        cwd=home,
        check=False,
        **options,
    )


@pytest.fixture
def command(monkeypatch):
    """Hang a command into the table that does what the test wants; its name is `probe`."""

    def hang(action):
        app = cyclopts.App(name="probe")
        app.default(action)
        monkeypatch.setattr(sys.modules[__name__], "probe", app, raising=False)
        monkeypatch.setitem(sys.modules, "probe_module", sys.modules[__name__])
        monkeypatch.setattr(cli, "COMMANDS", (Command("probe", "probe_module:probe", "Probe.", "Probes"),))

    return hang


# Help -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_the_front_page_names_every_command_with_its_help(arguments, capsys):
    assert run(arguments) == 0

    shown = " ".join(capsys.readouterr().out.split())
    for row in COMMANDS:
        assert f" {row.name} {row.help}" in shown
        assert row.group in shown


def test_the_front_page_fits_a_narrow_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    run([])

    assert max(map(len, capsys.readouterr().out.splitlines())) <= 60


def test_the_front_page_and_the_version_load_nothing_heavy(tmp_path):
    code = f"""
import sys
from xtrade.app.cli import run
run(["--help"])
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )

    assert answer.stdout.splitlines()[-1] == "[]"


def test_an_answer_in_json_does_not_load_what_draws_tables(tmp_path):
    code = """
import sys
from xtrade.app.cli import run
run(["doctor", "--json"])
print([name for name in ("rich", "pygments", "structlog", "cryptography", "asyncio") if name in sys.modules])
"""
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )

    assert answer.stdout.splitlines()[-1] == "[]"


def test_the_version_is_the_packages(capsys):
    from importlib.metadata import version

    assert run(["--version"]) == 0
    assert capsys.readouterr().out == version("xtrade") + "\n"


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.name)
def test_a_row_of_the_table_resolves_and_says_what_its_target_says(row):
    module, _, name = row.target.partition(":")
    app = getattr(import_module(module), name)

    assert app.name[0] == row.name
    assert app.help.strip().splitlines()[0] == row.help


def words(app, *before):
    """Every command and group of the command line, as words."""
    if before:
        yield before, app
    for name in app:
        if not name.startswith("-"):
            yield from words(app[name], *before, name)


EVERY_PAGE = [pytest.param(path, app, id=" ".join(path)) for path, app in words(build())]
EVERY_COMMAND = [page for page in EVERY_PAGE if page.values[1].default_command is not None]


@pytest.mark.parametrize(("path", "app"), EVERY_PAGE)
def test_every_command_and_group_lists_examples_in_the_same_manner(path, app, capsys):
    assert run([*path, "--help"]) == 0

    page = capsys.readouterr().out
    examples = page.split("\nExamples\n\n")[1].split("\n\n")[0].splitlines()
    assert all(line.startswith("- `") and line.endswith("`") for line in examples)
    assert any(f"xtrade {' '.join(path)}" in line for line in examples)
    assert "\n\n\n" not in page


@pytest.mark.parametrize(("path", "app"), EVERY_PAGE)
def test_help_names_what_a_value_is_not_its_type(path, app, capsys):
    run([*path, "--help"])

    assert not {"STR", "[ARGS]", "STR..."} & set(capsys.readouterr().out.split())


# A command that writes (a file, the keystore, a script for the shell) answers with what it wrote; one prints JSON
# as it is.
WRITES = {
    "completion",
    "config init",
    "config schema",
    "journal checkpoint",
    "journal export",
    "keys add",
    "keys remove",
}


@pytest.mark.parametrize(("path", "app"), EVERY_COMMAND)
def test_every_command_that_reads_can_answer_in_json(path, app, capsys):
    run([*path, "--help"])

    assert ("--json" in capsys.readouterr().out) or " ".join(path) in WRITES


def test_every_help_page_fits_eighty_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for row in COMMANDS:
        run([row.name, "--help"])

    assert max(len(line.rstrip()) for line in capsys.readouterr().out.splitlines()) <= 80


# Errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["doctr"], 'unknown command "doctr". Did you mean "doctor"?'),
        (["doctor", "--jsn"], "unknown option: --jsn. Did you mean --json? See `xtrade doctor --help`."),
        (
            ["doctor", "now"],
            "doctor takes no more arguments, but there is 'now'. See `xtrade doctor --help`.",
        ),
        (["completion"], "completion needs SHELL. See `xtrade completion --help`."),
        (["completion", "ksh"], 'invalid value "ksh" for SHELL. Choose from: "bash", "zsh", "fish".'),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line_that_says_how_to_go_on(arguments, said, capsys):
    assert run(arguments) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("xtrade: ")
    assert err.count("\n") == 1
    assert said in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["symbols", "map", "XX", "--venue", "okx"],
        ["keys", "test", "binance"],
        ["config", "show", "--set", "a=b"],
    ],
    ids=" ".join,
)
def test_a_failure_leaves_standard_output_empty_with_json_too(arguments, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("XTRADE_HOME", str(tmp_path))

    assert run([*arguments, "--json"]) not in {0, 1, 70}
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("xtrade: ")
    assert err.count("\n") == 1


def test_a_missing_option_is_named(command, capsys):
    def probe(*, venue: str) -> None: ...

    command(probe)

    assert run(["probe"]) == 2
    assert capsys.readouterr().err == "xtrade: probe needs a value for --venue. See `xtrade probe --help`.\n"


def test_an_error_of_ours_is_its_message_and_its_exit_code(command, capsys):
    def probe():
        raise errors.ConfigError("venues.okx.region = 'mars': expected one of global, eea, us.")

    command(probe)

    assert run(["probe"]) == 3
    assert capsys.readouterr().err == "xtrade: venues.okx.region = 'mars': expected one of global, eea, us.\n"


def test_an_error_carries_neither_a_secret_nor_a_control_character_to_the_screen(command, capsys):
    Secret("command-line-canary")

    def probe():
        raise errors.DataError("bad frame \x1b[2J\u202e command-line-canary\nsecond line")

    command(probe)
    run(["probe"])

    assert capsys.readouterr().err == "xtrade: bad frame \\x1b[2J\\u202e **** second line\n"


def test_a_mistake_of_ours_is_one_line_too_and_shows_its_traceback_when_asked(command, capsys, monkeypatch):
    Secret("traceback-canary")

    def probe():
        raise ZeroDivisionError("a\nb") from ValueError("traceback-canary")

    command(probe)
    monkeypatch.delenv("XTRADE_DEBUG", raising=False)

    assert run(["probe"]) == 70
    assert capsys.readouterr().err == (
        "xtrade: ZeroDivisionError: a b (a mistake of ours: run again with XTRADE_DEBUG=1 and report what it prints)\n"
    )
    monkeypatch.setenv("XTRADE_DEBUG", "1")
    assert run(["probe"]) == 70
    shown = capsys.readouterr().err
    assert "Traceback (most recent call last):" in shown
    assert "ValueError: ****" in shown
    assert "traceback-canary" not in shown


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (1, 1)])
def test_what_a_command_returns_is_its_exit_code(command, returned, code):
    def probe():
        return returned

    command(probe)

    assert run(["probe"]) == code


# The shell --------------------------------------------------------------------------------------------------------


def test_ctrl_c_is_one_word_and_130(command, capsys):
    def probe():
        raise KeyboardInterrupt

    command(probe)

    assert run(["probe"]) == 130
    assert capsys.readouterr().err == "xtrade: interrupted\n"


@pytest.mark.usefixtures("hearing_ctrl_c")
def test_a_real_interrupt_ends_the_process_without_a_traceback(tmp_path):
    code = """
import signal, sys
from types import ModuleType
import cyclopts
from xtrade.app import cli

probe = cyclopts.App(name="probe")

@probe.default
def wait():
    print("waiting", flush=True)
    signal.pause()

sys.modules["probe_module"] = module = ModuleType("probe_module")
module.probe = probe
cli.COMMANDS = (cli.Command("probe", "probe_module:probe", "Probe.", "Probes"),)
sys.argv = ["xtrade", "probe"]
cli.main()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as process:
        try:
            assert process.stdout.readline() == "waiting\n"
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=20)
        finally:
            # Leaving the block waits for the end, however long that takes.
            process.kill()

    assert (process.returncode, err) == (130, "xtrade: interrupted\n")


def test_the_test_of_ctrl_c_passes_in_a_background_job_that_is_deaf_to_it():
    interrupts = f"{Path(__file__)}::test_a_real_interrupt_ends_the_process_without_a_traceback"
    line = f"trap '' INT; exec {sys.executable} -m pytest -n0 -p no:cacheprovider {interrupts}"
    ran = subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, timeout=60, cwd=Path(__file__).parents[2]
    )

    assert ran.returncode == 0, ran.stdout


def test_every_command_works_in_an_empty_directory_with_an_empty_home(tmp_path):
    answer = shell("doctor", "--json", home=tmp_path)

    assert answer.returncode in {0, 1}, answer.stderr
    assert json.loads(answer.stdout)
    assert list(tmp_path.iterdir()) == []


def complete(script, *typed):
    """Ask bash what the tab key offers after these words."""
    ask = f"""
source {script}
COMP_WORDS=({" ".join(repr(word) for word in typed)}); COMP_CWORD={len(typed) - 1}
COMP_LINE="${{COMP_WORDS[*]}}"; COMP_POINT=${{#COMP_LINE}}
_xtrade
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    return subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True).stdout.split()


def test_the_tab_key_in_bash_offers_commands_options_and_choices(tmp_path):
    script = tmp_path / "xtrade"
    script.write_text(shell("completion", "bash", home=tmp_path).stdout)

    assert set(complete(script, "xtrade", "")) >= {row.name for row in COMMANDS}
    assert complete(script, "xtrade", "doc") == ["doctor"]
    assert "--json" in complete(script, "xtrade", "doctor", "--")
    assert complete(script, "xtrade", "completion", "") == ["bash", "zsh", "fish"]


def test_the_tab_key_in_bash_offers_venues_and_files(tmp_path):
    script = tmp_path / "xtrade"
    script.write_text(shell("completion", "bash", home=tmp_path).stdout)
    (tmp_path / "okx_key.txt").touch()

    assert complete(script, "xtrade", "symbols", "map", "--venue", "") == list(VENUES)
    for verb in ("add", "remove", "test"):
        assert complete(script, "xtrade", "keys", verb, "bin") == ["binance"]
    path = f"{tmp_path}/okx_"
    assert complete(script, "xtrade", "keys", "add", "okx", "--from-file", path) == [f"{path}key.txt"]


def test_the_tab_keys_words_are_not_the_only_ones_taken(tmp_path, capsys):
    (tmp_path / "markets.json").write_text('[{"native": "XBTUSD", "symbol": "BTC/USD:BTC"}]')
    arguments = ["symbols", "map", "XBTUSD", "--venue", "ccxt:bitmex"]

    assert run([*arguments, "--metadata", str(tmp_path / "markets.json")]) == 0
    assert "BTC/USD:BTC" in capsys.readouterr().out


@pytest.mark.parametrize(("shell_name", "sign"), [("zsh", "#compdef xtrade"), ("fish", "complete -c xtrade")])
def test_zsh_and_fish_get_a_script_with_every_command(shell_name, sign, capsys):
    assert run(["completion", shell_name]) == 0

    script = capsys.readouterr().out
    assert sign in script
    assert all(row.name in script for row in COMMANDS)


def test_the_module_and_the_script_are_the_same_program(tmp_path):
    script = Path(sys.executable).with_name("xtrade")

    assert subprocess.run([script, "--version"], capture_output=True, text=True, check=True).stdout == (
        shell("--version", home=tmp_path).stdout
    )
