import json

import pytest

from kit.okx import FIXTURES, RECEIVED_NS, SWAP, intended, made
from xtrade.venues.codec import Known
from xtrade.venues.okx.spec import SPEC


@pytest.fixture
def codec():
    return made()


@pytest.fixture
def hear(codec):
    """What a message means, told as text or as what JSON it is."""

    def heard(message, line="public"):
        payload = message.encode() if isinstance(message, str) else json.dumps(message).encode()
        return list(codec.hear(SPEC.line(line), payload, RECEIVED_NS))

    return heard


@pytest.fixture
def recorded():
    """A payload that was recorded from the venue."""

    def payload(name):
        path = FIXTURES / f"{name}.json"
        if not path.exists():
            pytest.skip(f"the recorded payload okx/{name}.json is not here")
        return json.loads(path.read_text())

    return payload


@pytest.fixture
def ours(codec):
    """An order of ours as the link knows it."""
    intent = intended(codec)
    return Known(intent, codec.markets.of(SWAP).instrument)
