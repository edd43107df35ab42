"""For every test: its faults by name, Hypothesis's examples (in CI the same each time), and ears for Ctrl-C."""

import os
import signal
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("desk", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "desk")


def pytest_collection_modifyitems(items):
    """Let the tests of a fault of docs/faults.toml be chosen by it: `pytest -k OE-01`."""
    catalogue = tomllib.loads((Path(__file__).parents[1] / "docs" / "faults.toml").read_text())
    names = {}
    for row in (
        *(fault for group in catalogue["group"] for fault in group["fault"]),
        *catalogue["invariant"],
    ):
        for test in row.get("tests", ()):
            names.setdefault(f"tests/{test}", set()).add(row["id"])
    for item in items:
        item.extra_keyword_matches |= names.get(item.nodeid, set())
        item.extra_keyword_matches |= names.get(item.nodeid.partition("[")[0], set())


@pytest.fixture
def hearing_ctrl_c():
    """A script's background jobs start deaf to Ctrl-C, and so would the children of tests among them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
