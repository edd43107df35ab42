"""What all strategies together may hold: each rule at its edge, and against a slow second reading of the same."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings, strategies as st

from kit.markets import instrument
from kit.orders import intent as any_intent
from xtrade.model.instruments import Kind
from xtrade.model.money import ATOMS_PER_UNIT, Money
from xtrade.model.sides import Side
from xtrade.trading.exposure import Holding, Valuation, account_of, by_base, currency_rates, venue_of
from xtrade.trading.risk.desk_rules import DESK_RULES, Desk, check_desk
from xtrade.trading.risk.limits import DeskLimits
from xtrade.trading.risk.situation import Waiting

PERP = instrument()  # at a price of 1000, a lot of 0.001 BTC is 1 USDT
SPOT = instrument(Kind.SPOT, venue="okx")
COIN = instrument(Kind.INVERSE, venue="okx.coins")  # a lot is 100 USD
ALL = (PERP, SPOT, COIN)
USDT = Valuation("USDT", same_as=["USD"])
PRICE = Fraction(1000)


def held(market, lots, buying=0, selling=0, price=PRICE, spending=0):
    return Holding(market, lots, price, Waiting(buying, spending), Waiting(selling))


def desk(*holdings, **changed):
    found = [
        *holdings,
        *(held(market, 0) for market in ALL if market not in [h.instrument for h in holdings]),
    ]
    return Desk(found, **{"valuation": USDT, "open_orders": 0, "sent_last_second": 0} | changed)


def order(side=Side.BUY, lots=10, market=PERP):
    return any_intent(instrument=market.key, side=side, lots=lots, ticks=10_000)


def refused(intent, limits, at):
    refusal = check_desk(intent, at, limits)
    return None if refusal is None else refusal.rule


def test_the_list_of_the_docstring_is_the_list_of_rules():
    from xtrade.trading.risk import desk_rules

    named = [line.split()[0] for line in desk_rules.__doc__.splitlines() if line.startswith("desk_")]

    assert [rule.__name__ for rule in DESK_RULES] == named


def test_no_limits_let_everything_out():
    assert check_desk(order(lots=10**9), desk(), DeskLimits()) is None


def test_the_list_and_the_counts():
    assert refused(order(), DeskLimits(instruments=("okx:*",)), desk()) == "desk_instruments"
    assert refused(order(), DeskLimits(instruments=("okx:*", PERP.key)), desk()) is None
    assert refused(order(), DeskLimits(open_orders_max=5), desk(open_orders=4)) is None
    assert refused(order(), DeskLimits(open_orders_max=5), desk(open_orders=5)) == "desk_open_orders"
    assert refused(order(), DeskLimits(orders_per_second_max=5), desk(sent_last_second=4)) is None
    assert (
        refused(order(), DeskLimits(orders_per_second_max=5), desk(sent_last_second=5)) == "desk_order_rate"
    )


def test_one_instrument():
    limits = DeskLimits(position_value_max=Decimal(30))
    assert refused(order(lots=5), limits, desk(held(PERP, 20, buying=5, selling=999))) is None
    assert refused(order(lots=6), limits, desk(held(PERP, 20, buying=5))) == "desk_position"
    assert refused(order(Side.SELL, lots=51), limits, desk(held(PERP, 20))) == "desk_position"
    assert (
        refused(order(lots=6), limits, desk(held(PERP, 20, spending=5 * ATOMS_PER_UNIT))) == "desk_position"
    )


def test_one_asset_spot_and_derivatives_on_all_venues_netted():
    limits = DeskLimits(base_max={"BTC": Decimal("0.03")})
    # 0.1 BTC on spot, 0.08 short on the perpetual: 0.02 net.
    hedged = desk(held(SPOT, 100), held(PERP, -80))
    assert refused(order(lots=10), limits, hedged) is None
    assert refused(order(lots=11), limits, hedged) == "desk_base"
    assert refused(order(Side.SELL, lots=50), limits, hedged) is None
    assert refused(order(Side.SELL, lots=51), limits, hedged) == "desk_base"
    # One inverse lot is 100 USD: a tenth of a coin at a price of 1000.
    assert refused(order(lots=1, market=COIN), limits, desk(held(PERP, -70))) is None
    assert refused(order(lots=1, market=COIN), limits, desk(held(PERP, -69))) == "desk_base"
    value = DeskLimits(base_value_max=Decimal(30))
    assert refused(order(lots=10), value, hedged) is None
    assert refused(order(lots=11), value, hedged) == "desk_base"


def test_one_venue_and_all_of_its_accounts():
    limits = DeskLimits(venue_value_max=Decimal(300))
    here = desk(held(SPOT, 100), held(COIN, -1))
    assert refused(order(lots=100, market=SPOT), limits, here) is None
    assert refused(order(lots=101, market=SPOT), limits, here) == "desk_venue"
    assert refused(order(lots=300), limits, here) is None  # another venue


def test_all_of_it_added_up_and_set_off():
    here = desk(held(SPOT, 100), held(PERP, -80))
    gross = DeskLimits(gross_value_max=Decimal(190))
    assert refused(order(Side.SELL, lots=10), gross, here) is None
    assert refused(order(Side.SELL, lots=11), gross, here) == "desk_gross"
    assert refused(order(lots=80), gross, here) is None
    assert refused(order(lots=171), gross, here) == "desk_gross"
    net = DeskLimits(net_value_max=Decimal(30))
    assert refused(order(lots=10), net, here) is None
    assert refused(order(lots=11), net, here) == "desk_net"


def test_who_is_beyond_a_limit_already_may_come_back():
    for limits in (
        DeskLimits(position_value_max=Decimal(30)),
        DeskLimits(base_max={"BTC": Decimal("0.03")}),
        DeskLimits(base_value_max=Decimal(30)),
        DeskLimits(venue_value_max=Decimal(30)),
        DeskLimits(gross_value_max=Decimal(30)),
        DeskLimits(net_value_max=Decimal(30)),
    ):
        here = desk(held(PERP, 90))
        assert refused(order(Side.SELL, lots=10), limits, here) is None
        assert refused(order(Side.SELL, lots=90), limits, here) is None
        assert refused(order(lots=1), limits, here) is not None


def test_what_has_no_price_is_not_worth_nothing():
    blind = desk(held(SPOT, 100, price=None))
    for limits in (DeskLimits(gross_value_max=Decimal(10**9)), DeskLimits(net_value_max=Decimal(10**9))):
        refusal = check_desk(order(), blind, limits)
        assert refusal.figure == "unknown"
        assert "a price is missing" in refusal.reason
    # Flat, and without a price: nothing is nothing.
    assert refused(order(), DeskLimits(gross_value_max=Decimal(100)), desk(held(SPOT, 0, price=None))) is None
    elsewhere = instrument(quote="EUR", settle="EUR", symbol="BTC/EUR:EUR")
    unknown = desk(held(elsewhere, 1))
    assert check_desk(order(), unknown, DeskLimits(gross_value_max=Decimal(10**9))).figure == "unknown"


def test_other_quote_currencies_are_converted_at_the_mark():
    ether = instrument(Kind.SPOT, symbol="ETH/BTC", base="ETH", quote="BTC", settle="BTC")
    rates = currency_rates([(PERP, Fraction(1000)), (ether, Fraction(1, 20))], "USDT", ["USD"])
    assert rates == {"BTC": 1000}
    here = desk(held(ether, 1000, price=Fraction(1, 20)), valuation=Valuation("USDT", rates=rates))
    # One coin of ether is worth 0.05 BTC, which is worth 50 USDT.
    limits = DeskLimits(gross_value_max=Decimal(55))
    assert refused(order(lots=5), limits, here) is None
    assert refused(order(lots=6), limits, here) == "desk_gross"


def test_an_account_is_part_of_a_name_and_belongs_to_a_venue():
    assert account_of(COIN.key) == "okx.coins"
    assert venue_of(COIN.key) == venue_of(SPOT.key) == "okx"


lots = st.integers(-200, 200)
waits = st.integers(0, 50)
holdings = st.tuples(
    *(
        st.builds(
            held, st.just(market), lots, waits, waits, st.sampled_from([Fraction(1000), Fraction(1, 3)])
        )
        for market in ALL
    )
)


def slow_coins(holding, count):
    market = holding.instrument
    size = count * Fraction(market.lot) * Fraction(market.multiplier)
    return size / holding.price if market.kind is Kind.INVERSE else size


@given(holdings)
def test_exposure_by_asset_is_what_adding_up_coins_gives(here):
    (found,) = by_base(here).values()
    for told, count in (
        (found.net, lambda each: each.lots),
        (found.highest, lambda each: each.lots + each.buying.lots),
        (found.lowest, lambda each: each.lots - each.selling.lots),
    ):
        exact = sum(slow_coins(each, count(each)) for each in here)
        # An inverse lot is rounded to the atom; the rest is exact.
        assert abs(Fraction(told.atoms, ATOMS_PER_UNIT) - exact) <= Fraction(1, ATOMS_PER_UNIT)


@settings(max_examples=200)
@given(holdings, st.sampled_from(Side), st.integers(1, 300), st.sampled_from(ALL), st.integers(1, 400))
def test_no_way_of_filling_what_was_let_out_breaks_a_limit_that_held(here, side, count, market, most):
    """
    Whatever subset of what waits fills, an order that was let out leaves the figures within their limits, or nearer.
    """
    limits = DeskLimits(position_value_max=Decimal(most), gross_value_max=Decimal(3 * most))
    intent = order(side, count, market)
    if check_desk(intent, desk(*here), limits) is not None:
        return
    gross = 0
    for holding in here:
        own = intent.instrument == holding.instrument.key
        buys = holding.buying.lots + (count if own and side is Side.BUY else 0)
        sells = holding.selling.lots + (count if own and side is Side.SELL else 0)
        worth = [abs(holding.quote_atoms(holding.lots + add)) for add in (buys, -sells)]
        now = abs(holding.quote_atoms(holding.lots))
        if own:
            filled = holding.quote_atoms(holding.lots + (buys if side is Side.BUY else -sells)) * side.sign
            assert filled <= max(most * ATOMS_PER_UNIT, now)
        gross += max(*worth, now)
    gross_before = sum(
        max(
            abs(each.quote_atoms(each.lots + each.buying.lots)),
            abs(each.quote_atoms(each.lots - each.selling.lots)),
        )
        for each in here
    )
    assert gross <= max(3 * most * ATOMS_PER_UNIT, gross_before)


def test_amounts_of_a_purse_are_worth_something_together_or_nothing_is_said():
    rates = {"BTC": Fraction(1000)}
    assert Valuation("USDT", rates=rates).total([Money.of(1, "BTC"), Money.of(5, "USDT")]) == Money.of(
        1005, "USDT"
    )
    assert Valuation("USDT", rates=rates).total([Money.of(1, "BNB")]) is None
    assert Valuation("USDT").total([Money.of(0, "BNB")]) == Money.of(0, "USDT")
