import pickle
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, strategies as st

from kit.markets import currencies, money
from xtrade.model.errors import NumberError
from xtrade.model.money import ATOMS_PER_UNIT, Money, added, in_atoms


def test_money_is_written_as_people_write_it():
    assert str(Money.of("1.50", "USDT")) == "1.5 USDT"
    assert repr(Money.of(-3, "BTC")) == "Money('-3 BTC')"


@given(st.builds(Money, st.integers(-(10**60) + 1, 10**60 - 1), currencies))
def test_money_reads_back_what_it_writes(amount):
    assert Money.parse(str(amount)) == amount
    assert pickle.loads(pickle.dumps(amount)) == amount
    assert Fraction(amount.amount) == Fraction(amount.atoms, ATOMS_PER_UNIT)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1.5",
        "USDT 1.5",
        "1.5  USDT",
        "1.5 ",
        "NaN USDT",
        "1e-25 USDT",
        ". USDT",
        "--1 USDT",
        "1-.5 USDT",
        "1_0 USDT",
        "٣ USDT",
        "+1 USDT",
    ],
)
def test_what_is_not_an_exact_amount_is_refused(text):
    with pytest.raises(NumberError):
        Money.parse(text)


@pytest.mark.parametrize(
    "amount", ["1.", "-.5", ".25", "007.50", "-0", "1e3", "25e-24", "0.000000000000000000000001", "1" * 36]
)
def test_an_amount_is_the_same_however_it_was_written(amount):
    assert (
        Money.parse(f"{amount} USDT") == Money.of(amount, "USDT") == Money(in_atoms(Decimal(amount)), "USDT")
    )


half = st.integers(-(10**59), 10**59)


@given(half, half, currencies)
def test_sums_and_differences_are_exact(one, other, currency):
    assert Money(one, currency) + Money(other, currency) == Money(one + other, currency)
    assert Money(one, currency) - Money(other, currency) == Money(one - other, currency)
    assert (Money(one, currency) < Money(other, currency)) == (one < other)
    assert (Money(one, currency) <= Money(other, currency)) == (one <= other)


def test_two_currencies_never_meet():
    with pytest.raises(TypeError, match="convert one first"):
        Money.of(1, "USDT") + Money.of(1, "USDC")
    with pytest.raises(TypeError, match="convert one first"):
        Money.of(1, "USDT") < Money.of(2, "USDC")  # noqa: B015
    assert Money.of(0, "USDT") != Money.of(0, "USDC")
    assert Money.of(1, "USDT") != 1


def test_money_is_counted_in_whole_atoms_that_can_be_written():
    with pytest.raises(TypeError, match="use Money.of"):
        Money(0.1, "USDT")
    with pytest.raises(NumberError, match="out of range"):
        Money(10**60, "USDT")
    assert Money.parse(str(Money(10**60 - 1, "USDT"))).atoms == 10**60 - 1


def test_money_does_not_change():
    held = Money.of(1, "USDT")

    with pytest.raises(AttributeError, match="does not change"):
        held.atoms = 5
    with pytest.raises(AttributeError, match="does not change"):
        del held.currency


@given(st.lists(money, max_size=8), st.randoms(use_true_random=False))
def test_a_purse_holds_the_sum_of_each_currency_in_a_fixed_order(amounts, chance):
    purse = added((), amounts)
    chance.shuffle(amounts)

    assert purse == added((), amounts)
    assert [held.currency for held in purse] == sorted({held.currency for held in purse})
    for currency in ("USDT", "BTC", "BNB"):
        total = sum(amount.atoms for amount in amounts if amount.currency == currency)
        assert [held.atoms for held in purse if held.currency == currency] == ([total] if total else [])
