"""Key files: read as traders write them, refused when others can read them, and never quoted."""

import json
import os

import pytest
from hypothesis import given, strategies as st

from xtrade.app.credentials.key_files import account_of, parse_plain, read_key_file
from xtrade.app.credentials.record import AccountName
from xtrade.app.credentials.venues import VENUES, needs
from xtrade.model.errors import CredentialsError

PEM = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f
-----END PRIVATE KEY-----"""


@pytest.fixture
def write(tmp_path):
    def file(name, text, mode=0o600):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        return path

    return file


def plain(values, separator=": "):
    return "".join(f"{name.replace('_', ' ')}{separator}{value}\n" for name, value in values.items())


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("kind", ["txt", "toml", "json"])
def test_each_venues_keys_are_read_from_each_kind_of_file(venue, kind, keys, write):
    values = keys(venue)
    text = {
        "txt": plain(values),
        "toml": "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items()),
        "json": json.dumps(values),
    }[kind]
    found = read_key_file(write(f"{venue}.{kind}", text), AccountName(venue))

    assert found.revealed() == values
    assert found.environment == "live"


SPELLINGS = (
    str.lower,
    str.upper,
    str.title,
    lambda name: name.replace("_", "-"),
    lambda name: name.replace("_", "  ").title(),
    lambda name: name.replace("_", ""),
)


@given(data=st.data(), venue=st.sampled_from(sorted(VENUES)))
def test_names_are_taken_in_any_case_and_spelling(data, venue):
    lines, expected = [], {}
    for number, field in enumerate(data.draw(st.permutations(needs(venue).fields))):
        name = data.draw(st.sampled_from(SPELLINGS))(data.draw(st.sampled_from([field.name, *field.aliases])))
        separator = data.draw(st.sampled_from([":", "=", " : ", "= ", "\t:\t"]))
        quote = data.draw(st.sampled_from(["", '"', "'"]))
        expected[field.name] = f"value:{number}=#x"
        lines.append(data.draw(st.sampled_from(["", "# a remark\n", "\n", "// too\n"])))
        lines.append(
            f"{data.draw(st.sampled_from(['', '  ']))}{name}{separator}{quote}{expected[field.name]}{quote} \n"
        )

    assert parse_plain("".join(lines), AccountName(venue), "test") == expected


def test_the_file_that_traders_keep_is_understood(write, keys):
    values = keys("backpack")
    lines = [
        "\ufeffExchange: Backpack",
        f"api key: {values['api_key']}",
        f"Secret: {values['private_key']}",
        "",
        "environment: mainnet",
    ]
    path = write("Backpack_key.txt", "\r\n".join(lines))

    assert account_of(path) == ("backpack", "")
    assert read_key_file(path, AccountName("backpack")).revealed() == values


@pytest.mark.parametrize(
    ("name", "account"),
    [
        ("Backpack_key.txt", "backpack"), ("binance.toml", "binance"), ("binance.sub1.json", "binance.sub1"),
        ("OKX-API-keys.txt", "okx"), ("lighter", "lighter"), ("binance.sub1", "binance.sub1"), ("GRVT.key", "grvt"),
        ("kucoin.sub2_key.txt", "kucoin.sub2"),
    ],
)  # fmt: skip
def test_a_files_name_tells_the_account(name, account, tmp_path):
    assert str(account_of(tmp_path / name)) == account


@pytest.mark.parametrize("name", ["notes.txt", "binance.bak~", "key.txt", "README", "binance.toml.gz"])
def test_other_files_are_nobodys(name, tmp_path):
    assert account_of(tmp_path / name) is None


def test_a_pem_key_goes_on_over_its_lines(write):
    path = write("binance.txt", f"api key: canary-key\nsecret: {PEM}\nenv: testnet\n")
    found = read_key_file(path, AccountName("binance"))

    assert found.secrets["api_secret"].reveal().strip() == PEM
    assert found.environment == "testnet"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("colour: CANARY1\n", r"line 1: not a field of okx \(api key, api secret, passphrase\)\.$"),
        (
            "# x\n\napi key: a\npassfrase: CANARY1\n",
            r"line 4: not a field of okx .*Did you mean 'passphrase'\?$",
        ),
        ("api key: a\nCANARY1\n", r"line 2: expected 'name: value'"),
        ("CANARY1=\n", "line 1: not a field of okx"),
        ("api key: CANARY1\nAPI-KEY: CANARY2\n", "line 2: a second value for api key"),
        ("exchange: binance\n", "line 1: this file is for another venue than okx"),
        ("secret: -----BEGIN PRIVATE KEY-----\nCANARY1\n", "line 1: the PEM key has no END line"),
        ("environment: CANARY1\n", "the environment is live or testnet"),
        ("environment: tesnet\n", "Did you mean 'testnet'"),
    ],
)
def test_a_line_that_is_not_understood_is_named_by_its_number_and_never_quoted(text, why, write):
    with pytest.raises(CredentialsError, match=why) as refusal:
        read_key_file(write("okx.txt", text), AccountName("okx"))
    assert "CANARY" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("okx.toml", "api_key = 'CANARY1'\nCANARY2\nCANARY3", r"not TOML \(line 2\)$"),
        ("okx.json", '{"api_key": "CANARY1"\n "CANARY2"}', r"not JSON \(line 2\)$"),
        ("okx.json", "[" * 50_000, "not JSON$"),
        ("okx.json", '["CANARY1"]', "expected the fields of one account"),
        ("okx.json", '{"api_key": ["CANARY1"]}', "expected text for each field"),
        ("okx.toml", "api_key = true", "expected text for each field"),
        ("okx.toml", "[okx]\napi_key = 'CANARY1'", "expected text for each field"),
        ("okx.toml", "api_kye = 'CANARY1'", "Did you mean 'api key'"),
        ("okx.txt", b"api key: \xff\xfeCANARY1", "is not UTF-8"),
        ("okx.txt", "api key: " + "x" * 70_000, "larger than any key file"),
        ("okx.txt", "", "lacks api_key, api_secret, passphrase"),
    ],
)
def test_a_file_of_another_form_is_refused_without_quoting_it(name, text, why, write):
    with pytest.raises(CredentialsError, match=why) as refusal:
        read_key_file(write(name, text), AccountName("okx"))
    assert "CANARY" not in str(refusal.value)
    assert name in str(refusal.value)


@given(text=st.text() | st.text("abcdef:=\n \"'-#api key", max_size=80))
def test_any_text_is_read_or_refused(text):
    try:
        found = parse_plain(text, AccountName("okx"), "test")
    except CredentialsError:
        found = {}

    assert set(found) <= {"api_key", "api_secret", "passphrase", "environment"}


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o601, 0o666])
def test_a_file_that_others_can_reach_is_refused_with_the_command_that_helps(mode, write, keys):
    path = write("okx key.txt", plain(keys("okx")), mode)

    with pytest.raises(CredentialsError, match=rf"\(mode {mode:o}\): chmod 600 '.*okx key.txt'$"):
        read_key_file(path, AccountName("okx"))


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_for_its_owner_alone_is_read(mode, write, keys):
    assert read_key_file(write("okx.txt", plain(keys("okx")), mode), AccountName("okx")).source.startswith(
        "key file"
    )


def test_a_file_of_another_user_is_refused(write, keys, monkeypatch):
    path = write("okx.txt", plain(keys("okx")))
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)

    with pytest.raises(CredentialsError, match="belongs to another user"):
        read_key_file(path, AccountName("okx"))


def test_a_file_that_is_not_there_or_is_a_directory_is_named(tmp_path):
    with pytest.raises(CredentialsError, match=r"cannot read .*nowhere.txt: No such file"):
        read_key_file(tmp_path / "nowhere.txt", AccountName("okx"))
    with pytest.raises(CredentialsError, match=r"cannot read .*: Is a directory"):
        read_key_file(tmp_path, AccountName("okx"))
