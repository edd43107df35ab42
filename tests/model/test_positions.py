"""Position accounting against two oracles in fractions: one that never rounds, one that rounds where the books do."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings, strategies as st

from kit.markets import fills, instrument, instruments, kinds
from xtrade.model.errors import NumberError
from xtrade.model.fills import Fill
from xtrade.model.instruments import Kind
from xtrade.model.money import ATOMS_PER_UNIT, Money, added
from xtrade.model.positions import Position
from xtrade.model.sides import Side

histories = st.lists(fills(), max_size=30)
marks = st.integers(1, 10**7)


def held(market, history):
    position = Position.flat(market)
    for fill in history:
        position = position.after_fill(market, fill)
    return position


def worth(market, ticks, lots):
    """What signed lots are worth at a price, in atoms, as an exact ratio."""
    face = lots * Fraction(market.lot) * Fraction(market.multiplier) * ATOMS_PER_UNIT
    price = ticks * Fraction(market.tick)
    return -face / price if market.kind is Kind.INVERSE else face * price


def average_cost(market, history, rounding):
    """The desk's rule from first principles: average cost; `rounding` says what happens to each ratio."""
    lots, cost, realised = 0, Fraction(0), Fraction(0)
    for fill in history:
        change = fill.signed_lots
        closing = 0 if lots * change >= 0 else (1 if change > 0 else -1) * min(abs(change), abs(lots))
        share = rounding(cost * Fraction(-closing, lots)) if closing else Fraction(0)
        proceeds = rounding(worth(market, fill.ticks, closing))
        realised += -proceeds - share
        cost += rounding(worth(market, fill.ticks, change)) - proceeds - share
        lots += change
    return lots, cost, realised


@settings(max_examples=300)
@given(instruments(), histories)
def test_the_books_equal_an_oracle_that_rounds_where_they_do(market, history):
    position = held(market, history)

    assert (position.lots, position.cost.atoms, position.realised.atoms) == average_cost(
        market, history, round
    )


@settings(max_examples=300)
@given(instruments(), histories)
def test_the_books_stay_within_an_atom_and_a_half_a_fill_of_one_that_never_rounds(market, history):
    position = held(market, history)
    lots, cost, realised = average_cost(market, history, Fraction)

    assert position.lots == lots
    assert abs(position.cost.atoms - cost) <= Fraction(3, 2) * len(history)
    assert abs(position.realised.atoms - realised) <= Fraction(3, 2) * len(history)


@given(instruments(kind=Kind.LINEAR) | instruments(kind=Kind.SPOT), histories, marks)
def test_realised_and_unrealised_together_are_the_cash_to_the_last_atom(market, history, mark):
    """
    Nothing drifts: whatever the split, the sum is what buying, selling and closing at the mark leaves.
    """
    position = held(market, history)
    cash = -sum(worth(market, fill.ticks, fill.signed_lots) for fill in history)
    total = position.realised + position.unrealised(market, market.price(mark))

    assert total.atoms == cash + worth(market, mark, position.lots)


@given(instruments(kind=Kind.LINEAR) | instruments(kind=Kind.SPOT), histories)
def test_when_flat_all_rounding_is_gone(market, history):
    position = held(market, history)
    if position.lots:
        closing = Fill(
            trade_id="close",
            side=Side.SELL if position.lots > 0 else Side.BUY,
            ticks=777,
            lots=abs(position.lots),
        )
        history = [*history, closing]
        position = position.after_fill(market, closing)

    assert position.cost.atoms == 0
    assert position.realised.atoms == -sum(worth(market, fill.ticks, fill.signed_lots) for fill in history)
    assert position.unrealised(market, 1).atoms == 0


@given(instruments(), histories)
def test_a_flip_books_as_closing_and_then_opening(market, history):
    position = held(market, history)
    if not position.lots:
        return
    away = Side.SELL if position.lots > 0 else Side.BUY
    flip = Fill(trade_id="flip", side=away, ticks=1234, lots=abs(position.lots) + 5)
    close = Fill(trade_id="close", side=away, ticks=1234, lots=abs(position.lots))
    reopen = Fill(trade_id="open", side=away, ticks=1234, lots=5)

    at_once = position.after_fill(market, flip)
    in_two = position.after_fill(market, close).after_fill(market, reopen)
    assert (at_once.lots, at_once.realised) == (in_two.lots, in_two.realised)
    # Two roundings of an inverse value against one.
    assert abs(at_once.cost.atoms - in_two.cost.atoms) <= (2 if market.kind is Kind.INVERSE else 0)


@given(instruments(), histories)
def test_fees_are_the_sum_of_the_fills_fees_in_each_currency(market, history):
    assert held(market, history).fees == added((), [fill.fee for fill in history if fill.fee])


def linear_fill(side, quantity, price, fee=None):
    market = instrument()
    return Fill(trade_id="t", side=side, ticks=market.ticks(price), lots=market.lots(quantity), fee=fee)


def test_a_round_trip_worked_by_hand():
    market = instrument()
    position = held(
        market,
        [
            linear_fill(Side.BUY, "1", "100", Money.of("0.05", "USDT")),
            linear_fill(Side.BUY, "1", "110", Money.of("0.001", "BNB")),
            linear_fill(Side.SELL, "0.5", "120", Money.of("-0.01", "USDT")),
        ],
    )

    assert position.lots == 1500
    assert position.entry_price(market) == Decimal(105)
    assert position.realised == Money.of("7.5", "USDT")
    assert position.unrealised(market, "104") == Money.of("-1.5", "USDT")
    assert position.fees == (Money.of("0.001", "BNB"), Money.of("0.04", "USDT"))


def test_a_flip_through_zero_worked_by_hand():
    market = instrument()
    position = held(market, [linear_fill(Side.BUY, "1", "100"), linear_fill(Side.SELL, "3", "90")])

    assert position.lots == -2000
    assert position.realised == Money.of("-10", "USDT")
    assert position.entry_price(market) == Decimal(90)
    assert position.unrealised(market, "80") == Money.of("20", "USDT")


def test_an_inverse_round_trip_worked_by_hand():
    """
    100 contracts of 100 USD from 50 000 to 62 500 earn 10 000 x (1/50 000 - 1/62 500) = 0.04 BTC.
    """
    market = instrument(Kind.INVERSE)
    bought = Fill(trade_id="1", side=Side.BUY, ticks=market.ticks(50_000), lots=100)
    sold = Fill(trade_id="2", side=Side.SELL, ticks=market.ticks(62_500), lots=100)

    assert held(market, [bought]).entry_price(market) == Decimal(50_000)
    assert held(market, [bought]).unrealised(market, 62_500) == Money.of("0.04", "BTC")
    assert held(market, [bought, sold]).realised == Money.of("0.04", "BTC")
    short = held(market, [sold])
    assert short.unrealised(market, 50_000) == Money.of("0.04", "BTC")


def test_an_average_inverse_entry_is_the_harmonic_one():
    market = instrument(Kind.INVERSE)
    history = [Fill(trade_id=str(p), side=Side.BUY, ticks=market.ticks(p), lots=1) for p in (10_000, 30_000)]

    assert held(market, history).entry_price(market) == Decimal(15_000)


def test_funding_and_late_fees_are_kept_apart_from_profit():
    market = instrument()
    position = held(market, [linear_fill(Side.BUY, "1", "100")])
    later = position.after_funding(Money.of("-0.02", "USDT")).after_funding(Money.of("0.05", "USDT"))

    assert later.funding == (Money.of("0.03", "USDT"),)
    assert later.after_fee(Money.of("0.01", "USDT")).fees == (Money.of("0.01", "USDT"),)
    assert (later.realised, later.cost) == (position.realised, position.cost)


@given(kinds, fills())
def test_taking_a_fill_back_leaves_nothing(kind, fill):
    market = instrument(kind)
    position = held(market, [fill, fill.undone])

    assert (position.lots, position.cost.atoms, position.realised.atoms, position.fees) == (0, 0, 0, ())


def test_a_flat_position_has_no_entry_price():
    assert Position.flat(instrument()).entry_price(instrument()) is None


def test_a_new_lot_size_restates_the_position_or_says_that_it_cannot():
    old, finer = instrument(), instrument(lot=Decimal("0.0001"), version=2)
    coarser = instrument(lot=Decimal("0.01"), version=2)
    position = held(old, [linear_fill(Side.BUY, "0.015", "100")])

    restated = position.regridded(old, finer)
    assert (restated.lots, restated.instrument_version) == (150, 2)
    assert restated.entry_price(finer) == position.entry_price(old)
    with pytest.raises(NumberError, match="15 lots of version 1 are 1.5 lots of version 2"):
        position.regridded(old, coarser)
    with pytest.raises(AssertionError, match="another market"):
        position.regridded(old, instrument(Kind.INVERSE))
    with pytest.raises(AssertionError, match="regrid to the new version first"):
        position.after_fill(finer, linear_fill(Side.BUY, "1", "100"))


def test_a_new_contract_size_leaves_the_holding_and_its_profit_as_they_were():
    old, tenth = instrument(multiplier=Decimal("0.01")), instrument(multiplier=Decimal("0.001"), version=2)
    bought = Fill(trade_id="t", side=Side.BUY, ticks=old.ticks(50_000), lots=100)
    position = Position.flat(old).after_fill(old, bought)
    restated = position.regridded(old, tenth)

    assert restated.lots == 1000
    assert restated.entry_price(tenth) == Decimal(50_000)
    assert restated.unrealised(tenth, 51_000) == position.unrealised(old, 51_000)
