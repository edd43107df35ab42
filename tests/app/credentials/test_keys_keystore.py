"""The keystore: opens for the passphrase, tells damage from a wrong one, and loses nothing (SE-06)."""

import base64
import json
import re
import subprocess
from hashlib import sha256

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from xtrade.app.credentials import keystore as room
from xtrade.app.credentials.keystore import STRONG, Cost, Keystore
from xtrade.app.credentials.record import AccountName
from xtrade.app.credentials.venues import VENUES
from xtrade.model.errors import CredentialsError
from xtrade.runtime import files
from xtrade.runtime.secrets import Secret

PASSPHRASE = Secret("canary passphrase")


@pytest.fixture
def keystore(tmp_path, record, cheap):
    kept = Keystore(tmp_path / "home" / "keystore")
    kept.put(record("binance"), PASSPHRASE, cost=cheap)
    return kept


def test_every_venues_keys_come_back_as_they_were(keystore, record, keys):
    for venue in VENUES:
        keystore.put(record(venue), PASSPHRASE)
        keystore.put(record(f"{venue}.sub1", "testnet", seed=2), PASSPHRASE)

    for venue in VENUES:
        main, sub = (keystore.open(AccountName(venue, label), PASSPHRASE) for label in ("", "sub1"))
        assert (main.revealed(), main.environment) == (keys(venue), "live")
        assert (sub.revealed(), sub.environment) == (keys(venue, 2), "testnet")
        assert str(sub.account) == f"{venue}.sub1"


def test_the_file_is_its_owners_alone_and_holds_no_secret_in_the_open(keystore, keys):
    content = keystore.path.read_bytes()

    assert keystore.path.stat().st_mode & 0o777 == 0o600
    assert keystore.path.parent.stat().st_mode & 0o777 == 0o700
    for value in [*keys("binance").values(), PASSPHRASE.reveal()]:
        assert value.encode() not in content
        assert base64.b64encode(value.encode()) not in content
    assert list(keystore.path.parent.iterdir()) == [keystore.path]


def test_what_may_be_known_is_known_without_the_passphrase(keystore, record, cheap):
    header = keystore.header()

    assert header.cost == cheap
    assert [(e.account, e.environment, e.fields, e.fingerprint) for e in header.entries] == [
        ("binance", "live", ("api_key", "api_secret"), record("binance").fingerprint)
    ]


def test_a_keystore_that_others_can_read_is_refused(keystore):
    keystore.path.chmod(0o640)

    with pytest.raises(CredentialsError, match=r"mode 640\): chmod 600 "):
        keystore.open(AccountName("binance"), PASSPHRASE)


def test_a_wrong_passphrase_is_called_wrong_and_changes_nothing(keystore, record):
    before = keystore.path.read_bytes()
    for use in (
        lambda wrong: keystore.open(AccountName("binance"), wrong),
        keystore.verify,
        lambda wrong: keystore.put(record("okx"), wrong),
        lambda wrong: keystore.remove(AccountName("binance"), wrong),
    ):
        with pytest.raises(CredentialsError, match=f"^wrong passphrase for {keystore.path}$"):
            use(Secret("Canary passphrase"))
    assert keystore.path.read_bytes() == before


def test_an_accented_letter_may_be_typed_in_either_way(tmp_path, record, cheap):
    keystore = Keystore(tmp_path / "keystore")
    keystore.put(record("binance"), Secret("clé de voûte"), cost=cheap)

    keystore.verify(Secret("cle\u0301 de vou\u0302te"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(data=st.data())
def test_any_damage_is_called_damage_before_a_passphrase_is_asked_for(keystore, data):
    whole = keystore.path.read_bytes()
    torn = bytearray(whole)
    place = data.draw(st.integers(0, len(torn) - 1))
    if data.draw(st.booleans(), label="cut"):
        del torn[place:]
    else:
        torn[place] ^= 1 << data.draw(st.integers(0, 7))
    keystore.path.write_bytes(torn)
    try:
        with pytest.raises(CredentialsError, match="is damaged"):
            keystore.header()
        with pytest.raises(CredentialsError, match="is damaged"):
            keystore.open(AccountName("binance"), PASSPHRASE)
    finally:
        keystore.path.write_bytes(whole)


def rewrite(keystore, change):
    """Change header or body as somebody would who knows the format but not the passphrase."""
    header, body, _, _ = keystore.path.read_bytes().split(b"\n")
    content = json.loads(header)
    header, body = change(content, body) or (json.dumps(content).encode(), body)
    checksum = sha256(header + b"\n" + body).hexdigest().encode()
    keystore.path.write_bytes(b"\n".join([header, body, checksum, b""]))


def relabelled(content, body):
    content["entries"][0]["environment"] = "testnet"


def renamed(content, body):
    content["entries"][0]["account"] = "okx"


def another_nonce(content, body):
    content["nonce"] = base64.b64encode(bytes(12)).decode()


def another_body(content, body):
    flipped = bytearray(base64.b64decode(body))
    flipped[0] ^= 1
    return json.dumps(content).encode(), base64.b64encode(flipped)


@pytest.mark.parametrize("change", [relabelled, another_nonce, another_body])
def test_what_somebody_changed_is_refused_though_the_passphrase_is_right(keystore, change):
    """
    A testnet key cannot be made to pass for one of real money, nor the reverse (HU-02).
    """
    rewrite(keystore, change)

    with pytest.raises(CredentialsError, match="has been tampered with: the passphrase is right"):
        keystore.open(AccountName("binance"), PASSPHRASE)


def test_keys_cannot_be_moved_to_another_account(keystore):
    rewrite(keystore, renamed)

    with pytest.raises(CredentialsError, match="tampered"):
        keystore.open(AccountName("okx"), PASSPHRASE)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("cost", {"memory_kib": 2**40, "passes": 1, "lanes": 1}),
        ("cost", {"memory_kib": 8, "passes": 1, "lanes": 2}),
        ("cost", {"memory_kib": 2**20, "passes": 17, "lanes": 1}),
        ("salt", 5),
        ("salt", "c2FsdA=="),
        ("surprise", 1),
    ],
)
def test_a_header_that_makes_no_sense_is_refused_before_it_costs_anything(keystore, key, value):
    rewrite(keystore, lambda content, body: content.update({key: value}))

    with pytest.raises(CredentialsError, match="its header makes no sense"):
        keystore.open(AccountName("binance"), PASSPHRASE)


def test_a_keystore_behind_a_link_is_changed_where_it_is(keystore, record, tmp_path):
    vault = tmp_path / "vault"
    vault.mkdir(0o700)
    keystore.path.rename(vault / "ks")
    keystore.path.symlink_to(vault / "ks")

    keystore.put(record("okx"), PASSPHRASE)

    assert keystore.path.is_symlink()
    assert len(Keystore(vault / "ks").header().entries) == 2
    assert list(vault.iterdir()) == [vault / "ks"]
    vault.chmod(0o770)
    with pytest.raises(CredentialsError, match=rf"chmod go-w {vault}$"):
        keystore.exists()


def test_a_link_to_a_keystore_that_is_away_is_not_a_new_beginning(keystore, record, cheap):
    keystore.path.unlink()
    keystore.path.symlink_to("/nowhere/ks")

    assert keystore.exists()
    with pytest.raises(CredentialsError, match="it is a link, and what it points to is not there"):
        keystore.header()
    with pytest.raises(CredentialsError, match="cannot write"):
        keystore.put(record("okx"), PASSPHRASE, cost=cheap)


def test_a_damaged_keystore_is_moved_away_as_the_message_says(keystore, record, cheap):
    keystore.path.write_bytes(keystore.path.read_bytes()[:-9])
    with pytest.raises(CredentialsError) as refusal:
        keystore.header()
    command = re.search(r"\((mv .*)\) and add the keys anew$", str(refusal.value))[1]

    subprocess.run(command, shell=True, check=True)

    keystore.put(record("okx"), PASSPHRASE, cost=cheap)
    assert len(keystore.header().entries) == 1


@pytest.mark.parametrize("mode", [0o777, 0o720, 0o702])
def test_a_keystore_that_others_could_exchange_is_refused(keystore, mode):
    keystore.path.parent.chmod(mode)

    with pytest.raises(CredentialsError, match=rf"mode {mode:o}\): chmod go-w {keystore.path.parent}$"):
        keystore.exists()


def test_a_keystore_that_cannot_be_looked_for_is_not_a_missing_one(keystore, as_nobody):
    with (
        as_nobody(keystore.path.parent),
        pytest.raises(CredentialsError, match=r"^cannot look into .*: Permission denied$"),
    ):
        keystore.exists()


def test_a_keystore_of_a_later_version_asks_for_a_later_xtrade(keystore):
    rewrite(keystore, lambda content, body: content.update(xtrade_keystore=2, novelty={}))

    with pytest.raises(CredentialsError, match="is of version 2: a newer xtrade"):
        keystore.header()


def test_salt_is_kept_and_the_nonce_is_new_each_time(keystore, record):
    headers = []
    for seed in range(1, 6):
        keystore.put(record("binance", seed=seed), PASSPHRASE)
        headers.append(keystore.header())

    assert len({header.nonce for header in headers}) == 5
    assert len({header.salt for header in headers}) == 1


def test_two_keystores_under_one_passphrase_have_nothing_in_common(tmp_path, record, cheap):
    for name in "ab":
        Keystore(tmp_path / name).put(record("binance"), PASSPHRASE, cost=cheap)
    a, b = (Keystore(tmp_path / name).header() for name in "ab")

    assert (a.salt, a.check) != (b.salt, b.check)


def test_the_usual_cost_is_strong_and_the_header_says_it(tmp_path, record):
    keystore = Keystore(tmp_path / "keystore")
    keystore.put(record("binance"), PASSPHRASE)

    assert keystore.header().cost == STRONG == Cost(memory_kib=262_144, passes=4, lanes=2)
    assert not STRONG.is_weak()
    assert Cost(memory_kib=8, passes=1, lanes=1).is_weak()


def test_removing_leaves_the_others(keystore, record, keys):
    keystore.put(record("okx"), PASSPHRASE)
    keystore.remove(AccountName("binance"), PASSPHRASE)

    assert [entry.account for entry in keystore.header().entries] == ["okx"]
    assert keystore.open(AccountName("okx"), PASSPHRASE).revealed() == keys("okx")
    with pytest.raises(CredentialsError, match="binance is not in"):
        keystore.open(AccountName("binance"), PASSPHRASE)


def test_a_record_that_a_later_table_finds_wanting_locks_out_no_other(keystore, record, keys, monkeypatch):
    keystore.put(record("okx"), PASSPHRASE)
    monkeypatch.setattr(
        room, "check_record", lambda *given: (_ for _ in ()).throw(CredentialsError("wanting"))
    )
    with pytest.raises(CredentialsError, match="wanting"):
        keystore.open(AccountName("binance"), PASSPHRASE)
    monkeypatch.undo()

    keystore.remove(AccountName("binance"), PASSPHRASE)
    assert keystore.open(AccountName("okx"), PASSPHRASE).revealed() == keys("okx")


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_crash_while_writing_leaves_the_old_keystore(keystore, record, keys, call, monkeypatch):
    class Killed(BaseException):
        pass

    def dying(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(*((files.os, "fsync") if call == "fsync" else (files.Path, "replace")), dying)
        with pytest.raises(Killed):
            keystore.put(record("okx"), PASSPHRASE)

    assert keystore.open(AccountName("binance"), PASSPHRASE).revealed() == keys("binance")
    keystore.put(record("okx"), PASSPHRASE)
    assert len(keystore.header().entries) == 2
    assert keystore.path.stat().st_mode & 0o777 == 0o600


def test_a_full_disk_is_a_sentence(keystore, record, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(CredentialsError, match=r"cannot write .*keystore: No space left on device"):
        keystore.put(record("okx"), PASSPHRASE)


def test_nothing_of_a_key_shows_in_the_rooms_own_objects(keystore):
    key = room._derive(keystore.header(), PASSPHRASE)

    assert repr(key) == "_Key(...)"
    assert PASSPHRASE.reveal() not in repr(keystore.header())
