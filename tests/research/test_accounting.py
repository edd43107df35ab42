"""Accounts: what is booked is exact, what is sampled adds up, and the split of the profit is the path's own."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, strategies as st

from kit.markets import instrument
from kit.recordings import PERP, SECOND, SPOT, START, empty_recording, sample_recording
from xtrade.model.errors import ConfigError, DataError
from xtrade.model.fills import Fill
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Kind
from xtrade.model.money import Money
from xtrade.model.sides import Side
from xtrade.research.accounting import account
from xtrade.research.recording import FillRow, FundingRow, Recording, Samples, StrategyRun

LINEAR, INVERSE, COINS = instrument(Kind.LINEAR), instrument(Kind.INVERSE), instrument(Kind.SPOT)


def fill(at, side, ticks, lots, *, market=LINEAR, mid=None, fee="0", paid_in=None, strategy="s", version=1):
    return FillRow(
        client_order_id=ClientOrderId(1),
        strategy=strategy,
        instrument=market.key,
        instrument_version=version,
        fill=Fill(
            trade_id=str(at),
            side=side,
            ticks=ticks,
            lots=lots,
            fee=Money.of(fee, paid_in or market.settle),
            maker=True,
            venue_ns=at,
        ),
        received_ns=at,
        mid_at_fill=mid,
    )


def recorded(fills, mids, *, markets=(LINEAR,), capital="1000 USDT", funding=(), end=None):
    """A recording whose samples are one nanosecond apart from 0 on; `mids` by market."""
    length = len(mids[markets[0].key])
    columns = {key: np.array(prices, float) for key, prices in mids.items()}
    return Recording(
        instruments={market.key: (market,) for market in markets},
        strategies={"s": StrategyRun()},
        capital=Money.parse(capital),
        samples=Samples(np.arange(length), columns, columns),
        start_ns=0,
        end_ns=length - 1 if end is None else end,
        fills=fills,
        funding=funding,
    )


def test_a_long_by_hand():
    """
    Buy 2 BTC at 100 with the mid at 101, and sell one at 104 with the mid at 103: 3 USDT of spread, and the mid
    earned 4 on one and 5 on the other.
    """
    fills = [
        fill(1, Side.BUY, 1000, 2000, mid=101.0, fee="0.5"),
        fill(3, Side.SELL, 1040, 1000, mid=103.0, fee="-0.25"),
    ]
    funding = [
        FundingRow(time_ns=2, strategy="s", instrument=LINEAR.key, amount=Money.of("-0.1", "USDT"), lots=2000)
    ]
    accounts = account(recorded(fills, {LINEAR.key: [100, 101, 102, 103, 106]}, funding=funding))
    columns = {name: column.tolist() for name, column in accounts.columns.items()}

    assert accounts.times_ns.tolist() == [0, 1, 2, 3, 4]
    assert columns["realised"] == [0, 0, 0, 4, 4]
    assert columns["unrealised"] == [0, 2, 4, 3, 6]
    assert columns["fees"] == [0, 0.5, 0.5, 0.25, 0.25]
    assert columns["funding"] == [0, 0, -0.1, -0.1, -0.1]
    assert columns["spread"] == [0, 2, 2, 3, 3]
    assert columns["inventory"] == [0, 0, 2, 4, 7]
    assert columns["equity"] == pytest.approx([1000, 1001.5, 1003.4, 1006.65, 1009.65], rel=1e-15)
    assert columns["gross_exposure"] == columns["net_exposure"] == [0, 202, 204, 103, 106]


def test_a_short_of_an_inverse_contract_by_hand():
    """
    Sell 10 contracts of 100 USD at 100: 10 BTC of face. At 125 they are 8 BTC: a loss of 2.
    """
    accounts = account(
        recorded(
            [fill(1, Side.SELL, 1000, 10, market=INVERSE, mid=100.0)],
            {INVERSE.key: [100, 100, 125]},
            markets=(INVERSE,),
            capital="5 BTC",
        )
    )
    (ledger,) = accounts.ledgers

    assert accounts.columns["equity"].tolist() == [5, 5, 3]
    assert accounts.columns["net_exposure"].tolist() == [0, -10, -8]
    assert ledger.rows["entry_price"].tolist()[-1] == 100.0
    assert ledger.position.lots == -10


def test_what_is_held_of_another_currency_is_worth_what_it_brings_now():
    """
    The inverse contract earned 2 BTC, which are 250 USDT at first and 300 later; its fee was 1 BNB of 200, then 210.
    """
    bnb = instrument(Kind.SPOT, symbol="BNB/USDT", base="BNB")
    fills = [
        fill(1, Side.BUY, 1000, 10, market=INVERSE, mid=100.0, fee="1", paid_in="BNB"),
        fill(2, Side.SELL, 1250, 10, market=INVERSE, mid=125.0),
    ]
    mids = {INVERSE.key: [100, 100, 125, 150], COINS.key: [100, 100, 125, 150], bnb.key: [200, 200, 200, 210]}
    accounts = account(recorded(fills, mids, markets=(INVERSE, COINS, bnb)))

    assert accounts.columns["realised"].tolist() == [0, 0, 250, 300]
    assert accounts.columns["fees"].tolist() == [0, 200, 200, 210]
    assert accounts.columns["equity"].tolist() == [1000, 800, 1050, 1090]


def test_a_price_that_is_missing_is_named():
    recording = recorded(
        [fill(1, Side.BUY, 1000, 10, market=INVERSE)], {INVERSE.key: [100, 100]}, markets=(INVERSE,)
    )

    with pytest.raises(
        ConfigError, match="amounts in BTC cannot be shown in USDT: this run has no price of BTC/USDT"
    ):
        _ = account(recording).columns


def test_a_market_that_quotes_the_report_currency_in_the_other_will_do():
    """
    Report in BTC what was earned in USDT: at 125 USDT a BTC, 25 USDT are 0.2 BTC.
    """
    fills = [fill(1, Side.BUY, 1000, 1000, mid=100.0)]
    accounts = account(recorded(fills, {LINEAR.key: [100, 100, 125]}, capital="1 BTC"))

    assert accounts.columns["equity"].tolist() == [1, 1, 1.2]


def test_until_a_market_has_a_price_what_is_held_counts_at_its_cost():
    nan = float("nan")
    accounts = account(recorded([fill(1, Side.BUY, 1000, 1000)], {LINEAR.key: [nan, nan, nan, 105, nan]}))

    assert accounts.columns["equity"].tolist() == [1000, 1000, 1000, 1005, 1005]
    assert accounts.columns["gross_exposure"].tolist() == [0, 100, 100, 105, 105]
    assert accounts.columns["spread"].tolist() == [0, 0, 0, 0, 0]


def test_a_fill_without_a_recorded_mid_met_the_last_sample_before_it():
    """
    The sample at its very time may show what the fill left: selling at 100 into a mid of 99 earned 1, then 3 and 6.
    """
    accounts = account(recorded([fill(1, Side.SELL, 1000, 1000)], {LINEAR.key: [99, 96, 90]}))

    assert accounts.columns["spread"].tolist() == [0, 1, 1]
    assert accounts.columns["inventory"].tolist() == [0, 3, 9]


def test_equity_begins_before_the_first_fill_and_ends_after_the_last():
    late = [fill(0, Side.BUY, 1000, 1000, mid=100.0), fill(9, Side.SELL, 1010, 1000, mid=101.0)]
    accounts = account(recorded(late, {LINEAR.key: [100, 102]}))

    assert accounts.times_ns.tolist() == [-1, 0, 1, 9]
    assert accounts.columns["equity"].tolist() == [1000, 1000, 1002, 1001]


def test_lots_of_a_new_version_are_other_lots_of_the_same_holding():
    finer = instrument(Kind.LINEAR, lot=Decimal("0.0001"), version=2)
    recording = recorded(
        [fill(1, Side.BUY, 1000, 1000), fill(2, Side.SELL, 1010, 4000, version=2)],
        {LINEAR.key: [100, 100, 101, 110]},
    )
    recording.instruments[LINEAR.key] = (LINEAR, finer)  # type: ignore[index]
    accounts = account(recording)

    assert accounts.ledgers[0].lots.tolist() == [1000, 6000]
    assert accounts.columns["equity"].tolist() == pytest.approx([1000, 1000, 1001, 1006.4])


def test_the_rows_of_a_ledger_leave_out_samples_that_change_nothing():
    fills = [fill(1, Side.BUY, 1000, 1000), fill(2, Side.SELL, 1010, 1000)]
    (ledger,) = account(recorded(fills, {LINEAR.key: [100, 100, 101, 102, 103, 104]})).ledgers

    assert ledger.rows["time_ns"].tolist() == [1, 2]
    assert ledger.rows["lots"].tolist() == [1000, 0]
    assert np.isnan(ledger.rows["entry_price"][1])


def test_nothing_traded_is_a_flat_line():
    accounts = account(empty_recording())

    assert set(accounts.columns["equity"].tolist()) == {10_000.0}
    assert set(accounts.columns["drawdown"].tolist()) == {0.0}


def test_a_capital_of_nothing_is_refused():
    with pytest.raises(DataError, match="a capital of 0 USDT"):
        empty_recording(capital="0")


def test_strategies_on_one_market_are_booked_apart_and_add_up():
    accounts = account(sample_recording(seed=2))
    total = sum(ledger.sampled["inventory"] for ledger in accounts.ledgers)

    assert [(ledger.strategy, ledger.instrument) for ledger in accounts.ledgers] == [
        ("quoter", PERP.key),
        ("trend", SPOT.key),
    ]
    assert np.allclose(total, accounts.columns["inventory"], rtol=0, atol=1e-9)


def test_the_end_of_the_books_is_exact():
    """
    What the ledger holds is the fold of the model over the same fills, to the last atom.
    """
    recording = sample_recording(seed=4)
    (quoter, _) = account(recording).ledgers
    mine = [row for row in recording.fills if row.strategy == "quoter"]
    paid = sum(PERP.value(ticks=row.fill.ticks, lots=row.fill.signed_lots) for row in mine)

    assert quoter.position.lots == sum(row.fill.signed_lots for row in mine)
    assert quoter.position.realised.atoms - quoter.position.cost.atoms == -paid


@st.composite
def traded(draw):
    """Fills anywhere on a random walk of a market of any kind, with fees and funding."""
    kind = draw(st.sampled_from(Kind))
    market = instrument(kind)
    length = draw(st.integers(2, 12))
    mids = draw(
        st.lists(st.integers(500, 2000).map(lambda ticks: ticks / 10), min_size=length, max_size=length)
    )
    times = sorted(draw(st.lists(st.integers(0, length - 1), max_size=10)))
    fills = [
        fill(
            at,
            draw(st.sampled_from(Side)),
            draw(st.integers(400, 2500)),
            draw(st.integers(1, 5000)),
            market=market,
            mid=draw(st.none() | st.integers(400, 2500).map(lambda ticks: ticks / 10)),
            fee=draw(st.sampled_from(["0", "0.125", "-0.25", "3"])),
        )
        for at in times
    ]
    funding = [
        FundingRow(
            time_ns=at, strategy="s", instrument=market.key, amount=Money.of("0.5", market.settle), lots=1
        )
        for at in times[::3]
    ]
    capital = f"1000 {market.settle}"
    return (
        recorded(fills, {market.key: mids}, markets=(market,), capital=capital, funding=funding),
        market,
        mids,
    )


def by_the_path(recording, market, mids):
    """Spread and inventory as a walk along every mid that was seen: what was held times what it did, step by step."""
    worth = (lambda price: -1 / price) if market.kind is Kind.INVERSE else (lambda price: price)
    unit = float(market.lot) * float(market.multiplier)
    seen = [(at, 1, mid, 0) for at, mid in enumerate(mids)]
    for row in recording.fills:
        before = mids[row.received_ns - 1] if row.received_ns else row.fill.ticks / 10
        mid = before if row.mid_at_fill is None else row.mid_at_fill
        seen.append((row.received_ns, 0, mid, row))
    spread = inventory = 0.0
    lots, last = 0, None
    for _, _, mid, row in sorted(seen, key=lambda step: step[:2]):
        if last is not None:
            inventory += lots * unit * (worth(mid) - worth(last))
        if row:
            spread += row.fill.signed_lots * unit * (worth(mid) - worth(row.fill.ticks / 10))
            lots += row.fill.signed_lots
        last = mid
    return spread, inventory


@given(traded())
def test_the_profit_is_the_sum_of_its_parts_whatever_was_traded(case):
    recording, market, mids = case
    columns = account(recording).columns
    spread, inventory = by_the_path(recording, market, mids)
    turnover = 1 + sum(row.fill.lots for row in recording.fills) * 250

    parts = columns["spread"] + columns["inventory"] - columns["fees"] + columns["funding"]
    assert np.abs(parts + 1000 - columns["equity"]).max() <= 1e-13 * (1000 + turnover)
    assert columns["spread"][-1] == pytest.approx(spread, rel=1e-9, abs=1e-12 * turnover)
    assert columns["inventory"][-1] == pytest.approx(inventory, rel=1e-9, abs=1e-12 * turnover)


@given(traded(), st.integers(2, 50))
def test_trading_more_lots_earns_as_many_times_as_much(case, times):
    recording, _, _ = case
    larger = [
        FillRow(
            client_order_id=row.client_order_id,
            strategy="s",
            instrument=row.instrument,
            fill=Fill(
                trade_id=row.fill.trade_id,
                side=row.fill.side,
                ticks=row.fill.ticks,
                lots=row.fill.lots * times,
                fee=Money(row.fill.fee.atoms * times, row.fill.fee.currency),
            ),
            received_ns=row.received_ns,
            mid_at_fill=row.mid_at_fill,
        )
        for row in recording.fills
    ]
    one = account(recording).columns
    many = account(
        Recording(
            instruments=recording.instruments,
            strategies=recording.strategies,
            capital=recording.capital,
            samples=recording.samples,
            start_ns=0,
            end_ns=recording.end_ns,
            fills=larger,
        )
    ).columns

    for part in ("spread", "inventory", "fees", "gross_exposure"):
        assert many[part] == pytest.approx(one[part] * times, rel=1e-9, abs=1e-6)


def test_the_times_of_the_kit_are_those_of_its_samples():
    accounts = account(sample_recording())

    assert accounts.times_ns[0] == START
    assert accounts.times_ns[-1] == START + 3600 * SECOND
