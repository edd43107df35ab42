"""Live traders: stepped by explicit time, the same each time, and not an atom goes missing."""

import numpy as np
import pytest

from kit.synthetics import HOUR_NS, MINUTE_NS, SECOND_NS, START_NS, rows_of, tape_of
from xtrade.model.errors import ConfigError, UsageError
from xtrade.model.events import BookDelta, Funding, FundingPaid, MarkPrice, OrderFilled, OrderRejected, Trade
from xtrade.model.ids import ClientOrderId
from xtrade.model.money import Money
from xtrade.model.orders import OrderIntent, OrderType
from xtrade.model.sides import Side
from xtrade.sim.matching.exchange import Exchange
from xtrade.sim.matching.tape import EVERYBODY
from xtrade.sim.replay.tape import Happening
from xtrade.sim.synthetic.facts import autocorrelation, looked_at
from xtrade.sim.synthetic.presets import preset
from xtrade.sim.synthetic.traders import SyntheticTraders

KEY = "sim:BTC/USDT"


def started(name, *, seed=7, **more):
    exchange = Exchange()
    return exchange, SyntheticTraders(preset(name), exchange, seed=seed, start_ns=START_NS, **more)


def run(traders, until_ns, every_ns=SECOND_NS):
    notices = []
    for now_ns in range(START_NS, until_ns + 1, every_ns):
        notices += traders.step(now_ns)
    return notices


def takers(notices, key=KEY):
    """When somebody took, and which side."""
    return {
        (event.venue_ns, 0 if event.fill.side is Side.BUY else 1)
        for account, event in notices
        if account == f"{key} takers" and isinstance(event, OrderFilled)
    }


def middle(exchange, key=KEY):
    book = exchange.book(key)
    return (next(iter(book.bids))[0] + next(iter(book.asks))[0]) / 2


@pytest.fixture(scope="module")
def quarter():
    """A quarter of an hour of two markets."""
    exchange, traders = started("spot-and-perpetual")
    return exchange, run(traders, START_NS + 15 * MINUTE_NS)


def test_the_same_seed_trades_the_same_however_time_is_cut():
    until = START_NS + MINUTE_NS
    one, other, stranger = (
        run(started("spot-and-perpetual", seed=seed)[1], until, every_ns)
        for seed, every_ns in ((7, SECOND_NS), (7, 7_500_000_000), (8, SECOND_NS))
    )

    assert one == other
    assert one != stranger


def test_a_book_stands_from_the_first_moment():
    exchange, traders = started("spot-and-perpetual")
    traders.step(START_NS)
    for key in (KEY, "sim:BTC/USDT:USDT"):
        book = exchange.book(key)
        assert len(book.bids) > 10
        assert len(book.asks) > 10


def test_every_atom_is_accounted_for_and_nothing_is_refused(quarter):
    exchange, notices = quarter

    assert exchange.unaccounted() == ()
    assert not [event for _, event in notices if isinstance(event, OrderRejected)]
    assert sum(isinstance(event, Trade) for _, event in notices) > 1000


@pytest.mark.parametrize("key", [KEY, "sim:BTC/USDT:USDT"])
def test_both_forms_have_the_same_price_beneath(quarter, key):
    looks = looked_at(tape_of("spot-and-perpetual", minutes=50), key, every_ns=15 * MINUTE_NS)

    assert abs(middle(quarter[0], key) - looks.mid[0]) < 20, "ticks, of 60,000"


@pytest.mark.parametrize("key", [KEY, "sim:BTC/USDT:USDT"])
def test_the_same_takers_come_in_both_forms(quarter, key):
    rows = rows_of(tape_of("spot-and-perpetual", minutes=50), key)
    rows = rows[rows["kind"] == Happening.TRADE]
    came = takers(quarter[1], key)

    assert len(came) > 300
    assert came <= set(zip(rows["venue_ns"].tolist(), rows["side"].tolist(), strict=True))


def test_somebody_else_may_trade_and_changes_nobodys_plans():
    _, alone = started("calm")
    expected = takers(run(alone, START_NS + 3 * MINUTE_NS))
    exchange, traders = started("calm")
    exchange.open_account("me", Money.of(100_000_000, "USDT"))
    notices = []
    for second in range(181):
        now_ns = START_NS + second * SECOND_NS
        notices += traders.step(now_ns)
        if second % 10 == 5:
            notices += exchange.place("me", order(second, lots=20_000), now_ns)

    mine = [event for account, event in notices if account == "me" and isinstance(event, OrderFilled)]
    assert sum(event.fill.lots for event in mine) == 18 * 20_000
    assert takers(notices) == expected
    assert exchange.unaccounted() == ()


def test_makers_lean_against_what_they_were_sold():
    """
    They end up short of what somebody buys each second, and ask for more.
    """
    moved = []
    for buys in (False, True):
        exchange, traders = started("calm")
        exchange.open_account("me", Money.of(1_000_000_000, "USDT"))
        middles = []
        for second in range(90):
            now_ns = START_NS + second * SECOND_NS
            traders.step(now_ns)
            middles.append(middle(exchange))
            if buys:
                exchange.place("me", order(second, lots=5_000), now_ns)
        moved.append(np.mean(middles[45:]))

    assert moved[1] > moved[0] + 0.5, "ticks"


def test_deltas_make_the_book_and_it_is_never_crossed():
    exchange, traders = started("busy")
    bids, asks = {}, {}
    for _, event in run(traders, START_NS + MINUTE_NS):
        if isinstance(event, BookDelta):
            for side, changes in ((bids, event.bids), (asks, event.asks)):
                for ticks, lots in changes:
                    side[ticks] = lots
                    if not lots:
                        del side[ticks]
            assert not bids or not asks or max(bids) < min(asks)
    book = exchange.book(KEY)

    assert (bids, asks) == (dict(book.bids), dict(book.asks))


def test_marks_are_told_each_second_and_funding_is_paid_when_it_falls_due():
    before_due = START_NS // (8 * HOUR_NS) * 8 * HOUR_NS + 8 * HOUR_NS - 2 * MINUTE_NS
    exchange = Exchange()
    traders = SyntheticTraders(preset("spot-and-perpetual"), exchange, seed=7, start_ns=before_due)
    notices = traders.step(before_due + 4 * MINUTE_NS)
    marks = [event for _, event in notices if isinstance(event, MarkPrice) and event.index is not None]
    paid = [event for _, event in notices if isinstance(event, FundingPaid)]
    rates = [event for account, event in notices if account == EVERYBODY and isinstance(event, Funding)]

    assert len({event.venue_ns for event in marks}) >= 240
    assert all(abs(float(event.mark / event.index) - 1) < 0.01 for event in marks)
    assert {event.venue_ns for event in paid} == {before_due + 2 * MINUTE_NS}
    assert {event.rate for event in paid} <= {event.rate for event in rates}
    assert exchange.unaccounted() == ()


def test_signs_of_trades_persist_here_too():
    _, traders = started("busy")
    signs = [
        1 if event.taker is Side.BUY else -1
        for _, event in run(traders, START_NS + 2 * MINUTE_NS)
        if isinstance(event, Trade)
    ]

    assert autocorrelation(signs, [1])[0] > 0.1
    assert 0.2 < np.mean(np.array(signs) == 1) < 0.8


def test_the_next_thing_is_known():
    _, traders = started("calm")
    traders.step(START_NS)
    due_ns = traders.next_ns

    assert due_ns > START_NS
    assert not traders.step(due_ns - 1) or traders.next_ns == due_ns
    assert traders.step(due_ns)


def test_one_venue_of_a_world_trades_on_one_exchange():
    exchange, traders = started("two-venues", venue="sim2")
    traders.step(START_NS + SECOND_NS)

    assert exchange.book("sim2:BTC/USDT").bids
    assert all(name.startswith("sim2:BTC/USDT ") for name in traders.accounts)
    with pytest.raises(ConfigError, match="venue 'sim3' is not in this world, which has sim, sim2"):
        started("two-venues", venue="sim3")


def test_time_does_not_run_backwards():
    _, traders = started("calm")
    traders.step(START_NS + 5)
    with pytest.raises(UsageError, match="time runs backwards"):
        traders.step(START_NS + 4)


def order(number, *, lots):
    return OrderIntent(
        client_order_id=ClientOrderId(number + 1),
        instrument=KEY,
        instrument_version=1,
        side=Side.BUY,
        type=OrderType.MARKET,
        lots=lots,
    )
