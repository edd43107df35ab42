"""The log sink as a whole: what reaches the stream and the file, from structlog and from libraries."""

import asyncio
import io
import json
import logging
import os
import re
import sys
import warnings

import pytest
import structlog

from xtrade.ops.log_config import LogConfig
from xtrade.ops.logs import bound, configure
from xtrade.runtime.virtual import run_virtual

NOON_NS = 1_780_000_000_123_456_789


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self):
        self.ns = NOON_NS

    def now_ns(self):
        return self.ns


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def logged(clock):
    """Run `write` with logs set up; return what came out, as JSON objects."""

    def run(write, stream=None, **config):
        stream = stream or io.StringIO()
        with configure(LogConfig(**config), run_id="run-1", now_ns=clock.now_ns, stream=stream) as sink:
            write(structlog.get_logger("xtrade.trading"), sink)
        return [json.loads(line) for line in stream.getvalue().splitlines()]

    return run


def test_an_entry_is_one_json_object_with_time_level_logger_event_run_id_and_fields(logged):
    (entry,) = logged(lambda log, _: log.info("order sent", lots=3))

    assert list(entry.items()) == [
        ("time", "2026-05-28T20:26:40.123456789Z"),
        ("level", "info"),
        ("logger", "xtrade.trading"),
        ("event", "order sent"),
        ("run_id", "run-1"),
        ("lots", 3),
    ]


def test_time_in_the_log_is_the_time_of_the_clock_it_was_given(logged, clock):
    def write(log, _):
        log.info("before")
        logging.getLogger("library").warning("between")
        clock.ns += 3_600 * 10**9
        log.info("an hour later")

    assert [e["time"][11:19] for e in logged(write)] == ["20:26:40", "20:26:40", "21:26:40"]


def test_a_field_cannot_pass_for_the_entrys_own_time_or_level(logged):
    (entry,) = logged(lambda log, _: log.warning("book", level=2, time=5, logger="me"))

    assert entry["level"] == "warning"
    assert (entry["level_"], entry["time_"], entry["logger_"]) == (2, 5, "me")


def test_ids_go_with_the_task_they_were_bound_in_and_with_its_children(logged):
    async def place(log, order_id):
        with bound(order_id=order_id, correlation_id=f"hedge-{order_id}"):
            await asyncio.create_task(send(log))

    async def send(log):
        await asyncio.sleep(0)
        log.info("sent")
        logging.getLogger("aiohttp").warning("slow")

    async def both(log):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(place(log, "a"))
            tasks.create_task(place(log, "b"))

    entries = logged(lambda log, _: (asyncio.run(both(log)), log.info("after")))

    assert sorted((e["event"], e.get("order_id"), e.get("correlation_id")) for e in entries[:-1]) == [
        ("sent", "a", "hedge-a"),
        ("sent", "b", "hedge-b"),
        ("slow", "a", "hedge-a"),
        ("slow", "b", "hedge-b"),
    ]
    assert "order_id" not in entries[-1]


def test_entries_below_the_level_are_not_written_ours_or_a_librarys(logged):
    def write(log, _):
        log.info("no")
        logging.getLogger("library").info("no")
        log.warning("yes")
        logging.getLogger("library").critical("yes")

    assert [e["level"] for e in logged(write, level="warning")] == ["warning", "critical"]


def test_a_librarys_record_keeps_its_extra_fields_and_its_traceback(logged):
    def write(_log, _sink):
        try:
            raise OSError("gone")
        except OSError:
            logging.getLogger("library").exception("lost %s", "it", extra={"venue": "okx"})

    (entry,) = logged(write)

    assert (entry["logger"], entry["event"], entry["venue"]) == ("library", "lost it", "okx")
    assert entry["exception"].endswith("OSError: gone")


def test_a_librarys_format_that_does_not_fit_its_arguments_is_still_logged(logged):
    (entry,) = logged(lambda *_: logging.getLogger("library").error("%d lots", "three"))

    assert entry["event"] == "%d lots ('three',)"


def test_warnings_go_to_the_log(logged):
    def write(_log, _sink):
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("old call", DeprecationWarning, stacklevel=1)

    (entry,) = logged(write)

    assert entry["event"] == "DeprecationWarning: old call"
    assert entry["level"] == "warning"


def test_an_exception_is_logged_with_all_its_causes(logged):
    def write(log, _):
        try:
            try:
                raise ConnectionError("reset")
            except ConnectionError as error:
                raise RuntimeError("order in doubt") from error
        except RuntimeError:
            log.exception("place failed")

    (entry,) = logged(write)

    assert entry["level"] == "error"
    assert re.search(
        "ConnectionError: reset.*direct cause.*RuntimeError: order in doubt$", entry["exception"], re.DOTALL
    )


class Hostile:
    def __repr__(self):
        raise RuntimeError("no")


def test_what_cannot_be_written_as_json_is_written_as_well_as_can_be(logged):
    loop = []
    loop.append(loop)

    (entry,) = logged(
        lambda log, _: log.info(Hostile(), a=Hostile(), b=float("nan"), c=1 << 80, d=loop, e={1: {2}})
    )

    assert entry["event"] == "<Hostile that cannot be shown>"
    assert entry["a"] == "<Hostile that cannot be shown>"
    assert (entry["b"], entry["c"]) == ("nan", str(1 << 80))
    assert entry["e"] == {"1": [2]}


def test_a_huge_frame_in_a_field_is_cut_not_written_whole(logged):
    entries = logged(
        lambda log, _: (
            log.info("frame", raw="x" * 1_000_000),
            log.info("frames", **{f"f{i}": "é" * 7_000 for i in range(50)}),
        )
    )

    assert entries[0]["raw"].endswith("characters more")
    assert entries[1]["event"] == "frames"
    assert all(len(json.dumps(e, ensure_ascii=False).encode()) < 40_000 for e in entries)


# Two forms --------------------------------------------------------------------------------------------------------


def human(clock, write, **config):
    stream = Terminal()
    with configure(LogConfig(**config), run_id="run-1", now_ns=clock.now_ns, stream=stream):
        write(structlog.get_logger("xtrade.venues.okx"))
    return stream.getvalue()


def test_on_a_terminal_a_line_is_aligned_words_for_a_person(clock, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")

    shown = human(
        clock,
        lambda log: (log.info("book resynced", gap=3, note="two words"), log.error("link down")),
    )

    assert shown == (
        '20:26:40.123 info    venues.okx     book resynced              gap=3  note="two words"\n'
        "20:26:40.123 error   venues.okx     link down\n"
    )


def test_colours_are_for_terminals_only(clock, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")

    assert "\x1b[" in human(clock, lambda log: log.info("x"))
    assert "\x1b[" not in human(clock, lambda log: log.info("x"), form="json")


def test_a_traceback_on_a_terminal_stands_behind_a_gutter(clock, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")

    def write(log):
        try:
            raise ValueError("x\n20:26:40.123 info    venues.okx     all is well")
        except ValueError:
            log.exception("failed")

    first, *rest = human(clock, write).splitlines()

    assert first.endswith("failed")
    assert rest
    assert all(line.startswith("    │ ") for line in rest)


# Too often --------------------------------------------------------------------------------------------------------


def test_the_same_event_a_thousand_times_is_written_some_times_and_then_counted(logged, clock):
    def write(log, _):
        for n in range(1_000):
            log.error("refused", n=n)
        log.error("something else")
        clock.ns += 11 * 10**9
        log.info("later")

    entries = logged(write)

    refused = [e for e in entries if e["event"] == "refused"]
    assert [e["n"] for e in refused] == [*range(100), 999]
    assert refused[-1]["held_back"] == 900
    assert [e["event"] for e in entries[-2:]] == ["refused", "later"]


def test_what_was_held_back_is_said_at_the_end_even_if_nothing_else_is_logged(logged):
    entries = logged(lambda log, _: [log.error("refused") for _ in range(101)])

    assert entries[-1]["held_back"] == 1


def test_a_librarys_message_is_known_by_its_format_not_by_its_arguments(logged):
    entries = logged(lambda *_: [logging.getLogger("library").error("retry %d", n) for n in range(500)])

    assert len(entries) == 101
    assert entries[-1]["held_back"] == 400


# The file ---------------------------------------------------------------------------------------------------------


def test_the_file_gets_json_while_the_terminal_reads_words(clock, tmp_path):
    path = tmp_path / "logs" / "node.jsonl"

    shown = human(clock, lambda log: log.info("order sent", lots=3), file=str(path))

    assert "order sent" in shown
    assert json.loads(path.read_text())["lots"] == 3
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_log_never_takes_more_than_its_files_of_its_bytes(logged, clock, tmp_path):
    path = tmp_path / "node.jsonl"

    def write(log, _):
        for n in range(400):
            clock.ns += 10**9
            log.info("tick", n=n)

    logged(write, file=str(path), file_bytes_max=2_000, files_max=3)

    kept = [path.with_name("node.jsonl.2"), path.with_name("node.jsonl.1"), path]
    assert sorted(kept) == sorted(tmp_path.iterdir())
    assert all(file.stat().st_size <= 2_000 for file in kept)
    numbers = [json.loads(line)["n"] for file in kept for line in file.read_text().splitlines()]
    assert numbers == list(range(numbers[0], 400))


def test_one_file_is_simply_begun_anew(logged, clock, tmp_path):
    def write(log, _):
        for n in range(50):
            log.info("tick", n=n)

    logged(write, file=str(tmp_path / "node.jsonl"), file_bytes_max=1_000, files_max=1)

    assert [file.name for file in tmp_path.iterdir()] == ["node.jsonl"]
    assert (tmp_path / "node.jsonl").stat().st_size <= 1_000


def test_a_device_is_never_rotated(logged, tmp_path):
    path = tmp_path / "null"
    path.symlink_to("/dev/null")

    logged(lambda log, _: [log.info("tick", n=n) for n in range(50)], file=str(path), file_bytes_max=1_000)

    assert list(tmp_path.iterdir()) == [path]


def test_a_log_file_that_cannot_be_opened_is_said_once_and_the_program_goes_on(logged, tmp_path):
    (tmp_path / "taken").write_text("a file where a directory is wanted")

    def write(log, _):
        log.info("one")
        log.info("two")

    entries = logged(write, file=str(tmp_path / "taken" / "node.jsonl"))

    assert [e["event"] for e in entries][0::2] == ["one", "two"]
    assert "cannot be written (Not a directory): logging goes on here alone" in entries[1]["event"]
    assert len(entries) == 3


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full, a disk that is always full")
def test_a_full_disk_is_said_once_and_the_file_is_taken_up_again_when_there_is_space(logged, clock, tmp_path):
    path = tmp_path / "node.jsonl"
    path.symlink_to("/dev/full")

    def write(log, _):
        log.info("lost")
        log.info("lost too")
        path.unlink()
        clock.ns += 61 * 10**9
        log.info("written")

    entries = logged(write, file=str(path))

    assert "No space left on device" in entries[1]["event"]
    assert "is written again; 2 lines are only here" in entries[-1]["event"]
    assert [json.loads(line)["event"] for line in path.read_text().splitlines()] == ["written"]


class Gone(io.StringIO):
    def write(self, _text):
        raise BrokenPipeError


def test_a_stream_whose_reader_has_gone_does_not_stop_the_program(clock, tmp_path):
    config = LogConfig(file=str(tmp_path / "node.jsonl"))
    with configure(config, run_id="run-1", now_ns=clock.now_ns, stream=Gone()):
        structlog.get_logger().info("still here")

    assert "still here" in (tmp_path / "node.jsonl").read_text()


@pytest.mark.parametrize("form", ["json", "human"])
def test_a_stream_that_only_knows_ascii_gets_ascii(clock, form):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", errors="strict")
    with configure(LogConfig(form=form), run_id="run-1", now_ns=clock.now_ns, stream=stream):
        structlog.get_logger().info("币安人生")

    assert raw.getvalue().isascii()
    assert form == "human" or json.loads(raw.getvalue())["event"] == "币安人生"


def test_afterwards_logging_is_as_it_was_before():
    before = logging.getLogger().handlers[:], logging.getLogger().level, warnings.showwarning, sys.stderr
    with configure(LogConfig(), run_id="run-1", stream=io.StringIO()):
        assert logging.getLogger().handlers != before[0]

    assert before == (
        logging.getLogger().handlers,
        logging.getLogger().level,
        warnings.showwarning,
        sys.stderr,
    )


def test_under_virtual_time_a_line_carries_virtual_time():
    stream = io.StringIO()

    async def an_hour_later():
        await asyncio.sleep(3600)
        structlog.get_logger("xtrade.test").info("an hour later")

    with configure(LogConfig(form="json"), run_id="run-1", stream=stream):
        run_virtual(an_hour_later)

    assert json.loads(stream.getvalue())["time"].startswith("2026-01-01T01:00:00.000")
