"""
What one log entry costs the code that writes it: our sink, with secrets to search for, beside structlog's own JSON
pipeline and the standard library with a JSON formatter, neither of which looks at what it writes.

All write the same entry with the same ids to /dev/null, in turn, round after round; figures are medians.
"""

from __future__ import annotations

import io
import json
import logging
import os
import sys
from collections.abc import Callable
from statistics import median
from time import perf_counter_ns

import structlog

from xtrade.ops import log_limit
from xtrade.ops.log_config import LogConfig
from xtrade.ops.logs import bound, configure
from xtrade.runtime.secrets import Secret

ROUNDS = 21
ENTRIES = 2_000
SECRETS = 12
FIELDS = {"instrument": "okx:BTC/USDT:USDT", "lots": 3, "price": "65000.1", "side": "buy"}


def main() -> None:
    log_limit.LINES_MAX = sys.maxsize
    for _ in range(SECRETS):
        Secret(os.urandom(24).hex())
    with open(os.devnull, "w") as sink:
        writers: dict[str, Callable[[], None]] = {
            "the standard library, JSON formatter": lambda: with_logging(sink),
            "structlog, JSONRenderer": lambda: with_structlog(sink),
            f"xtrade, {SECRETS} secrets known": lambda: with_xtrade(sink, "info"),
            "xtrade, below the level": lambda: with_xtrade(sink, "warning"),
        }
        took: dict[str, list[float]] = {name: [] for name in writers}
        for _ in range(ROUNDS):
            for name, write in writers.items():
                began_ns = perf_counter_ns()
                write()
                took[name].append((perf_counter_ns() - began_ns) / ENTRIES / 1000)
    medians = {name: median(of) for name, of in took.items()}
    base = medians["structlog, JSONRenderer"]
    print(f"Python {sys.version.split()[0]}, {ROUNDS} rounds of {ENTRIES:,} entries, medians\n")
    print("| Writer | µs an entry | × structlog |\n|---|---:|---:|")
    for name, us in medians.items():
        print(f"| {name} | {us:.1f} | {us / base:.1f} |")


def with_xtrade(sink: io.TextIOBase, level: str) -> None:
    with (
        configure(LogConfig(level=level, form="json"), run_id="r", stream=sink),
        bound(order_id="01HX9", correlation_id="hedge-7"),
    ):
        write_entries()


def with_structlog(sink: io.TextIOBase) -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sink),
        cache_logger_on_first_use=False,
    )
    with structlog.contextvars.bound_contextvars(run_id="r", order_id="01HX9", correlation_id="hedge-7"):
        write_entries()


def write_entries() -> None:
    log = structlog.get_logger("xtrade.venues.okx")
    for _ in range(ENTRIES):
        log.info("order sent", **FIELDS)


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {"time": self.formatTime(record), "level": record.levelname, "logger": record.name}
        return json.dumps(entry | {"event": record.getMessage()} | record.fields)


def with_logging(sink: io.TextIOBase) -> None:
    handler = logging.StreamHandler(sink)
    handler.setFormatter(JsonFormatter())
    log = logging.getLogger("bench")
    log.handlers, log.propagate, log.level = [handler], False, logging.INFO
    ids = {"run_id": "r", "order_id": "01HX9", "correlation_id": "hedge-7"}
    for _ in range(ENTRIES):
        log.info("order sent", extra={"fields": ids | FIELDS})


if __name__ == "__main__":
    main()
