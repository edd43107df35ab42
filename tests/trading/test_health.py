"""Which venues and books can be relied on, as the links tell."""

from __future__ import annotations

from kit.venues import HandMarkets, execute, market
from xtrade.model.events import LinkDown, LinkUp, Stale
from xtrade.trading.health import Health

ONE, OTHER = market(), market("okx")


def down(channel, venue="binance"):
    return LinkDown(venue=venue, channel=channel, reason="cut")


def up(channel, venue="binance"):
    return LinkUp(venue=venue, channel=channel)


def test_a_venue_is_down_until_all_of_its_connections_are_up_again():
    health = Health()
    assert health.trouble(ONE.key) is None

    health.hear(down("orders"))
    health.hear(down("public"))
    health.hear(up("orders"))

    assert health.trouble(ONE.key) == "binance's public connection is down: cut"
    assert health.trouble(OTHER.key) is None
    health.hear(up("public"))
    assert health.trouble(ONE.key) is None


def test_a_stale_book_is_trouble_until_it_is_heard_of_again_and_stale_trades_are_not():
    health = Health()
    health.hear(Stale(instrument=ONE.key, what="trades", age_ns=10**9))
    assert health.trouble(ONE.key) is None

    health.hear(Stale(instrument=ONE.key, what="book", age_ns=5 * 10**9))
    assert health.trouble(ONE.key) == f"nothing was heard of the book of {ONE.key} for 5s"
    health.fresh(ONE.key, "book")

    assert health.trouble(ONE.key) is None
    assert health.stale == {ONE.key: {"trades": 10**9}}


def test_a_task_waits_until_a_venue_is_back_and_a_book_is_fresh():
    markets = HandMarkets([ONE, OTHER])
    seen = []

    async def waits(ctx):
        await ctx.when_up(ONE.key)
        seen.append(ctx.now_ns)
        await ctx.sleep(1)
        assert ctx.trouble(ONE.key)
        await ctx.when_up(OTHER.key)
        seen.append(ctx.now_ns)
        await ctx.when_up(ONE.key)
        seen.append(ctx.now_ns)

    execute(
        markets,
        waits,
        happenings=[
            (0.5, lambda: markets.link_down("binance", 2_000)),
            (2.6, lambda: markets.hear(Stale(instrument=ONE.key, what="book", age_ns=10**9))),
            (2.0, lambda: markets.link_down("binance", 1_000)),
            (4.0, lambda: markets.move(ONE.key, 1000, 1001)),
        ],
    )

    assert seen == [0, 10**9, 4 * 10**9]
