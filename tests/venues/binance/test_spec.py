"""Facts that must fit together: lines and addresses, pools and costs, abilities and what the codec does."""

import pytest

from kit.binance import PERPETUAL, SPOT, codec, intent, known, line
from xtrade.model.errors import ConfigError, Unavailable
from xtrade.model.instruments import Kind
from xtrade.model.orders import OrderType, TimeInForce, Trigger
from xtrade.net.limits import Cost
from xtrade.venues.abilities import DeadMan, Feed, Scope, cannot
from xtrade.venues.binance.sections import SECTIONS
from xtrade.venues.binance.spec import SPEC
from xtrade.venues.book_sync import BookSync

venue = codec()
STOP = {"type": OrderType.STOP_MARKET, "trigger": Trigger(ticks=520_000)}


def test_every_line_has_an_address_everywhere_and_its_pools():
    pools = {pool.name for pool in SPEC.pools}

    for environment in ("live", "testnet"):
        addresses = SPEC.at(environment)
        assert {each.address for each in SPEC.lines} | {"spot", "usdm"} == set(addresses)
    for each in SPEC.lines:
        assert {each.opens, each.sends} - {""} <= pools
    assert {rule.pool for rule in SPEC.usage} <= pools


def test_a_box_has_every_path_at_one_host():
    addresses = SPEC.at("box", "http://127.0.0.1:9001")

    assert addresses["usdm private stream"] == "ws://127.0.0.1:9001/private/ws"
    assert addresses["spot ws-api"] == "ws://127.0.0.1:9001/ws-api/v3?returnRateLimits=false"
    with pytest.raises(ConfigError):
        SPEC.at("box")


def test_every_cost_fits_into_its_pool():
    limits = {pool.name: min(window.limit for window in pool.windows) for pool in SPEC.pools}
    asks = [
        *venue.listings(),
        venue.clock(),
        venue.book(SPOT, 5_000),
        venue.book(PERPETUAL, 1_000),
        venue.trades(SPOT, 1),
        venue.trades(PERPETUAL, 1),
        venue.bars(SPOT, 60_000_000_000, 0, 1),
        venue.mark(PERPETUAL),
        venue.funding(PERPETUAL),
        venue.funding_history(PERPETUAL, 0, 1),
        venue.place(intent()),
        venue.place(intent(PERPETUAL)),
        venue.place(intent(PERPETUAL, **STOP)),
        venue.place_many([intent(PERPETUAL)] * 5),
        venue.cancel(known(), 1),
        venue.cancel(known(PERPETUAL), 1),
        venue.amend(known(), lots=1, ticks=5_000_000, request=1),
        venue.amend(known(PERPETUAL), lots=1, ticks=1, request=1),
        *venue.cancel_all([SPOT, PERPETUAL]),
        *venue.countdown(60, [PERPETUAL]),
        *venue.open_orders([]),
        *venue.order(known()),
        *venue.order(known(PERPETUAL, **STOP)),
        *venue.fills(0, [SPOT, PERPETUAL]),
        *venue.balances(),
        *venue.positions(),
        *venue.fee_rates([SPOT, PERPETUAL]),
        venue.leverage(PERPETUAL, 2),
        venue.token(line("usdm private")),
        venue.keep_token(line("usdm private"), ""),
    ]

    for ask in asks:
        assert ask.costs
        for cost in ask.costs:
            assert isinstance(cost, Cost)
            assert 1 <= cost.weight <= limits[cost.pool]
        if ask.over is not None:
            assert line(ask.over.socket).private


def test_orders_cost_orders_and_cancels_do_not():
    def pools(ask):
        return {cost.pool: cost.weight for cost in ask.costs}

    assert pools(venue.place(intent()))["spot orders"] == 1
    assert pools(venue.place_many([intent(PERPETUAL)] * 3))["usdm orders"] == 3
    assert pools(venue.cancel(known(), 1)) == {"spot weight": 1}


def test_books_of_each_half_have_a_rule():
    assert set(SPEC.books) == set(SECTIONS)
    for rule in SPEC.books.values():
        assert not BookSync(rule).is_whole


def test_every_feed_that_is_claimed_has_a_topic():
    for kind, key in ((Kind.SPOT, SPOT), (Kind.LINEAR, PERPETUAL)):
        for feed in SPEC.abilities.market[kind].feeds:
            assert venue.topics(key, {feed})
    assert not venue.topics(SPOT, {Feed.MARKS})


@pytest.mark.parametrize(("key", "kind"), [(SPOT, Kind.SPOT), (PERPETUAL, Kind.LINEAR)])
def test_every_type_that_is_claimed_can_be_written(key, kind):
    from decimal import Decimal

    abilities = SPEC.abilities.trading[kind]
    for type_ in abilities.types:
        trigger = None
        if type_ is OrderType.TRAILING_STOP:
            trigger = Trigger(trail_rate=Decimal("0.01"))
        elif type_.is_triggered:
            trigger = Trigger(ticks=1_000)
        assert venue.place(intent(key, type=type_, trigger=trigger))
    for time_in_force in abilities.time_in_force:
        expires_ns = 2**62 if time_in_force is TimeInForce.GTD else None
        assert venue.place(intent(key, time_in_force=time_in_force, expires_ns=expires_ns))


@pytest.mark.parametrize(("key", "kind"), [(SPOT, Kind.SPOT), (PERPETUAL, Kind.LINEAR)])
def test_what_is_not_claimed_cannot_be_written(key, kind):
    abilities = SPEC.abilities.trading[kind]
    order = (
        intent(key, time_in_force=TimeInForce.GTD, expires_ns=2**62)
        if kind is Kind.SPOT
        else intent(key, type=OrderType.MARKET, quantity=None, quote_amount=quote_amount())
    )

    assert cannot(abilities, order)
    with pytest.raises(Unavailable):
        venue.place(order)


def quote_amount():
    from xtrade.model.money import Money

    return Money.of("100", "USDT")


def test_the_dead_mans_switch_is_where_it_is_claimed():
    spot, futures = (SPEC.abilities.trading[kind] for kind in (Kind.SPOT, Kind.LINEAR))

    assert (spot.dead_man, futures.dead_man) == (DeadMan.NONE, DeadMan.COUNTDOWN)
    assert futures.dead_man_scope is Scope.INSTRUMENT
    assert not venue.countdown(10, [SPOT])
