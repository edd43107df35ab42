"""Accounts that balance: what strategies have adds up to what the account has, to the last atom."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, strategies as st

from kit.markets import fills, instrument, instruments, money
from xtrade.model.events import FundingPaid
from xtrade.model.instruments import Kind
from xtrade.model.money import Money, added
from xtrade.model.order_state import Change
from xtrade.model.positions import Position
from xtrade.trading.marks import Mark
from xtrade.trading.pnl import shared_worth, statement, totals
from xtrade.trading.portfolio import Portfolio

names = st.sampled_from(["one", "two", "three"])
prices = st.fractions(min_value=Fraction(1, 1000), max_value=10**6)


def booked(bookings):
    """A portfolio after (strategy, instrument, fill) each."""
    portfolio = Portfolio()
    for strategy, market, fill in bookings:
        portfolio.book(strategy, market, Change(None, booked=fill))
    return portfolio


def marked(price):
    return Mark(price, "mark", 0)


@given(instruments(), st.data(), prices)
def test_the_strategies_of_an_account_add_up_to_the_account(market, data, price):
    """
    Several trade one instrument: the account, which knows only fills, has what they have together.
    """
    bookings = data.draw(st.lists(st.tuples(names, fills(fee=st.none() | money)), min_size=1, max_size=12))
    portfolio = booked([(name, market, fill) for name, fill in bookings])
    account = Position.flat(market)
    for _, fill in bookings:
        account = account.after_fill(market, fill)

    lines = statement(portfolio, {market.key: marked(price)})
    (total,) = totals(lines, by="account")

    worth = shared_worth(market, price, {"all": account.lots})["all"]
    exact = account.realised.atoms + worth - account.cost.atoms
    assert added((), [*total.realised, *total.unrealised]) == added((), [Money(exact, market.settle)])
    assert total.fees == account.fees
    assert sum(line.position.lots for line in lines) == account.lots == portfolio.total_lots(market.key)
    assert total.earned == added((), [Money(exact, market.settle), *(-fee for fee in account.fees)])


@given(st.lists(st.tuples(names, st.sampled_from(Kind), fills()), min_size=1, max_size=12), prices)
def test_however_lines_are_added_up_the_sum_is_the_same(bookings, price):
    portfolio = booked([(name, instrument(kind), fill) for name, kind, fill in bookings])
    lines = statement(portfolio, {key: marked(price) for _, key in portfolio.all()})
    (everything,) = totals(lines, by="all")

    for by in ("strategy", "instrument", "venue", "account"):
        parts = totals(lines, by=by)
        for what in ("realised", "unrealised", "fees", "funding", "earned"):
            together = added((), [amount for part in parts for amount in getattr(part, what)])
            assert together == getattr(everything, what)


@given(instruments(), st.dictionaries(names, st.integers(-(10**9), 10**9), min_size=1), prices)
def test_what_rounding_leaves_is_shared_out_and_nobody_flat_gets_any(market, lots, price):
    worth = shared_worth(market, price, lots)

    assert sum(worth.values()) == shared_worth(market, price, {"all": sum(lots.values())})["all"]
    for name, held in lots.items():
        alone = shared_worth(market, price, {name: held})[name]
        assert abs(worth[name] - alone) <= 1
        assert held or not worth[name]


@given(st.dictionaries(names, st.integers(-100, 100), min_size=1), st.integers(-(10**30), 10**30))
def test_funding_is_shared_out_to_the_atom_and_counts_once(lots, atoms):
    market = instrument()
    portfolio = Portfolio()
    from xtrade.model.fills import Fill
    from xtrade.model.sides import Side

    for number, (name, held) in enumerate(lots.items()):
        if held:
            side = Side.BUY if held > 0 else Side.SELL
            fill = Fill(trade_id=str(number), side=side, ticks=1000, lots=abs(held))
            portfolio.book(name, market, Change(None, booked=fill))
    paid = FundingPaid(account="binance", instrument=market.key, payment_id="f1", amount=Money(atoms, "USDT"))

    shares = portfolio.pay(paid)

    assert portfolio.pay(paid) == {}
    booked_funding = added((), [each for position in portfolio.all().values() for each in position.funding])
    assert booked_funding == (added((), [paid.amount]) if shares else ())
    # The same payment of another account is another payment.
    assert portfolio.pay(FundingPaid(**_fields(paid) | {"account": "binance.two"})) == shares


def _fields(event):
    return {name: getattr(event, name) for name in event.__struct_fields__}


def test_what_has_no_mark_is_named_and_not_counted_as_nothing():
    from xtrade.model.fills import Fill
    from xtrade.model.sides import Side

    market, other = instrument(), instrument(Kind.SPOT)
    fill = Fill(trade_id="1", side=Side.BUY, ticks=1000, lots=5)
    portfolio = booked([("one", market, fill), ("one", other, fill), ("two", other, fill)])
    portfolio.book("two", other, Change(None, booked=fill.undone))

    lines = statement(portfolio, {market.key: marked(Fraction(200))})

    assert [(line.strategy, line.unrealised) for line in lines] == [
        ("one", None),
        ("one", Money.of("0.5", "USDT")),
        ("two", Money(0, "USDT")),
    ]
    assert lines[0].earned is None
    (total,) = totals(lines, by="all")
    assert total.without_mark == (other.key,)
    assert total.unrealised == (Money.of("0.5", "USDT"),)
