"""The built-in exchange, reached past a loop that hangs: what is asked for happens, and is heard of later."""

import asyncio
import threading

import pytest

from kit.orders import intent
from xtrade.model.errors import Rejected, Unavailable
from xtrade.model.events import OrderCanceled, OrderEvent, OrderFilled
from xtrade.model.ids import ClientOrderId
from xtrade.model.money import Money
from xtrade.model.orders import OrderType
from xtrade.model.sides import Side
from xtrade.runtime import clock, real
from xtrade.runtime.virtual import run_virtual
from xtrade.sim.synthetic.presets import preset
from xtrade.venues.abilities import Feed
from xtrade.venues.simulated import SimulatedVenue
from xtrade.venues.simulated_access import SimulatedAccess

PERP, SPOT = "sim:BTC/USDT:USDT", "sim:BTC/USDT"
BALANCES = (Money.of(10_000, "USDT"), Money.of("0.5", "BTC"))


def order(number, *, ticks=None, lots=10, side=Side.BUY, key=PERP):
    return intent(
        client_order_id=ClientOrderId(number),
        instrument=key,
        side=side,
        type=OrderType.MARKET if ticks is None else OrderType.LIMIT,
        ticks=ticks,
        lots=lots,
    )


def at_work(main, runs=run_virtual):
    """Run `main(venue, access, heard)` on a venue that has begun."""
    heard = []

    async def whole():
        venue = SimulatedVenue(preset("spot-and-perpetual"), seed=3, balances=BALANCES)
        venue.subscribe(PERP, frozenset({Feed.BOOK}))
        await venue.start(heard.extend)
        await asyncio.sleep(1)
        try:
            return await main(venue, SimulatedAccess(venue, BALANCES), heard)
        finally:
            await venue.stop()

    return run_virtual(whole, seed=1) if runs is run_virtual else real.run(whole)


def in_a_thread(action):
    """Do something in another thread while this one, with its loop, does nothing but wait for it.

    Under virtual time there are no threads: there it is done here, while time stands still.
    """
    if isinstance(clock.current(), clock.VirtualClock):
        return action()
    found = []

    def act():
        try:
            found.append(action())
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=act)
    thread.start()
    thread.join(30)
    assert found, "it waits for the loop"
    return found[0]


@pytest.mark.parametrize("runs", [run_virtual, real.run])
def test_while_the_loop_stands_still_everything_is_canceled_and_closed(runs):
    async def main(venue, access, heard):
        venue.place(order(1, lots=20))
        venue.place(order(2, ticks=59_000))
        venue.place(order(3, key=SPOT, lots=50))
        await asyncio.sleep(0.2)

        def stop():
            names = access.open_orders()
            access.cancel_all()
            held = dict(access.positions())
            for key, lots in held.items():
                access.close(key, lots)
            return len(names), held, access.open_orders(), access.positions()

        before = len(heard)
        answer = in_a_thread(stop)
        assert len(heard) == before, "news is the loop's to tell"
        await asyncio.sleep(0.1)
        return answer, [event for event in heard[before:] if isinstance(event, OrderEvent)]

    (open_before, held, open_after, left), told = at_work(main, runs)

    assert open_before == 1
    assert held[PERP] == 20
    assert 0 < held[SPOT] <= 50, "what was bought, less what fees took; not the half bitcoin that was there"
    assert (open_after, left) == ((), {})
    assert [event.client_order_id for event in told if isinstance(event, OrderCanceled)] == [2]
    closed = [event for event in told if isinstance(event, OrderFilled)]
    assert sum(event.fill.lots for event in closed if event.fill.side is Side.SELL) == sum(held.values())


def test_what_is_on_its_way_arrives_before_so_that_flat_stays_flat():
    async def main(venue, access, _):
        venue.place(order(1, ticks=59_000))
        venue.place(order(2, lots=7))  # neither is there yet, and virtual time stands still
        found = in_a_thread(lambda: (len(access.open_orders()), dict(access.positions())))
        in_a_thread(access.cancel_all)
        in_a_thread(lambda: access.close(PERP, 7))
        await asyncio.sleep(1)
        return found, access.open_orders(), access.positions()

    assert at_work(main) == ((1, {PERP: 7}), (), {})


def test_the_traders_go_on_as_if_nobody_had_looked():
    def traded(look):
        async def main(venue, access, heard):
            for _ in range(50):
                if look:
                    in_a_thread(access.positions)
                await asyncio.sleep(0.1)
            return heard

        return at_work(main)

    assert traded(look=True) == traded(look=False)


def test_a_closing_order_that_is_refused_and_a_venue_that_has_gone_are_errors():
    async def main(venue, access, _):
        with pytest.raises(Rejected, match=r"does not take the closing order"):
            access.close(PERP, 5)  # nothing is held, and it may only reduce
        await venue.stop()
        with pytest.raises(Unavailable, match="sim is not connected"):
            access.positions()

    at_work(main)
