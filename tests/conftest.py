"""For every test: Hypothesis's examples (the same in CI each time, fresh ones at a desk), and ears for Ctrl-C."""

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("desk", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "desk")


@pytest.fixture
def hearing_ctrl_c():
    """A script's background jobs start deaf to Ctrl-C, and so would the children of tests among them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
