"""What a venue cannot do is said before a run starts, and before an order is sent."""

import pytest

from kit.orders import intent
from xtrade.model.errors import ConfigError
from xtrade.model.instruments import Kind
from xtrade.model.orders import OrderType, TimeInForce
from xtrade.runtime.ids import BITS_32
from xtrade.venues.abilities import (
    Abilities,
    Feed,
    MarketAbilities,
    Need,
    TradingAbilities,
    cannot,
    unmet,
)
from xtrade.venues.base import require
from xtrade.venues.simulated import ABILITIES

PLAIN = Abilities(
    market={Kind.SPOT: MarketAbilities(feeds=frozenset({Feed.BOOK}))},
    trading={Kind.SPOT: TradingAbilities()},
)


@pytest.mark.parametrize(
    ("need", "says"),
    [
        (Need("v:A/B", Kind.SPOT, frozenset({Feed.BOOK})), None),
        (
            Need("v:A/B", Kind.SPOT, frozenset({Feed.BOOK, Feed.TRADES})),
            "v:A/B: v does not tell trades of spot markets; it tells books",
        ),
        (Need("v:A/B:B", Kind.LINEAR, frozenset()), "v:A/B:B: v has no linear markets"),
    ],
)
def test_a_need_that_a_venue_cannot_meet_is_one_sentence(need, says):
    assert list(unmet("v", PLAIN, [need])) == ([] if says is None else [says])


def test_a_venue_without_trading_takes_no_need_to_trade():
    reads = Abilities(market=PLAIN.market)
    wants = Need("v:A/B", Kind.SPOT, frozenset({Feed.BOOK}))

    assert list(unmet("v", reads, [wants])) == ["v:A/B: no orders can be sent to v for spot markets"]
    assert list(unmet("v", reads, [wants._replace(trades=False)])) == []


class Reader:
    name, abilities, instruments, trading = "v", PLAIN, {}, None


def test_a_run_that_wants_what_is_not_there_does_not_start_and_every_reason_is_told():
    with pytest.raises(ConfigError) as caught:
        require(Reader(), [Need("v:A/B", Kind.SPOT, frozenset({Feed.MARKS}))])

    assert str(caught.value) == (
        "v:A/B is not among the markets of v; v:A/B: v does not tell mark prices of spot markets; it tells books;"
        " the account at v only reads: give it a key that may trade"
    )


@pytest.mark.parametrize(
    ("terms", "can", "says"),
    [
        ({}, {}, None),
        ({"type": OrderType.MARKET, "ticks": None}, {}, "it takes no market orders, but limit"),
        ({"time_in_force": TimeInForce.FOK}, {}, "it knows no fok, but gtc"),
        ({"post_only": True}, {}, "it has no post-only orders"),
        ({"reduce_only": True}, {}, "it has no reduce-only orders on this kind of market"),
        ({"post_only": True}, {"post_only": True}, None),
    ],
)
def test_an_order_that_a_venue_does_not_know_is_refused_before_it_is_sent(terms, can, says):
    assert cannot(TradingAbilities(**can), intent(**terms)) == says


def test_a_client_order_id_beyond_the_venues_range_is_refused():
    narrow = TradingAbilities(client_ids=BITS_32)

    assert cannot(narrow, intent(client_order_id=(1 << 32) - 1)) is None
    assert cannot(narrow, intent(client_order_id=1 << 32)) == "its client order ids have 32 bits"


def test_the_built_in_exchange_takes_every_order_form_that_the_model_has():
    for kind in (Kind.SPOT, Kind.LINEAR):
        assert ABILITIES.trading[kind].types == frozenset(OrderType)
        assert ABILITIES.trading[kind].time_in_force == frozenset(TimeInForce)
