"""A log file under a real limit of the operating system, which takes half a line as a full disk does."""

import json
import stat
import subprocess
import sys

import pytest

from xtrade.ops.log_file import RotatingFile

resource = pytest.importorskip("resource")

CODE = """
import io, json, resource, signal, sys
from xtrade.ops.log_config import LogConfig
from xtrade.ops.logs import configure, FILE_RETRY_NS
import structlog

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
now = [0]
stream = io.StringIO()
with configure(LogConfig(file=sys.argv[1]), run_id="r", now_ns=lambda: now[0], stream=stream):
    log = structlog.get_logger("x")
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
    for n in range(20):
        log.info("tick", n=n)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    now[0] += FILE_RETRY_NS
    log.info("after")
print(stream.getvalue(), end="")
"""


def test_half_a_line_on_a_full_disk_spoils_no_other_line(tmp_path):
    path = tmp_path / "node.jsonl"
    answer = subprocess.run([sys.executable, "-c", CODE, path], capture_output=True, text=True, check=True)

    told = [json.loads(line)["event"] for line in answer.stdout.splitlines()]
    assert told.count("tick") == 20
    assert sum("cannot be written" in event for event in told) == 1
    assert "is written again" in told[-1]
    *whole, torn, after = path.read_text().splitlines()
    assert [json.loads(line)["n"] for line in whole] == list(range(len(whole)))
    with pytest.raises(json.JSONDecodeError):
        json.loads(torn)
    assert json.loads(after)["event"] == "after"


def test_a_file_that_was_there_with_other_rights_is_its_owners_alone(tmp_path):
    path = tmp_path / "node.jsonl"
    path.write_text("before\n")
    path.chmod(0o666)

    file = RotatingFile(path, bytes_max=1_000, files_max=2)
    file.write(b"after")
    file.close()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == "before\nafter\n"
