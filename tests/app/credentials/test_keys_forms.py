"""What each venue needs, and that a malformed key is found before a venue sees it."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given, strategies as st

from xtrade.app.credentials import forms
from xtrade.app.credentials.record import AccountName, check_record
from xtrade.app.credentials.venues import VENUES, needs
from xtrade.model.errors import CredentialsError, UsageError
from xtrade.runtime.id_forms import FORMS
from xtrade.runtime.secrets import Secret

EVERY_FORM = sorted(
    {field.form for venue in VENUES.values() for field in venue.fields}, key=lambda form: form.name
)


def pem(key, encryption=None):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()).decode()


def test_the_venues_that_have_keys_are_those_that_have_orders():
    assert set(VENUES) == set(FORMS)


@pytest.mark.parametrize("venue", VENUES)
def test_well_formed_keys_are_taken_and_kept_as_they_are_used(venue, keys):
    given_by_hand = {name: f"  {value} " for name, value in keys(venue).items()}
    found = check_record(AccountName(venue), given_by_hand, "live", "test")

    assert found.revealed() == keys(venue)
    assert all(isinstance(secret, Secret) for secret in found.secrets.values())
    assert found.fields == tuple(keys(venue))
    assert set(found.facts) == {field.name for field in needs(venue).fields if field.public}


@pytest.mark.parametrize("venue", VENUES)
def test_each_missing_field_is_named(venue, keys):
    for name in keys(venue):
        given_by_hand = {other: value for other, value in keys(venue).items() if other != name}
        with pytest.raises(CredentialsError, match=f"test: {venue} lacks {name}$"):
            check_record(AccountName(venue), given_by_hand, "live", "test")
        with pytest.raises(CredentialsError, match=f"test: {venue} lacks {name}$"):
            check_record(AccountName(venue), {**keys(venue), name: "  "}, "live", "test")


@pytest.mark.parametrize(
    ("venue", "field", "wrong", "why"),
    [
        ("aster", "wallet", "0x1234", "expected 40 hex digits, got 4"),
        ("aster", "private_key", "0x" + "11" * 31, "expected 64 hex digits, got 62"),
        ("aster", "private_key", "0x" + "ff" * 32, "not a key of the secp256k1 curve"),
        ("aster", "private_key", "00" * 32, "not a key of the secp256k1 curve"),
        ("aster", "private_key", "0x" + "1g" * 32, "expected hex digits"),
        ("backpack", "private_key", base64.b64encode(b"x" * 31).decode(), "expected base64 of 32 bytes, got 31"),
        ("backpack", "private_key", base64.b64encode(b"x" * 64).decode(), "second half is not the public key"),
        ("backpack", "private_key", "not base64!", "expected base64$"),
        ("backpack", "api_key", base64.b64encode(b"x" * 32).decode(), "two different pairs"),
        ("binance", "api_secret", "with a space", "plain characters without spaces"),
        ("binance", "api_secret", "abc", "at least 6 characters"),
        ("binance", "api_secret", "canary\u00e9canary", "plain characters"),
        ("binance", "api_secret", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "was a line lost"),
        ("bitmart", "memo", "a\x1bb", "one line of text"),
        ("derive", "subaccount_id", "-1", "expected a whole number from 0"),
        ("derive", "subaccount_id", "1.5", "expected a whole number"),
        ("grvt", "sub_account_id", str(2**64), "expected a whole number"),
        ("lighter", "api_key_index", "255", "from 0 to 254"),
        ("lighter", "private_key", "0x" + "11" * 39, "expected 80 hex digits, got 78"),
        ("lighter", "private_key", "00" * 40, "the key is zero"),
        ("okx", "passphrase", "12345", "at least 6 characters"),
        ("paradex", "private_key", "0x" + "f1" * 32, "was the Ethereum key pasted"),
        ("paradex", "account_address", "0x" + "f" * 65, "at most 64 hex digits"),
        ("paradex", "account_address", "0x0", "not an address of Starknet"),
    ],
)  # fmt: skip
def test_a_malformed_field_is_named_with_the_reason_and_never_shown(venue, field, wrong, why, keys):
    with pytest.raises(CredentialsError, match=why) as refusal:
        check_record(AccountName(venue), {**keys(venue), field: wrong}, "live", "test")

    assert str(refusal.value).startswith(
        f"test: {field} of {venue}: " if "pair" not in why else f"test: {venue}: "
    )
    assert wrong not in str(refusal.value)


@given(form=st.sampled_from(EVERY_FORM), text=st.text() | st.text("0123456789abcdefxABCDEF=+/", max_size=90))
def test_whatever_is_pasted_a_form_takes_it_or_says_why_not(form, text):
    try:
        kept, reason = form.check(text), None
    except ValueError as refusal:
        kept, reason = None, str(refusal)

    if kept is None:
        assert reason
        assert len(text) < 20 or text not in reason
    else:
        assert form.check(kept) == kept


@given(st.binary(min_size=32, max_size=32))
def test_every_backpack_seed_is_a_key_with_or_without_its_public_half(seed):
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    kept = base64.b64encode(seed).decode()

    assert forms.ED25519_SEED.check(kept) == kept
    assert forms.ED25519_SEED.check(base64.b64encode(seed + public).decode()) == kept
    forms.ed25519_pair(base64.b64encode(public).decode(), kept)


def test_backpacks_published_pair_belongs_together():
    forms.ed25519_pair(
        "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    )


def test_binance_takes_hmac_ed25519_and_rsa():
    ed25519 = pem(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
    rsa_key = pem(rsa.generate_private_key(65537, 2048))

    for key in (ed25519, rsa_key):
        assert forms.HMAC_OR_PEM.check(key) == key
        # As it stands in a variable of the environment.
        assert forms.HMAC_OR_PEM.check(key.replace("\n", "\\n")) == key
    assert forms.HMAC_OR_PEM.check("NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j")


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (pem(ec.generate_private_key(ec.SECP256R1())), "expected an Ed25519 or RSA key"),
        (pem(Ed25519PrivateKey.generate(), BestAvailableEncryption(b"pw")), "has a password of its own"),
    ],
)
def test_binance_refuses_other_pem_keys(key, why):
    with pytest.raises(ValueError, match=why):
        forms.HMAC_OR_PEM.check(key)


def test_hex_keys_are_kept_in_one_spelling():
    assert forms.SECP256K1.check("AB" * 32) == forms.SECP256K1.check("0X" + "ab" * 32) == "0x" + "ab" * 32
    assert forms.STARK_KEY.check("0x" + "0" * 10 + "1f") == "0x1f"


@pytest.mark.parametrize(
    ("text", "venue", "label"),
    [("binance", "binance", ""), ("Binance", "binance", ""), (" okx.sub1 ", "okx", "sub1")],
)
def test_an_account_is_a_venue_or_one_of_several_there(text, venue, label):
    assert AccountName.parse(text) == (venue, label)
    assert AccountName.parse(str(AccountName.parse(text))) == (venue, label)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("binanse", "Did you mean 'binance'"),
        ("kraken!", "Known: aster, backpack"),
        ("binance.", "after the dot"),
        ("binance.sub_1", "after the dot"),
        ("binance.a.b", "after the dot"),
        ("binance./etc", "after the dot"),
        ("", "no venue is called ''"),
    ],
)
def test_another_account_name_is_refused_with_a_suggestion(text, why):
    with pytest.raises(UsageError, match=why):
        AccountName.parse(text)


def test_credentials_print_as_stars_but_name_the_account(record):
    found = record("grvt")

    assert "2147050003876484" in repr(found)
    assert all(secret.reveal() not in repr(found) for secret in found.secrets.values())


def test_a_fingerprint_tells_keys_apart_and_is_the_same_for_the_same(record):
    one, other, same = record(seed=1), record(seed=2), record(account="binance.sub1", seed=1)

    assert one.fingerprint == same.fingerprint != other.fingerprint
    assert len(one.fingerprint) == 8


def test_no_two_fields_of_a_venue_answer_to_one_name():
    for venue, needed in VENUES.items():
        for field in needed.fields:
            for name in (field.name, *field.aliases):
                assert [other.name for other in needed.fields if other.is_called(name)] == [field.name], (
                    venue,
                    name,
                )
