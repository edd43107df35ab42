"""Well-formed keys of every venue, made up here: none of them opens anything."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from xtrade.app.credentials.keystore import Cost
from xtrade.app.credentials.record import AccountName, check_record
from xtrade.runtime import secrets

CHEAP = Cost(memory_kib=8, passes=1, lanes=1)


def make_keys(venue, seed=0x11):
    """Return the fields of an account as a person would have them; another seed makes other keys."""
    raw = bytes([seed]) * 32
    public = Ed25519PrivateKey.from_private_bytes(raw).public_key().public_bytes_raw()
    evm = "0x" + raw.hex()
    text = {"api_key": f"canary-key-{seed}-{venue}", "api_secret": f"canary+secret/{seed}=={venue}"}
    return {
        "aster": {"wallet": "0x" + f"{seed:02x}" * 20, "private_key": evm},
        "backpack": {
            "api_key": base64.b64encode(public).decode(),
            "private_key": base64.b64encode(raw).decode(),
        },
        "binance": text,
        "bitmart": {**text, "memo": "bot"},
        "derive": {"wallet": "0x" + f"{seed:02x}" * 20, "subaccount_id": "75723", "private_key": evm},
        "edgex": {
            "account_id": "724625476626153743",
            **text,
            "passphrase": f"canary pass phrase {seed}",
            "private_key": evm,
        },
        "grvt": {"sub_account_id": "2147050003876484", "api_key": text["api_key"], "private_key": evm},
        "kucoin": {**text, "passphrase": f"canary pass phrase {seed}"},
        "lighter": {
            "account_index": "281474976710654",
            "api_key_index": "4",
            "private_key": "0x" + f"{seed:02x}" * 40,
        },
        "okx": {**text, "passphrase": f"canary pass phrase {seed}"},
        "paradex": {"account_address": "0x4f" + "0a" * 30, "private_key": f"0x{seed:x}" + "c4" * 30},
    }[venue]


@pytest.fixture
def keys():
    return make_keys


@pytest.fixture
def cheap():
    return CHEAP


@pytest.fixture
def record():
    def make(account="binance", environment="live", seed=0x11):
        name = AccountName.parse(account)
        return check_record(name, make_keys(name.venue, seed), environment, "test")

    return make


@pytest.fixture(autouse=True)
def _own_memory(monkeypatch):
    """Each test has its own memory of secrets, so that none redacts by accident what another planted."""
    monkeypatch.setattr(secrets, "_forms", set())


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """An empty home, with nothing of this machine's own keys."""
    directory = tmp_path / "home"
    monkeypatch.setenv("XTRADE_HOME", str(directory))
    monkeypatch.delenv("XTRADE_PASSPHRASE", raising=False)
    monkeypatch.delenv("XTRADE_DEBUG", raising=False)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    return directory
