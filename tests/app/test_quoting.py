"""What an error may repeat of a command line: words, so that a misspelling is seen, and never a key."""

import base64

import pytest
from hypothesis import given, strategies as st

from xtrade.app.quoting import quoted, without_pasted


@pytest.mark.parametrize(
    "word", ["binanse", "Binance", "okx.sub1", "Backpack_key.txt", "OKX-API-keys.txt", "--from-file", ""]
)
def test_a_word_is_repeated(word):
    assert quoted(word) == repr(word)


@given(st.binary(min_size=16, max_size=64))
def test_a_key_is_counted_in_each_form_that_venues_hand_out(raw):
    for key in (raw.hex(), "0x" + raw.hex(), base64.b64encode(raw).decode()):
        assert quoted(key) == f"a text of {len(key)} characters"


def test_only_the_keys_commands_count_what_is_no_word():
    message = "takes no more arguments, but there is 'BTC/USDT:USDT'."

    assert without_pasted(message, ["symbols", "map", "BTC/USDT:USDT"]) == message
    assert without_pasted(message, ["keys", "add", "BTC/USDT:USDT"]) == (
        "takes no more arguments, but there is a text of 13 characters."
    )
