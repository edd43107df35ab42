from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, strategies as st

from kit.markets import instrument, instruments, sides
from xtrade.model.errors import NumberError
from xtrade.model.instruments import Instrument, Kind, TickBand, regrid
from xtrade.model.money import ATOMS_PER_UNIT, Money
from xtrade.model.sides import Side

counts = st.integers(-(10**12), 10**12)
prices = st.integers(1, 10**9)
BANDED = instrument(
    tick=Decimal("0.1"),
    tick_bands=(TickBand(Decimal(10), Decimal("0.5")), TickBand(Decimal(100), Decimal(5))),
)


def test_an_instrument_is_named_by_venue_and_symbol():
    assert instrument().key == "binance:BTC/USDT:USDT"


@given(instruments(), counts)
def test_prices_and_quantities_come_back_as_the_counts_they_were(market, count):
    step = market.tick_step(count)

    assert market.ticks(market.price(count - count % step)) == count - count % step
    assert market.lots(market.quantity(count)) == count


def test_an_off_grid_price_is_an_error_that_names_its_neighbours():
    with pytest.raises(NumberError, match="100.25 is not a multiple of 0.1: the nearest are 100.2 and 100.3"):
        instrument().ticks("100.25")


def test_a_rounding_has_a_name():
    market = instrument()

    assert market.ticks("100.25", toward="down") == 1002
    assert market.ticks("100.25", toward="up") == 1003
    assert market.ticks("100.25", toward="nearest") == 1002
    assert market.ticks("100.25", toward="passive", side=Side.BUY) == 1002
    assert market.ticks("100.25", toward="passive", side=Side.SELL) == 1003
    assert market.ticks("100.25", toward="aggressive", side=Side.BUY) == 1003
    assert market.lots("0.0019", toward="down") == 1
    with pytest.raises(TypeError, match="needs side="):
        market.ticks("100.25", toward="passive")


def test_float_noise_does_not_cost_a_tick():
    market = instrument()

    assert market.ticks(0.1 + 0.2, toward="up") == 3
    assert market.ticks(100.1, toward="down") == 1001


@given(instruments(), st.decimals("0.01", "1e7", places=9), sides)
def test_a_passive_price_never_asks_for_worse_than_it_was_told(market, price, side):
    ticks = market.ticks(price, toward="passive", side=side)

    assert market.on_grid(ticks)
    assert (price - market.price(ticks)) * side.sign >= 0
    assert abs(price - market.price(ticks)) < market.tick * max(
        market.tick_step(ticks), market.tick_step(ticks - 1)
    )


@pytest.mark.parametrize(
    ("price", "down", "up"),
    [
        ("9.97", "9.9", "10"),
        ("10", "10", "10"),
        ("10.2", "10", "10.5"),
        ("99.9", "99.5", "100"),
        ("101", "100", "105"),
    ],
)
def test_a_tick_table_changes_the_step_with_the_price(price, down, up):
    assert BANDED.price(BANDED.ticks(price, toward="down")) == Decimal(down)
    assert BANDED.price(BANDED.ticks(price, toward="up")) == Decimal(up)


def test_a_price_between_two_rows_of_the_tick_table_is_off_the_grid():
    assert BANDED.on_grid(BANDED.ticks("10.5"))
    assert not BANDED.on_grid(102)
    assert (BANDED.tick_step(99), BANDED.tick_step(100), BANDED.tick_step(1000)) == (1, 5, 50)
    with pytest.raises(NumberError, match="10.2 is not a multiple of 0.5"):
        BANDED.ticks("10.2")


def test_contracts_know_what_they_are_worth():
    linear = instrument(lot=Decimal(1), multiplier=Decimal("0.01"))
    inverse = instrument(Kind.INVERSE)

    assert linear.value(ticks=500_000, lots=2) == 2 * Decimal("0.01") * 50_000 * ATOMS_PER_UNIT
    assert linear.notional(ticks=500_000, lots=-2) == Money.of(1000, "USDT")
    assert linear.base_amount(ticks=500_000, lots=-2) == Money.of("-0.02", "BTC")
    assert linear.lots_of_base("0.05") == 5
    assert linear.lots_worth(1400, ticks=500_000) == 2

    assert inverse.notional(ticks=500_000, lots=5) == Money.of(500, "USD")
    assert inverse.base_amount(ticks=500_000, lots=5) == Money.of("0.01", "BTC")
    assert inverse.value(ticks=500_000, lots=5) == -Money.of("0.01", "BTC").atoms
    assert inverse.lots_of_base("0.01", ticks=500_000) == 5
    assert inverse.lots_worth(540, ticks=500_000) == 5
    with pytest.raises(NumberError, match="pass ticks"):
        inverse.lots_of_base("0.01")


def test_a_contract_multiplier_cannot_be_forgotten_in_a_size():
    """
    PM-04: the same wish, one tenth of a coin, is another number of contracts on each market.
    """
    spot = instrument(Kind.SPOT, lot=Decimal("0.001"))
    tenth = instrument(lot=Decimal("0.1"), multiplier=Decimal("0.01"))

    assert spot.quantity(spot.lots_of_base("0.1")) == Decimal("0.1")
    assert tenth.quantity(tenth.lots_of_base("0.1")) == Decimal(10)


@given(instruments(), prices, counts)
def test_the_value_of_a_trade_is_exact_and_on_inverse_contracts_the_nearest_atom(market, ticks, lots):
    face = Fraction(market.lot) * Fraction(market.multiplier) * lots * ATOMS_PER_UNIT
    price = Fraction(market.price(ticks))
    value = market.value(ticks=ticks, lots=lots)

    assert value == (-round(face / price) if market.kind is Kind.INVERSE else face * price)
    assert market.value_at(market.price(ticks), lots) == value
    assert market.value(ticks=ticks, lots=-lots) == -value


@given(instruments(), prices, prices, st.integers(1, 10**9))
def test_holding_from_low_to_high_earns_on_every_kind_of_market(market, one, other, lots):
    low, high = sorted((one, other))

    assert market.value(ticks=high, lots=lots) - market.value(ticks=low, lots=lots) >= 0


@given(instruments(), prices, st.integers(1, 10**9))
def test_an_amount_of_quote_never_buys_more_than_it_pays_for(market, ticks, lots):
    worth = market.notional(ticks=ticks, lots=lots).amount
    bought = market.lots_worth(worth, ticks=ticks)

    assert bought in {lots - 1, lots}
    assert market.notional(ticks=ticks, lots=bought).amount <= worth


def test_expected_fees_follow_the_rates_and_a_rebate_is_negative():
    market = instrument(maker_fee=Decimal("-0.0001"), taker_fee=Decimal("0.0005"))

    assert market.expected_fee(ticks=500_000, lots=-1000, maker=False) == Money.of(25, "USDT")
    assert market.expected_fee(ticks=500_000, lots=1000, maker=True) == Money.of(-5, "USDT")


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"tick": Decimal(0)}, "tick = 0: expected a number above zero"),
        ({"lot": Decimal(-1)}, "lot = -1"),
        ({"multiplier": Decimal("NaN")}, "not a finite number"),
        ({"tick": Decimal("1e-20"), "lot": Decimal("1e-20")}, "less than an atom"),
        ({"min_lots": 5, "max_lots": 4}, "not a range"),
        ({"max_market_lots": 0}, "max_market_lots = 0: not a range"),
        ({"min_notional": Decimal(-5)}, "min_notional = -5: expected zero or more"),
        (
            {"tick_bands": (TickBand(Decimal(10), Decimal(1)), TickBand(Decimal("10.5"), Decimal("0.5")))},
            "both grids",
        ),
        ({"max_lots": 2**63}, "not a range"),
        ({"taker_fee": Decimal("Infinity")}, "not a finite number"),
        ({"tick_bands": (TickBand(Decimal(10), Decimal("0.3")),)}, "not on both grids"),
        (
            {"tick_bands": (TickBand(Decimal(10), Decimal(1)), TickBand(Decimal(5), Decimal(5)))},
            "must ascend",
        ),
        ({"tick_bands": (TickBand(Decimal("10.05"), Decimal("0.05")),)}, "not a multiple"),
    ],
)
def test_metadata_that_makes_no_sense_is_refused(changed, complaint):
    with pytest.raises(NumberError, match=complaint):
        instrument(**changed)


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"kind": "inverse"}, "expected a Kind"),
        ({"tick": 0.1}, "expected a Decimal"),
        ({"taker_fee": 0}, "a Decimal"),
    ],
)
def test_metadata_of_the_wrong_type_is_our_own_mistake(changed, complaint):
    """
    A kind that is only a text would be valued as linear, silently.
    """
    with pytest.raises(TypeError, match=complaint):
        instrument(**changed)


def test_a_row_of_a_tick_table_is_a_number():
    with pytest.raises(NumberError, match="not a finite number"):
        TickBand(Decimal("NaN"), Decimal(1))


def test_a_count_beyond_64_bits_is_refused():
    with pytest.raises(NumberError, match="more than 2\\^63 steps"):
        instrument(tick=Decimal("1e-18")).ticks(10**10)
    whole = instrument(tick=Decimal(1))
    assert whole.ticks(2**63 - 1) == 2**63 - 1
    with pytest.raises(NumberError, match="more than 2\\^63 steps"):
        whole.ticks(2**63)


def test_an_inverse_contract_has_no_value_at_no_price():
    with pytest.raises(NumberError, match="no value at price 0"):
        instrument(Kind.INVERSE).value(ticks=0, lots=1)


def test_a_new_grid_restates_counts_exactly_or_says_that_it_cannot():
    assert regrid(15, Decimal("0.1"), Decimal("0.05")) == 30
    with pytest.raises(NumberError, match="1.5 is not a multiple of 1"):
        regrid(15, Decimal("0.1"), Decimal(1))


def test_instruments_are_equal_by_what_they_say_not_by_what_was_computed_from_them():
    fresh, used = instrument(), instrument()
    used.value(ticks=1, lots=1)

    assert fresh == used
    assert isinstance(used, Instrument)
