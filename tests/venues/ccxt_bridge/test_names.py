"""Our ids fit where ccxt hands them over, and are found again in what comes back."""

import re

import pytest
from hypothesis import given, strategies as st

from xtrade.model.ids import ClientOrderId
from xtrade.runtime.id_forms import TEXT
from xtrade.venues.ccxt.names import FORMS_THROUGH_CCXT, form_of

LEGAL = {
    "bitfinex": r"[0-9]{1,14}",
    "dydx": r"[0-9]{1,10}",
    "gate": r"t-[0-9a-zA-Z_.-]{1,28}",
    "gateeu": r"t-[0-9a-zA-Z_.-]{1,28}",
    "htx": r"[0-9]{1,19}",
    "hyperliquid": r"0x[0-9a-f]{32}",
    "kraken": r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "woo": r"[0-9]{1,19}",
    "woofipro": r"[0-9]{1,19}",
}


@pytest.mark.parametrize("exchange", FORMS_THROUGH_CCXT)
@given(data=st.data())
def test_every_id_fits_and_is_found_again(exchange, data):
    form = form_of(exchange)
    number = ClientOrderId(data.draw(st.integers(1, form.space.end - 1)))
    wire = form.encode(number)

    assert re.fullmatch(LEGAL[exchange], str(wire))
    assert form.decode(wire) == form.decode(str(wire)) == number


@pytest.mark.parametrize("exchange", FORMS_THROUGH_CCXT)
@pytest.mark.parametrize("wire", [None, "", "by-hand", "t-web", "0x00", 1.5, []])
def test_somebody_elses_id_is_not_ours(exchange, wire):
    assert form_of(exchange).decode(wire) is None


def test_elsewhere_it_is_the_usual_text():
    assert form_of("bybit") is TEXT
    assert form_of("lighter").space.bits == 48
