"""Orders and the events of their lives, as hypothesis draws them."""

from hypothesis import strategies as st

from xtrade.model import events as ev
from xtrade.model.fills import Fill
from xtrade.model.ids import ClientOrderId
from xtrade.model.money import Money
from xtrade.model.order_state import OrderState
from xtrade.model.orders import OrderIntent, OrderType
from xtrade.model.sides import Side

ID = ClientOrderId(42)


def intent(**changed):
    """One plain limit order, with what a test wants changed."""
    fields = {
        "client_order_id": ID,
        "instrument": "binance:BTC/USDT:USDT",
        "instrument_version": 1,
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "lots": 100,
        "ticks": 500_000,
    }
    return OrderIntent(**fields | changed)


def order(**changed):
    """The state of a plain order before anything happened."""
    return OrderState(intent=intent(**changed))


requests = st.integers(1, 4)
quantities = st.integers(0, 200)
times = st.none() | st.integers(1, 1000)
names = st.none() | st.sampled_from(["v1", "v2", "v3"])
trade_ids = st.sampled_from(["t1", "t2", "t3", "t4", "t5"])
# Drawn from few values, so that several reports of one trade often agree in part.
told_fills = st.builds(
    Fill,
    trade_id=trade_ids,
    side=st.just(Side.BUY),
    ticks=st.sampled_from([5, 6]),
    lots=st.sampled_from([10, 40]),
    fee=st.none() | st.sampled_from([Money.of(0, "USDT"), Money.of("0.1", "USDT"), Money.of(1, "BNB")]),
    maker=st.none() | st.booleans(),
    venue_ns=st.none() | st.just(7),
)


def _told(event, **fields):
    """An event as the wire tells it: with or without the venue's name and time, heard at any moment."""
    return st.builds(
        event,
        client_order_id=st.just(ID),
        venue_order_id=names,
        venue_ns=times,
        received_ns=st.integers(0, 10**6),
        **fields,
    )


order_events = st.one_of(
    _told(ev.OrderSent),
    _told(ev.OrderAccepted),
    _told(ev.OrderRejected, reason=st.just("insufficient margin")),
    _told(ev.OrderFilled, fill=told_fills, cumulative_lots=quantities),
    _told(ev.OrderFilled, fill=told_fills),
    _told(ev.OrderCompleted, cumulative_lots=quantities),
    _told(ev.FillReversed, trade_id=trade_ids),
    _told(ev.OrderCanceled, cumulative_lots=quantities),
    _told(ev.OrderExpired, cumulative_lots=quantities),
    _told(ev.OrderInDoubt),
    _told(ev.OrderRestored, as_of_ns=st.integers(1, 1000), evidence=st.just("open orders list")),
    _told(ev.AmendSent, request=requests, lots=quantities),
    _told(
        ev.OrderAmended,
        lots=quantities,
        ticks=st.none() | st.integers(1, 10**6),
        request=st.none() | requests,
        sequence=times,
        replaces=names,
    ),
    _told(ev.AmendRejected, request=requests),
    _told(ev.CancelSent, request=requests),
    _told(ev.CancelRejected, request=requests),
)
"""Any event of an order's life, sane or not: venues do send cancels of what they filled."""
