"""What venues tell about themselves and our accounts: health, marks, margins; the last word, with its age."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from kit.by_hand import HandBook
from kit.markets import instrument
from xtrade.model.events import (
    BalanceReport,
    LinkDown,
    MarginReport,
    MarkPrice,
    PositionReport,
    Stale,
)
from xtrade.model.money import Money
from xtrade.trading.accounts import Accounts, distance_to_liquidation, margin_ratio
from xtrade.trading.health import Health
from xtrade.trading.marks import MARK_AGE_NS_MAX, Marks

MARKET = instrument()
KEY = MARKET.key
S = 1_000_000_000


def down(channel, venue="binance"):
    return LinkDown(venue=venue, channel=channel, reason="closed by the venue")


def test_trouble_of_a_venue_is_trouble_of_its_accounts_and_not_the_other_way_round():
    health = Health()
    health.hear(down("orders", venue="okx.hedge"))
    assert health.down("okx.hedge:BTC/USDT") == "okx.hedge's orders connection is down: closed by the venue"
    assert health.down("okx:BTC/USDT") is None
    health.hear(down("books", venue="okx"))
    assert health.down("okx.other:BTC/USDT") == "okx's books connection is down: closed by the venue"


def test_orders_wait_for_the_feeds_that_prices_are_made_from():
    health = Health()
    health.hear(Stale(instrument=KEY, what="mark", age_ns=5 * S))
    assert health.stale_feed(KEY) == f"nothing was heard of the mark of {KEY} for 5s"
    health.fresh(KEY, "book")
    assert health.stale_feed(KEY)
    health.fresh(KEY, "mark")
    assert health.stale_feed(KEY) is None
    health.hear(Stale(instrument=KEY, what="trades", age_ns=5 * S))
    assert health.stale_feed(KEY) is None


def test_a_mark_is_the_venues_while_it_is_fresh_then_the_middle_then_the_last_one():
    marks, book = Marks(), HandBook(MARKET)
    assert marks.mark(KEY, book, S) == (Fraction("100.05"), "mid", None)
    marks.book_changed_ns[KEY] = S // 2
    assert marks.mark(KEY, book, S).age_ns == S // 2

    marks.take(MarkPrice(instrument=KEY, mark=Decimal(99)), S)

    assert marks.mark(KEY, book, S + MARK_AGE_NS_MAX) == (99, "mark", MARK_AGE_NS_MAX)
    assert marks.fresh(KEY, S + MARK_AGE_NS_MAX).mark == 99
    assert marks.fresh(KEY, S + MARK_AGE_NS_MAX + 1) is None
    assert marks.mark(KEY, book, S + MARK_AGE_NS_MAX + 1).source == "mid"
    book.is_trusted = False
    assert marks.mark(KEY, book, S + MARK_AGE_NS_MAX + 1)[:2] == (99, "last mark")


def test_a_mark_that_is_overtaken_by_a_later_one_is_dropped():
    marks = Marks()
    marks.take(MarkPrice(instrument=KEY, mark=Decimal(99), venue_ns=20), 30)
    marks.take(MarkPrice(instrument=KEY, mark=Decimal(50), venue_ns=10), 31)
    assert marks.fresh(KEY, 31).mark == 99


def test_of_reports_the_last_that_the_venue_made_counts():
    accounts = Accounts()
    for lots, venue_ns, at_ns in ((5, 20, 21), (3, 10, 22)):
        event = PositionReport(account="binance", instrument=KEY, lots=lots, venue_ns=venue_ns)
        accounts.take(event, at_ns)
    accounts.take(BalanceReport(account="binance", total=Money.of(5, "BTC"), held=Money.of(1, "BTC")), 1)
    accounts.take(
        MarginReport(account="binance", equity=Money.of(100, "USDT"), maintenance=Money.of(25, "USDT")), 2
    )

    assert (accounts.positions[KEY].report.lots, accounts.positions[KEY].at_ns) == (5, 21)
    assert accounts.balances["binance", "BTC"][0].available == Money.of(4, "BTC")
    assert margin_ratio(accounts.margins["binance", None][0]) == Fraction(1, 4)


def test_the_ratio_of_an_account_without_equity_is_no_small_number():
    def ratio(equity, maintenance):
        return margin_ratio(
            MarginReport(
                account="a", equity=Money.of(equity, "USDT"), maintenance=Money.of(maintenance, "USDT")
            )
        )

    assert ratio(0, 0) == 0
    assert ratio(100, 100) == 1
    assert ratio(0, "0.0001") >= 1
    assert ratio(-5, 1) >= 1


def test_the_distance_to_liquidation_is_signed_by_the_side():
    def distance(lots, liquidation, mark=100):
        price = None if liquidation is None else Decimal(liquidation)
        report = PositionReport(account="a", instrument=KEY, lots=lots, liquidation_price=price)
        return distance_to_liquidation(report, Fraction(mark))

    assert distance(5, 90) == Fraction(1, 10)
    assert distance(-5, 120) == Fraction(1, 5)
    assert distance(5, 110) == Fraction(-1, 10)
    assert distance(5, None) is None
    assert distance(5, 0) is None
    assert distance(0, 90) is None
