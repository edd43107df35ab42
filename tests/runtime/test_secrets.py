"""Secrets stay inside: nothing that prints, stores or compares them shows them (I21, SE-01, SE-06)."""

import base64
import copy
import dataclasses
import json
import logging
import pickle
import pprint
import string
import subprocess
import sys
import threading
import traceback
import urllib.parse

import msgspec
import pytest
from hypothesis import given, strategies as st

from xtrade.runtime import secrets
from xtrade.runtime.secrets import STARS, Secret, decode_secret, redact

CANARY = "canary/9fKq+Zt7=Ωx2"

# A secret with stars in it could be put together again by the stars of another one.
SECRET_TEXT = st.text(
    st.characters(codec="utf-8", exclude_characters="*"), min_size=secrets.REDACTABLE_LENGTH_MIN, max_size=80
)
AROUND = st.binary(max_size=7)


@pytest.fixture(autouse=True)
def _own_memory(monkeypatch):
    """Each test has its own memory of secrets, so that none redacts by accident what another planted."""
    monkeypatch.setattr(secrets, "_forms", frozenset())


def remember_only(*values):
    secrets._forms = frozenset()
    return [Secret(value) for value in values]


def basic_login(value, left, right):
    return base64.b64encode(left + value.encode() + right).decode()


WAYS_OUT = {
    "plain": lambda value, left, right: value,
    "url": lambda value, left, right: urllib.parse.quote(value),
    "url, no safe": lambda value, left, right: urllib.parse.quote(value, safe=""),
    "query": lambda value, left, right: urllib.parse.urlencode({"k": value}).removeprefix("k="),
    "hex": lambda value, left, right: (left + value.encode() + right).hex(),
    "HEX": lambda value, left, right: (left + value.encode() + right).hex().upper(),
    "base64": basic_login,
    "base64 for URLs": lambda value, left, right: base64.urlsafe_b64encode(
        left + value.encode() + right
    ).decode(),
    "base64 in a URL": lambda value, left, right: urllib.parse.quote(
        basic_login(value, left, right), safe=""
    ),
    "json": lambda value, left, right: json.dumps({"k": value}),
    "json, unicode": lambda value, left, right: json.dumps({"k": value}, ensure_ascii=False),
    "msgspec": lambda value, left, right: msgspec.json.encode({"k": value}).decode(),
    "repr": lambda value, left, right: repr({"k": value}),
}


@pytest.mark.parametrize("way", WAYS_OUT)
@given(value=SECRET_TEXT, left=AROUND, right=AROUND, before=st.text(max_size=9), after=st.text(max_size=9))
def test_no_secret_survives_redaction_whatever_is_around_it(way, value, left, right, before, after):
    """
    The text is redacted, then turned back by every decoder: the secret is in none of the readings.
    """
    remember_only(value)
    shown = redact(before + WAYS_OUT[way](value, left, right) + after)

    assert STARS in shown
    assert value not in shown
    assert value not in urllib.parse.unquote_plus(shown)
    assert value.encode().hex() not in shown.lower()
    assert base64.b64encode(value.encode()).decode().rstrip("=")[:-1] not in shown


@given(
    key=st.binary(min_size=secrets.KEY_BYTES_MIN, max_size=64),
    left=AROUND,
    right=AROUND,
    kept_as=st.sampled_from(["hex", "0x", "base64"]),
)
def test_a_key_is_cut_out_in_its_other_notations_too(key, left, right, kept_as):
    kept = {"hex": key.hex(), "0x": "0x" + key.hex(), "base64": base64.b64encode(key).decode()}[kept_as]
    remember_only(kept)

    for shown in (
        redact((left + key + right).hex()),
        redact((left + key + right).hex().upper()),
        redact(base64.b64encode(left + key + right).decode()),
    ):
        assert STARS in shown
        assert key.hex() not in shown.lower()
    number = str(int.from_bytes(key, "big"))
    assert len(number) < secrets.REDACTABLE_LENGTH_MIN or number not in redact(f"d = {number}")


@given(
    key=st.integers(16**30, 16**64 - 1),
    width=st.sampled_from([0, 63, 64]),
    prefix=st.sampled_from(["0x", "0X", ""]),
)
def test_a_key_that_is_a_number_is_cut_out_however_many_digits_it_is_written_with(key, width, prefix):
    remember_only(f"{prefix}{key:0{width}x}")

    for shown in (f"{key:x}", f"{key:X}", f"{key:064x}", hex(key), f"{key:#066x}", str(key)):
        assert redact(f"k={shown};").replace("0x", "").lstrip("k=0") == f"{STARS};"


def test_each_line_of_a_pem_key_is_a_secret():
    body = ["MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwN", "Dg8QERITFBUWFxgZGhscHR4f"]
    remember_only("\n".join(["-----BEGIN PRIVATE KEY-----", *body, "-----END PRIVATE KEY-----", ""]))

    for text in (body[0], body[1], "".join(body), "\\n".join(body), base64.b64decode("".join(body)).hex()):
        assert redact(f"<{text}>").replace(STARS, "").strip("<>\\n") == ""
    assert redact("-----BEGIN PRIVATE KEY-----") == "-----BEGIN PRIVATE KEY-----"


def test_overlapping_secrets_leave_nothing_of_either():
    remember_only("alpha-bravo", "bravo-charlie", "alpha-bravo-delta")

    assert redact("<alpha-bravo-charlie>") == f"<{STARS}>"
    assert redact("<alpha-bravo-delta>") == f"<{STARS}>"
    assert redact("alpha-bravoalpha-bravo!") == f"{STARS}!"
    assert redact("alpha-bravo alpha-bravo") == f"{STARS} {STARS}"


@given(st.text())
def test_text_without_secrets_is_left_as_it_is(text):
    remember_only()

    assert redact(text) == text


def test_a_text_is_redacted_while_another_thread_makes_secrets():
    remember_only(CANARY)
    done = threading.Event()

    def makes_secrets():
        for number in range(3_000):
            Secret(f"session-token-{number}")
        done.set()

    thread = threading.Thread(target=makes_secrets)
    thread.start()
    shown = set()
    while not done.is_set():
        shown.add(redact(f"<{CANARY}>"))
    thread.join()

    assert shown <= {f"<{STARS}>"}
    assert redact("session-token-0 session-token-2999") == f"{STARS} {STARS}"


def test_no_secret_is_forgotten_when_several_threads_make_them():
    def makes_secrets(thread):
        for number in range(200):
            Secret(f"token-{thread}-{number}")

    threads = [threading.Thread(target=makes_secrets, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    told = " ".join(f"token-{thread}-{number}" for thread in "abcd" for number in range(200))
    assert redact(told).replace(STARS, "").strip() == ""


def test_prices_are_not_eaten_by_short_secrets():
    remember_only("1234", "x", "")

    assert redact("BTC at 91234.5") == "BTC at 91234.5"


class Login(msgspec.Struct):
    user: str
    password: Secret


@dataclasses.dataclass
class Account:
    name: str
    keys: dict[str, Secret]


def test_nothing_that_prints_shows_a_secret():
    secret = Secret(CANARY)
    account = Account("main", {"key": secret})
    login = Login("me", secret)

    for shown in (
        repr(secret), str(secret), f"{secret}", f"{secret!r:>40}", f"{secret:^20}",
        format(secret), repr([secret]), repr(account), repr(login), str(login), pprint.pformat(account),
        json.dumps({"k": secret}, default=str), json.dumps({"k": secret}, default=repr),
        msgspec.json.encode(login, enc_hook=str).decode(), repr(ValueError(secret)), ascii(secret),
    ):  # fmt: skip
        assert STARS in shown
        assert CANARY not in shown


def test_a_traceback_and_a_log_record_show_stars(caplog):
    secret = Secret(CANARY)
    try:
        raise ValueError("the venue said no", secret)
    except ValueError:
        shown = traceback.format_exc()
    logging.getLogger("t").error("login with %s failed", secret)

    assert CANARY not in shown + caplog.text
    assert STARS in shown
    assert STARS in caplog.text


@pytest.mark.parametrize(
    "leak",
    [
        pickle.dumps, copy.copy, copy.deepcopy, json.dumps, msgspec.json.encode, msgspec.msgpack.encode,
        msgspec.to_builtins, hash, len, list, dict, vars, sorted, lambda s: s == CANARY, lambda s: s != CANARY,
        lambda s: s + "", lambda s: "".join([s]), lambda s: {s: 1}, lambda s: s.__getstate__(),
        lambda s: copy.replace(s) if hasattr(copy, "replace") else copy.copy(s), min,
        lambda s: dataclasses.asdict(Account("main", {"key": s})),
    ],
)  # fmt: skip
def test_what_would_copy_or_compare_a_secret_is_refused_without_naming_it(leak):
    with pytest.raises((TypeError, AttributeError)) as refusal:
        leak(Secret(CANARY))

    assert CANARY not in str(refusal.value)


@given(SECRET_TEXT, SECRET_TEXT)
def test_a_secret_matches_its_own_text_alone(value, other):
    assert Secret(value).matches(value)
    assert Secret(value).matches(other) == (value == other)
    assert Secret(value).reveal() == value


def test_half_a_surrogate_pair_is_a_secret_like_any_other():
    broken = "canary\ud800canary"
    remember_only(broken)

    assert broken not in redact(f"<{broken}>")
    assert Secret(broken).matches(broken)


def test_a_secret_is_made_of_text_alone():
    for wrong in (b"bytes", None, 5):
        with pytest.raises(TypeError, match=f"not {type(wrong).__name__}"):
            Secret(wrong)


def test_msgspec_reads_secrets_from_a_configuration():
    login = msgspec.convert({"user": "me", "password": CANARY}, Login, dec_hook=decode_secret)
    again = msgspec.json.decode(
        json.dumps({"user": "me", "password": CANARY}), type=Login, dec_hook=decode_secret
    )

    assert login.password.matches(CANARY)
    assert again.password.matches(CANARY)


def test_msgspec_names_the_place_of_a_wrong_secret_and_not_its_value():
    with pytest.raises(msgspec.ValidationError, match=r"Expected `str`, got `int` - at `\$.password`"):
        msgspec.convert({"user": "me", "password": 1234567}, Login, dec_hook=decode_secret)


def test_a_process_that_holds_secrets_leaves_no_core_file():
    program = """
import ctypes, resource, sys
from xtrade.runtime.secrets import forbid_core_dumps
forbid_core_dumps()
assert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0
assert sys.platform != "linux" or ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) == 0
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_every_use_of_a_secret_is_known():
    """
    `reveal` is called where a key is checked, encrypted or signed with, and where a proxy's password is handed to
    the library that dials it, and nowhere else (SE-12).
    """
    from pathlib import Path

    import xtrade

    house = Path(xtrade.__file__).parent
    users = {str(p.relative_to(house)) for p in house.rglob("*.py") if ".reveal()" in p.read_text()}

    assert users <= {
        "app/credentials/keystore.py",
        "app/credentials/passphrase.py",
        "app/credentials/record.py",
        "net/http.py",
        "net/websocket.py",
        "venues/backpack/auth.py",
        "venues/binance/auth.py",
        "venues/ccxt/wire.py",
        "venues/lighter/auth.py",
        "venues/okx/auth.py",
    }


assert set(CANARY) - set(string.ascii_letters + string.digits), "the canary has characters that get escaped"
