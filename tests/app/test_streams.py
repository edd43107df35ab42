"""The command line on streams that fail: a full disk, a closed stream, a reader that leaves, an old encoding."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

XTRADE = f"{sys.executable} -m xtrade"
full_disk = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")


def bash(line, home, **variables):
    """Run a line of the shell, where `xtrade` is this xtrade; give back its exit code, output and errors."""
    ran = subprocess.run(
        ["bash", "-c", f'xtrade() {{ {XTRADE} "$@"; }}; {line}'],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "HOME": str(home), "XTRADE_HOME": str(home), **variables},
        cwd=home,
    )
    return ran.returncode, ran.stdout, ran.stderr


@full_disk
@pytest.mark.parametrize(
    "arguments",
    ["--help", "--version", "keys --help", "doctor", "doctor --json", "symbols table BTC --json", "config show",
     "config schema", "keys list", "completion bash"],
)  # fmt: skip
def test_an_answer_that_does_not_fit_the_disk_is_one_line_and_no_mistake_of_ours(arguments, tmp_path):
    assert bash(f"xtrade {arguments} > /dev/full", tmp_path) == (
        69,
        "",
        "xtrade: standard output cannot be written: no space left on device\n",
    )


@full_disk
@pytest.mark.parametrize(("arguments", "code"), [("foo", 2), ("keys test okx", 4), ("config init", 0)])
def test_a_remark_that_cannot_be_written_changes_no_exit_code(arguments, code, tmp_path):
    assert bash(f"xtrade {arguments} 2> /dev/full", tmp_path) == (code, "", "")


@pytest.mark.parametrize(
    "arguments", ["--help", "keys --help", "keys list", "symbols table BTC", "completion bash"]
)
def test_a_closed_output_swallows_the_answer(arguments, tmp_path):
    assert bash(f"xtrade {arguments} >&-", tmp_path) == (0, "", "")


def test_with_every_stream_closed_the_exit_code_still_tells(tmp_path):
    assert bash("xtrade --help <&- >&- 2>&-", tmp_path)[0] == 0
    assert bash("xtrade foo <&- >&- 2>&-", tmp_path)[0] == 2


def test_a_closed_input_reads_as_empty(tmp_path):
    code, _, err = bash(
        "xtrade keys add okx --from-file - <&-", tmp_path, XTRADE_PASSPHRASE="canary-passphrase"
    )

    assert code == 4
    assert err.startswith("xtrade: standard input: okx lacks api_key")


@pytest.mark.parametrize(
    "arguments", ["", "keys --help", "completion bash", "symbols table BTC", "symbols table BTC --json"]
)
def test_a_reader_that_has_seen_enough_is_no_error(arguments, tmp_path):
    assert bash(f"xtrade {arguments} | true; exit ${{PIPESTATUS[0]}}", tmp_path) == (0, "", "")


@pytest.mark.parametrize(
    "encoding",
    [{"PYTHONIOENCODING": name} for name in ("ascii", "latin-1", "cp1252")]
    + [{"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}],
    ids=str,
)
def test_the_doctor_speaks_to_a_terminal_that_knows_no_utf_8(encoding, tmp_path):
    code, out, err = bash("xtrade doctor", tmp_path, **encoding)

    assert code in {0, 1}
    assert err == ""
    assert out.isascii()
    assert "  + xtrade " in out
    assert "-> set a UTF-8 locale" in out


def test_a_sign_that_the_encoding_lacks_is_written_as_its_number(tmp_path):
    code, out, _ = bash(
        "xtrade config show --set log.file=pi-π.log", tmp_path, PYTHONIOENCODING="latin-1:strict"
    )

    assert code == 0
    assert "-\\u03c0.log" in out
