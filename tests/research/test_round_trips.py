"""Round trips: from flat to flat, flips shared by lots, and nothing lost between them."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, strategies as st

from kit.markets import instrument
from xtrade.model.fills import Fill
from xtrade.model.ids import ClientOrderId
from xtrade.model.money import Money
from xtrade.model.sides import Side
from xtrade.research.accounting import account
from xtrade.research.recording import FillRow, FundingRow, Recording, Samples, StrategyRun
from xtrade.research.round_trips import RoundTrip, round_trips

MARKET = instrument()


def trips_of(fills, funding=()):
    """The ledger and the round trips of (time, signed lots, ticks, fee) fills."""
    rows = [
        FillRow(
            client_order_id=ClientOrderId(1),
            strategy="s",
            instrument=MARKET.key,
            fill=Fill(
                trade_id=str(place),
                side=Side.BUY if lots > 0 else Side.SELL,
                ticks=ticks,
                lots=abs(lots),
                fee=Money.of(fee, "USDT"),
            ),
            received_ns=at,
        )
        for place, (at, lots, ticks, fee) in enumerate(fills)
    ]
    price = np.full(100, 100.0)
    recording = Recording(
        instruments={MARKET.key: (MARKET,)},
        strategies={"s": StrategyRun()},
        capital=Money.of(1000, "USDT"),
        samples=Samples(np.arange(100), {MARKET.key: price}, {MARKET.key: price}),
        start_ns=0,
        end_ns=99,
        fills=rows,
        funding=[
            FundingRow(
                time_ns=at, strategy="s", instrument=MARKET.key, amount=Money.of(amount, "USDT"), lots=1
            )
            for at, amount in funding
        ],
    )
    (ledger,) = account(recording).ledgers
    return ledger, round_trips(ledger)


def test_a_flip_ends_one_trade_and_begins_the_next():
    """
    Long 2 at 100, sell 3 at 110: the first trade earned 20 and bears two thirds of the fee of the flip; the short of
    1 is closed at 105 and earned 5.
    """
    _, trips = trips_of(
        [(1, 2000, 1000, "0.1"), (5, -3000, 1100, "0.3"), (9, 1000, 1050, "0.2")],
        funding=[(3, "-0.5"), (7, "0.25")],
    )

    assert trips == [
        RoundTrip(
            strategy="s",
            instrument=MARKET.key,
            side="long",
            opened_ns=1,
            closed_ns=5,
            fills=2,
            lots=2000,
            profit=20.0,
            fees=pytest.approx(0.3),
            funding=-0.5,
        ),
        RoundTrip(
            strategy="s",
            instrument=MARKET.key,
            side="short",
            opened_ns=5,
            closed_ns=9,
            fills=2,
            lots=1000,
            profit=5.0,
            fees=pytest.approx(0.3),
            funding=0.25,
        ),
    ]
    assert [trip.net for trip in trips] == pytest.approx([19.2, 4.95])


def test_what_is_still_open_is_no_trade_yet():
    _, trips = trips_of([(1, 2000, 1000, "0"), (5, -1000, 1100, "0")])

    assert trips == []


def test_a_trade_in_many_steps_is_one_trade():
    _, trips = trips_of(
        [(1, 1000, 1000, "0"), (2, 2000, 1000, "0"), (3, -500, 1010, "0"), (4, -2500, 1010, "0")]
    )

    assert [(trip.fills, trip.lots, trip.profit) for trip in trips] == [(4, 3000, pytest.approx(3.0))]


@given(
    st.lists(
        st.tuples(
            st.integers(1, 90),
            st.integers(-20, 20).filter(bool).map(lambda lots: lots * 100),
            st.integers(900, 1100),
            st.sampled_from(["0", "0.5", "-0.25"]),
        ),
        min_size=1,
        max_size=12,
    ).map(sorted)
)
def test_once_flat_the_trades_are_all_there_was(fills):
    held = sum(lots for _, lots, _, _ in fills)
    closed = [*fills, (95, -held, 1000, "0.125")] if held else fills
    ledger, trips = trips_of(closed)

    assert sum(trip.profit for trip in trips) == pytest.approx(ledger.realised[-1], abs=1e-9)
    assert sum(trip.fees for trip in trips) == pytest.approx(sum(float(fee) for *_, fee in closed), abs=1e-9)
    assert all(earlier.closed_ns <= later.opened_ns for earlier, later in pairwise(trips))
    assert sum(trip.fills for trip in trips) >= len(closed)
