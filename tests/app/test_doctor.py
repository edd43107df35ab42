"""Each check of the doctor is asked about machines that this one is not."""

import os
import socket
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from xtrade.app import doctor
from xtrade.app.cli import run
from xtrade.app.doctor import Finding
from xtrade.app.services import SERVICES, _address, examine_service, services
from xtrade.runtime.extras import EXTRAS, Extra, how_to_install

DAY_NS = 86_400 * 10**9
BY_NAME = {service.name: service for service in SERVICES}


# System and clock -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "verdict"),
    [("3.40.1", "note"), ("3.51.2", "note"), ("3.51.3", "ok"), ("3.53.0", "ok"), ("4.0", "ok")],
)
def test_an_sqlite_with_the_wal_race_is_named(version, verdict):
    finding = doctor.sqlite(version)

    assert finding.verdict == verdict
    assert ("can lose data" in finding.finding) == (verdict == "note")


@pytest.mark.parametrize(("days", "verdict"), [(0, "problem"), (20_800, "ok"), (60_000, "problem")])
def test_a_date_that_cannot_be_true_is_a_problem(days, verdict):
    assert doctor.clock_date(days * DAY_NS).verdict == verdict


@pytest.mark.parametrize(
    ("state", "verdict", "said"),
    [
        ((True, 1500), "ok", "at most 1.5 ms off"),
        ((False, 16_000_000), "note", "not synchronised"),
        (None, "note", "does not say"),
    ],
)
def test_what_the_kernel_says_of_its_clock_is_passed_on(state, verdict, said):
    finding = doctor.clock_synchronised(state)

    assert finding.verdict == verdict
    assert said in finding.finding


def test_a_coarse_clock_is_noted():
    assert doctor.clock_steps(1, 1).verdict == "ok"
    assert doctor.clock_steps(15_625_000, 1).verdict == "note"


# Files ------------------------------------------------------------------------------------------------------------


def mounted(path: Path, kind: str) -> str:
    return f"/dev/root / ext4 rw 0 0\nsomewhere {str(path).replace(' ', chr(92) + '040')} {kind} rw 0 0\n"


def test_a_good_directory_is_written_synced_and_left_as_it_was(tmp_path):
    (finding,) = doctor.directory("state", tmp_path, mounted(tmp_path, "ext4"))

    assert finding.verdict == "ok"
    assert "writable, sync" in finding.finding
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_is_not_there_yet_is_judged_by_where_it_will_be(tmp_path):
    (finding,) = doctor.directory("state", tmp_path / "a" / "b", "")

    assert finding.verdict == "ok"
    assert "made when first needed" in finding.finding
    assert list(tmp_path.iterdir()) == []


def test_a_file_where_the_directory_should_be_is_a_problem(tmp_path):
    (tmp_path / "state").write_text("")

    (finding,) = doctor.directory("state", tmp_path / "state", "")

    assert finding.verdict == "problem"
    assert "nothing can be written there" in finding.finding
    assert "XTRADE_HOME" in (finding.advice or "")


def test_a_directory_that_may_not_be_written_is_a_problem(tmp_path):
    tmp_path.chmod(0o500)
    # Root writes wherever it likes, but not into the kernel's own tree.
    closed = tmp_path if os.geteuid() else Path("/proc")

    assert doctor.directory("state", closed, "")[0].verdict == "problem"


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [("nfs4", "problem"), ("cifs", "problem"), ("9p", "problem"), ("fuse.sshfs", "problem"), ("overlay", "note"),
     ("tmpfs", "note"), ("xfs", "ok")],
)  # fmt: skip
def test_a_journal_on_a_network_or_passing_file_system_is_said(tmp_path, kind, verdict):
    place = tmp_path / "with space"
    place.mkdir()

    assert doctor.directory("state", place, mounted(place, kind))[0].verdict == verdict


@pytest.mark.parametrize(("free", "verdict"), [(10**6, "problem"), (10**9, "note"), (10**11, "ok")])
def test_a_nearly_full_disk_is_said(tmp_path, monkeypatch, free, verdict):
    monkeypatch.setattr(doctor, "_free_bytes", lambda _path: free)

    assert doctor.directory("state", tmp_path, "")[0].verdict == verdict


def test_a_disk_that_syncs_slowly_is_noted(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "_fsync_ms", lambda _path: 45.0)

    assert doctor.directory("state", tmp_path, "")[0].verdict == "note"


def test_a_key_file_that_others_can_read_is_a_problem_with_its_remedy(tmp_path):
    (tmp_path / "Backpack_key.txt").write_text("key: x")
    (tmp_path / "Backpack_key.txt").chmod(0o644)
    (tmp_path / "config.toml").write_text("")

    (finding,) = doctor.key_files(tmp_path)

    assert finding.verdict == "problem"
    assert (finding.advice or "").startswith(f"chmod 600 {tmp_path}/Backpack_key.txt")
    (tmp_path / "Backpack_key.txt").chmod(0o600)
    assert doctor.key_files(tmp_path)[0].finding == "1 readable by you alone"


def test_a_directory_that_others_can_change_is_a_problem_with_its_remedy(tmp_path):
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys").chmod(0o777)

    (finding,) = doctor.key_files(tmp_path)

    assert finding.verdict == "problem"
    assert finding.finding.endswith(f"(mode 777): chmod go-w {tmp_path}/keys")


def test_key_files_that_cannot_be_looked_at_are_no_good_news(tmp_path, as_nobody):
    (tmp_path / "keystore").write_text("")
    (tmp_path / "keystore").chmod(0o600)
    assert doctor.key_files(tmp_path)[0].verdict == "ok"

    with as_nobody(tmp_path):
        (finding,) = doctor.key_files(tmp_path)

    assert (finding.verdict, finding.finding) == (
        "problem",
        f"cannot look into {tmp_path}: Permission denied",
    )


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("nowhere")])
def test_what_is_not_a_key_file_is_not_counted_as_one(tmp_path, make):
    (tmp_path / "keys").mkdir(0o700)
    make(tmp_path / "keys" / "okx.txt")

    assert doctor.key_files(tmp_path)[0].verdict == "problem"


def test_no_key_files_are_no_fault(tmp_path):
    assert doctor.key_files(tmp_path / "nowhere")[0].verdict == "ok"


# Services ---------------------------------------------------------------------------------------------------------


@contextmanager
def answering(answer: bytes, *, first: bool = False):
    """A service on loopback that says one thing to one caller."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                if not first:
                    connection.recv(64)
                if answer:
                    connection.sendall(answer)
                connection.recv(64)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join(5)


def asked(name: str, where: str) -> Finding:
    host, _, port = where.partition(":")
    environment = {
        "PostgreSQL": {"PGHOST": host, "PGPORT": port},
        "NATS": {"NATS_URL": f"nats://user:password@{where}"},
        "Redis": {"REDIS_URL": f"redis://:password@{where}/0"},
    }
    return examine_service(BY_NAME[name], environment[name])


@pytest.mark.parametrize(
    ("name", "answer", "said"),
    [
        ("PostgreSQL", b"S", "with TLS"),
        ("PostgreSQL", b"N", "without TLS"),
        ("NATS", b'INFO {"version":"2.12.0","port":4222}\r\n', "version 2.12.0"),
        ("NATS", b"INFO {broken\r\n", "answers at"),
        ("Redis", b"+PONG\r\n", "answers at"),
        ("Redis", b"-NOAUTH Authentication required.\r\n", "asks for a password"),
    ],
)
def test_a_service_is_known_by_the_answer_of_its_own_protocol(name, answer, said):
    with answering(answer, first=name == "NATS") as where:
        finding = asked(name, where)

    assert finding.verdict == "ok"
    assert said in finding.finding
    assert "password@" not in finding.finding


@pytest.mark.parametrize("name", ["PostgreSQL", "NATS", "Redis"])
def test_something_else_on_the_port_is_not_taken_for_the_service(name):
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n", first=name == "NATS") as where:
        finding = asked(name, where)

    assert finding.verdict == "note"
    assert f"not as {name} does" in finding.finding


@pytest.fixture
def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_a_service_that_the_environment_names_and_that_is_away_is_a_note(closed_port):
    finding = asked("Redis", f"127.0.0.1:{closed_port}")

    assert finding.verdict == "note"
    assert "connection refused" in finding.finding


def test_a_service_that_nobody_named_may_be_absent(closed_port):
    finding = examine_service(BY_NAME["Redis"]._replace(port=closed_port), {})

    assert finding.verdict == "absent"
    assert "not needed unless" in finding.finding


def test_an_address_that_is_none_does_not_stop_the_doctor(closed_port):
    service = BY_NAME["Redis"]._replace(port=closed_port)

    assert examine_service(service, {"REDIS_URL": "redis://[::1"}).verdict == "absent"
    assert examine_service(service, {"REDIS_URL": "redis://host:port"}).verdict == "absent"


def test_all_services_are_asked_and_each_answers_once():
    assert [finding.name for finding in services(os.environ)] == list(BY_NAME)


# Optional parts, terminal, and the whole ---------------------------------------------------------------------------


def test_an_optional_part_that_is_missing_says_how_to_get_it():
    here, missing = doctor.extras([Extra("here", ("json",), "a"), Extra("gone", ("no_such_module",), "b")])

    assert (here.verdict, here.advice) == ("ok", None)
    assert (missing.verdict, missing.advice) == ("absent", how_to_install("gone"))


def test_completion_is_found_where_a_shell_looks_or_in_its_startup_file(tmp_path):
    assert doctor.completion(tmp_path).verdict == "absent"
    (tmp_path / ".zshrc").write_text('eval "$(xtrade completion zsh)"\n')
    assert doctor.completion(tmp_path).finding == "installed: .zshrc"
    script = tmp_path / ".local/share/bash-completion/completions/xtrade"
    script.parent.mkdir(parents=True)
    script.touch()
    assert doctor.completion(tmp_path).finding == "installed: bash, .zshrc"


def test_the_doctor_looks_at_everything_and_keeps_its_areas_together():
    findings = doctor.examine({})

    areas = [finding.area for finding in findings]
    assert list(dict.fromkeys(areas)) == [
        "System", "Clock", "Files", "Services", "Optional parts", "Terminal",
    ]  # fmt: skip
    assert areas == sorted(areas, key=list(dict.fromkeys(areas)).index)
    assert {extra.name for extra in EXTRAS} <= {finding.name for finding in findings}


def test_a_problem_makes_the_exit_code_1_and_is_counted(monkeypatch, tmp_path, capsys):
    (tmp_path / "blocked").write_text("")
    monkeypatch.setenv("XTRADE_HOME", str(tmp_path / "blocked"))

    assert run(["doctor"]) == 1
    assert "3 problems" in capsys.readouterr().out


def test_a_machine_without_problems_makes_it_0(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("XTRADE_HOME", str(tmp_path))
    monkeypatch.setattr(doctor, "_mounts", lambda: "")
    monkeypatch.setattr(doctor, "_free_bytes", lambda _path: 10**12)

    assert run(["doctor"]) == 0
    assert "No problems" in capsys.readouterr().out


def test_what_is_no_address_is_not_shown_since_it_may_hold_a_password():
    dsn = "host=127.0.0.1 user=me password=Hunter2Hunter2 dbname=x"
    for variable in ("DATABASE_URL", "PGHOST"):
        for service in SERVICES:
            host, _, named = _address(service, {variable: dsn})
            assert (host, named) == ("127.0.0.1", False)
