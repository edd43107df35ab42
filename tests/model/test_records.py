from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, strategies as st

from kit.markets import instrument, instruments, money, sides
from kit.orders import order, order_events
from xtrade.model import events as ev
from xtrade.model.errors import DataError
from xtrade.model.fills import Fill
from xtrade.model.instruments import Instrument
from xtrade.model.levels import Levels
from xtrade.model.money import Money
from xtrade.model.order_state import OrderState, apply
from xtrade.model.positions import Position
from xtrade.model.records import (
    event_from_json,
    event_from_msgpack,
    from_json,
    from_msgpack,
    to_json,
    to_msgpack,
)
from xtrade.model.sides import Side

counts = st.integers(-(2**63) + 1, 2**63 - 1)
levels = st.lists(st.tuples(counts, counts), max_size=5).map(Levels.of)
times = st.none() | st.integers(0, 2**63 - 1)
rates = st.decimals("-1", "1", places=10)
names = st.text(max_size=12)
MARKET = {"instrument": names, "received_ns": st.integers(0, 2**63 - 1), "venue_ns": times, "sequence": times}


def _market(event, **fields):
    return st.builds(event, **MARKET, **fields)


market_events = st.one_of(
    _market(ev.BookSnapshot, bids=levels, asks=levels),
    _market(ev.BookDelta, bids=levels, asks=levels, previous_sequence=times),
    _market(ev.Trade, trade_id=names, ticks=counts, lots=counts, taker=sides),
    _market(ev.Quote, bid_ticks=times, bid_lots=counts, ask_ticks=times, ask_lots=counts),
    _market(ev.MarkPrice, mark=st.decimals("1e-10", "1e9", places=10), index=st.none() | rates),
    _market(ev.Funding, rate=rates, next_ns=times, interval_ns=times, predicted=st.none() | rates),
    _market(
        ev.Bar,
        start_ns=counts,
        interval_ns=counts,
        open_ticks=counts,
        high_ticks=counts,
        low_ticks=counts,
        close_ticks=counts,
        volume_lots=counts,
        closed=st.booleans(),
    ),
    _market(ev.InstrumentChanged, now=instruments()),
    _market(ev.Stale, what=names, age_ns=counts),
)
account_events = st.one_of(
    st.builds(ev.BalanceReport, account=names, total=money, held=money),
    st.builds(ev.PositionReport, account=names, instrument=names, lots=counts, entry_price=st.none() | rates),
    st.builds(ev.FundingPaid, account=names, instrument=names, payment_id=names, amount=money),
    st.builds(ev.LinkUp, venue=names, channel=names),
    st.builds(ev.LinkDown, venue=names, channel=names, reason=names),
)
events = market_events | order_events | account_events


@given(events)
def test_every_event_is_read_back_as_it_was_written(event):
    assert event_from_json(to_json(event)) == event
    assert event_from_msgpack(to_msgpack(event)) == event
    assert type(event_from_json(to_json(event))) is type(event)


@given(st.lists(order_events, max_size=6))
def test_an_orders_state_is_read_back_and_equal_states_have_equal_bytes(history):
    state, doubled = order(), order()
    for event in history:
        state = apply(state, event).state
    for event in [*reversed(history), *history]:
        doubled = apply(doubled, event).state

    assert from_json(to_json(state), OrderState) == state
    assert from_msgpack(to_msgpack(state), OrderState) == state
    assert to_msgpack(state) == to_msgpack(doubled)


def test_money_and_levels_are_written_for_people():
    fill = Fill(trade_id="t1", side=Side.SELL, ticks=5, lots=2, fee=Money.of("0.00012", "BNB"))

    assert b'"fee":"0.00012 BNB"' in to_json(fill)
    assert to_json(ev.BookSnapshot(instrument="a", bids=Levels.of([(10, 1), (9, 2)]), asks=Levels.of())) == (
        b'{"event":"BookSnapshot","instrument":"a","bids":[10,1,9,2],"asks":[]}'
    )


def test_a_position_and_an_instrument_are_read_back():
    market = instrument(min_notional=Decimal(5))
    position = Position.flat(market).after_fill(market, Fill(trade_id="t", side=Side.BUY, ticks=7, lots=3))

    assert from_json(to_json(position), Position) == position
    assert from_msgpack(to_msgpack(market), Instrument) == market


def test_what_is_not_held_in_orders_is_available():
    report = ev.BalanceReport(account="okx", total=Money.of(10, "USDT"), held=Money.of("2.5", "USDT"))

    assert report.available == Money.of("7.5", "USDT")


def test_a_record_of_a_newer_version_is_read_for_what_we_know():
    assert event_from_json(
        b'{"event":"LinkUp","venue":"okx","channel":"public","since_2031":true}'
    ) == ev.LinkUp(venue="okx", channel="public")


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"{}",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"event":"Sneeze"}',
        b'{"event":"LinkUp","venue":"okx"}',
        b'{"event":"BookSnapshot","instrument":"a","bids":[1],"asks":[]}',
        b'{"event":"BookSnapshot","instrument":"a","bids":[1,9223372036854775808],"asks":[]}',
        b'{"event":"BookSnapshot","instrument":"a","bids":"1","asks":[]}',
        b'{"event":"BalanceReport","account":"a","total":"1","held":"0 BTC"}',
        b'{"event":"BalanceReport","account":"a","total":1,"held":"0 BTC"}',
        b'{"event":"MarkPrice","instrument":"a","mark":"NaN"}',
        b'{"event":"MarkPrice","instrument":"a","mark":"-1"}',
        b'{"event":"MarkPrice","instrument":"a","mark":"1E+999999"}',
        b'{"event":"Trade","instrument":"a","trade_id":"t","ticks":99999999999999999999,"lots":1,"taker":"buy"}',
        b'{"event":"OrderFilled","client_order_id":1,"fill":{"trade_id":"t","side":"buy","ticks":5,"lots":0}}',
        b'{"event":"Funding","instrument":"a","rate":"0.1","predicted":"-Infinity"}',
        b'{"event":"PositionReport","account":"a","instrument":"b","lots":1,"entry_price":"sNaN"}',
    ],
)
def test_what_is_not_a_record_is_a_data_error_that_says_so(record):
    with pytest.raises(DataError, match="not a record of ours"):
        event_from_json(record)


@given(
    st.binary(max_size=60)
    | events.map(to_msgpack).flatmap(lambda b: st.integers(0, len(b)).map(lambda n: b[:n]))
)
def test_no_bytes_raise_anything_but_a_data_error(record):
    try:
        event_from_msgpack(record)
    except DataError:
        return
    assert event_from_msgpack(to_msgpack(event_from_msgpack(record))) == event_from_msgpack(record)


def test_every_event_is_in_the_union_that_decoders_read():
    concrete = set(_leaves(ev.Event))

    assert concrete == set(ev.AnyEvent.__args__)
    assert len({event.__struct_config__.tag for event in concrete}) == len(concrete)


def test_only_model_values_are_written():
    with pytest.raises(TypeError, match="object is not a model value"):
        to_json(object())
    with pytest.raises(DataError):
        from_json(b'"x"', complex)
    assert msgspec.json.decode(to_json([1, 2])) == [1, 2]


def _leaves(kind):
    children = kind.__subclasses__()
    return [leaf for child in children for leaf in _leaves(child)] if children else [kind]
