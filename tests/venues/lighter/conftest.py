"""Payloads and vectors recorded from the venue: read where they are; tests skip where they are not."""

import json
from pathlib import Path

import pytest

FIXTURES = Path(__file__).resolve().parents[3].parent / "shared" / "fixtures" / "lighter"


@pytest.fixture(scope="session")
def recorded_bytes():
    def read(name):
        path = FIXTURES / name
        if not path.exists():
            pytest.skip(f"the recorded payload {name} is not here")
        return path.read_bytes()

    return read


@pytest.fixture(scope="session")
def recorded(recorded_bytes):
    return lambda name: json.loads(recorded_bytes(name))
