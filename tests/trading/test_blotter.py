"""What the blotter finds odd, and what it does not."""

from collections import Counter
from types import SimpleNamespace

import pytest

from kit.markets import instrument as an_instrument
from kit.orders import intent
from xtrade.model.events import OrderAccepted, OrderCanceled, OrderExpired
from xtrade.model.instruments import Kind
from xtrade.model.order_state import OrderState
from xtrade.trading.blotter import Blotter
from xtrade.trading.orders import Order
from xtrade.trading.portfolio import Portfolio

MARKET = an_instrument(Kind.LINEAR)


@pytest.mark.parametrize(("kind", "odd"), [(OrderAccepted, 0), (OrderCanceled, 0), (OrderExpired, 1)])
def test_what_answer_and_stream_both_tell_is_not_odd(kind, odd):
    unusual = Counter()
    blotter = Blotter(Portfolio(), SimpleNamespace(instrument=lambda _: MARKET), unusual)
    wanted = intent(instrument=MARKET.key)
    order = Order(SimpleNamespace(), wanted, MARKET)
    context = SimpleNamespace(name="maker", open_orders={}, unsettled={})
    order.told(OrderState(intent=wanted))
    blotter.enter(context, order)
    event = kind(client_order_id=wanted.client_order_id, venue_order_id="7")

    for _ in range(2):
        blotter.join(context, order, event, 1)

    assert sum(unusual.values()) == odd
