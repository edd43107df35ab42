"""Rows about our orders become events: whatever their order and however often, the same order comes of them."""

from decimal import Decimal

from hypothesis import given, settings, strategies as st

from xtrade.model.events import OrderFilled, OrderSent
from xtrade.model.ids import ClientOrderId
from xtrade.model.order_state import OrderState, OrderStatus, apply
from xtrade.model.orders import OrderIntent, OrderType
from xtrade.model.sides import Side
from xtrade.runtime.id_forms import TEXT
from xtrade.venues.ccxt.markets import TICK_SIZE, listed
from xtrade.venues.ccxt.own_orders import ENDED_KEPT, OwnOrders

SYMBOL = "BTC/USDT"
MARKET = {
    "id": "BTCUSDT",
    "symbol": SYMBOL,
    "type": "spot",
    "spot": True,
    "precision": {"price": 0.1, "amount": 0.001},
    "limits": {},
}
NUMBER = ClientOrderId(1767225600_000000001)


def intent(number=NUMBER):
    return OrderIntent(
        client_order_id=number,
        instrument=f"acme:{SYMBOL}",
        instrument_version=1,
        side=Side.BUY,
        type=OrderType.LIMIT,
        lots=30,
        ticks=1_000,
        decided_ns=1,
    )


def own_orders():
    return OwnOrders(listed("acme", {SYMBOL: MARKET}, TICK_SIZE), TEXT)


def order(status, filled, *, name="v1", client=True, at=0):
    return {
        "id": name,
        "clientOrderId": TEXT.encode(NUMBER) if client else None,
        "symbol": SYMBOL,
        "side": "buy",
        "type": "limit",
        "price": 100.0,
        "amount": 0.03,
        "filled": filled,
        "status": status,
        "lastUpdateTimestamp": at,
    }


def trade(number, amount, *, name="v1", fee=None):
    return {
        "id": f"t{number}",
        "order": name,
        "symbol": SYMBOL,
        "side": "buy",
        "price": 100.0,
        "amount": amount,
        "timestamp": number,
        "takerOrMaker": "maker",
        "fee": fee,
    }


HISTORY = [
    ("order", order("open", 0)),
    ("order", order("open", 0.01)),
    ("order", order("open", None, client=False)),
    ("trade", trade(1, 0.01)),
    ("trade", trade(1, 0.01, fee={"cost": "0.001", "currency": "USDT"})),
    ("trade", trade(2, 0.02)),
    ("order", order("closed", 0.03)),
    ("order", order("closed", 0.03, client=False)),
]


def folded(rows):
    own = own_orders()
    own.begin(intent())
    state, booked = OrderState(intent=intent()), 0
    events = [OrderSent(client_order_id=NUMBER)]
    for kind, row in rows:
        events += own.take_order(row) if kind == "order" else own.take_trade(row)
    for event in events:
        change = apply(state, event)
        state = change.state
        booked += (change.booked.lots if change.booked else 0) - (
            change.unbooked.lots if change.unbooked else 0
        )
    return own, state, booked, events


@settings(max_examples=300)
@given(st.permutations(HISTORY), st.lists(st.sampled_from(HISTORY)))
def test_in_any_order_and_however_often(rows, again):
    _, state, booked, events = folded([*rows, *again])

    assert (state.status, booked, state.is_settled) == (OrderStatus.FILLED, 30, True)
    assert sum(isinstance(event, OrderFilled) for event in events) <= 3


def test_trades_of_somebody_else_are_not_ours():
    own, _, booked, _ = folded([("order", order("open", 0)), ("trade", trade(1, 0.01, name="theirs"))])

    assert booked == 0
    assert own.number_of("by-hand", "theirs") is None


def test_a_row_of_an_unknown_market_says_nothing():
    assert own_orders().take_order({**order("open", 0), "symbol": "DOGE/USDT"}) == []


def test_what_ccxt_calls_closed_and_is_not_filled_is_expired():
    _, state, _, _ = folded([("order", order("closed", 0.01))])

    assert (state.status, state.missing_lots) == (OrderStatus.EXPIRED, 10)


def test_an_order_that_was_replaced_lives_on_under_its_next_name():
    own = own_orders()
    known = own.begin(intent())
    own.take_order(order("open", 0))
    own.take_order(order("canceled", 0, at=5))
    assert known.ended
    own.replaced(known, "v2")

    assert not known.ended
    own.take_order(order("open", 0, name="v2", client=False))
    assert not known.ended
    own.take_order(order("canceled", 0, name="v2", client=False))
    assert known.ended


def test_orders_that_are_settled_are_let_go_of_and_open_ones_never():
    own = own_orders()
    first = own.begin(intent())
    for n in range(1, ENDED_KEPT + 100):
        own.refused(own.begin(intent(ClientOrderId(NUMBER + n))))

    assert own.find(NUMBER) is first
    assert len(own.unsettled()) == 1
    assert own.find(ClientOrderId(NUMBER + 1)) is None


def test_quantities_off_the_grid_are_not_rounded_into_it():
    import pytest

    from xtrade.model.errors import NumberError

    own = own_orders()
    own.begin(intent())
    own.take_order(order("open", 0))
    with pytest.raises(NumberError, match="0.0105 is not a multiple"):
        own.take_trade(trade(1, 0.0105))
    assert own.listing.market(SYMBOL).instrument.lot == Decimal("0.001")
