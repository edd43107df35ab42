"""The laws of the matching engine, for any sequence of operations."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import event, given, settings, strategies as st

from kit.exchanges import BUY, INVERSE, LINEAR, SELL, SPOT, Watcher, exchange, order
from kit.naive_matcher import NaiveMatcher, NaiveOrder
from xtrade.model.errors import UsageError
from xtrade.model.events import OrderFilled, OrderRejected, Trade
from xtrade.model.money import Money
from xtrade.model.orders import OrderType, TimeInForce, Trigger, TriggerPrice
from xtrade.sim.matching.rules import (
    ClientIds,
    ContractRules,
    FeesIn,
    FeeTier,
    FeeToken,
    MarginTier,
    PostOnly,
    ReduceOnly,
    SelfTrade,
    VenueRules,
)

NAMES = ("ann", "bob", "cat")
names = st.sampled_from(NAMES)
sides = st.sampled_from([BUY, SELL])
ticks = st.integers(499_998, 500_003)
lots = st.integers(1, 40)
tifs = st.sampled_from([TimeInForce.GTC] * 5 + [TimeInForce.IOC, TimeInForce.FOK])
modes = st.sampled_from(SelfTrade)
picks = st.integers(0, 10**6)
rarely = st.sampled_from([False] * 5 + [True])
again = st.integers(0, 19).map(lambda draw: draw == 0)

placed = st.tuples(st.just("place"), names, sides, lots, ticks, tifs, rarely, rarely, modes, again)
market_orders = st.tuples(st.just("market"), names, sides, lots, rarely, modes, again)
cancels = st.tuples(st.just("cancel"), names, picks)
amends = st.tuples(st.just("amend"), names, picks, lots, ticks)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.one_of(placed, placed, placed, placed, market_orders, cancels, amends), min_size=30, max_size=90
    ),
    st.sampled_from(PostOnly),
    st.sampled_from(ReduceOnly),
    st.sampled_from([LINEAR, INVERSE]),
)
def test_the_engine_trades_exactly_as_a_naive_matcher_does(operations, post_only, reduce_only, market):
    rich = (Money.of(10**9, "USDT"), Money.of(10**9, "BTC"))
    rules = VenueRules(post_only=post_only, reduce_only=reduce_only, market_band=Decimal("0.00001"))
    real = exchange(*NAMES, rules=rules, amounts=rich)
    naive = NaiveMatcher(post_only, reduce_only)
    watcher = Watcher(real)
    trades, refused = [], []
    for now, (what, who, *rest) in enumerate(operations, start=1):
        account = who
        if what == "place":
            side, size, price, tif, post, reduce, mode, same_id = rest
            key = 1 if same_id else now
            post = post and tif is TimeInForce.GTC
            intent = order(
                key, side, size, price, market, time_in_force=tif, post_only=post, reduce_only=reduce
            )
            notices = watcher.place(account, intent, now, self_trade=mode)
            naive.place(NaiveOrder(account, key, side.sign, size, price, tif.value, post, reduce, mode))
        elif what == "market":
            side, size, reduce, mode, same_id = rest
            key = 1 if same_id else now
            intent = order(key, side, size, market=market, reduce_only=reduce)
            notices = watcher.place(account, intent, now, self_trade=mode)
            naive.place(
                NaiveOrder(account, key, side.sign, size, None, "ioc", False, reduce, mode),
                Fraction(rules.market_band),
            )
        elif what == "cancel":
            account, key = naive.pick(account, rest[0])
            notices = watcher.read(real.cancel(account, key, now))
            naive.cancel(account, key)
        else:
            pick, size, price = rest
            account, key = naive.pick(account, pick)
            notices = watcher.read(real.amend(account, key, now, lots=size, ticks=price))
            naive.amend(account, key, size, price)
        trades += pairs(notices)
        refused += [
            (n.account, n.event.client_order_id) for n in notices if isinstance(n.event, OrderRejected)
        ]
        watcher.check()
        assert trades == naive.trades
        assert refused == naive.refused
        assert [
            (o.account, o.intent.client_order_id, o.ticks, o.lots - o.filled) for o in real.queue(market.key)
        ] == [(o.account, o.key, o.ticks, o.left) for o in naive.queue(1) + naive.queue(-1)]


def pairs(notices):
    """Each trade as (taker, maker, ticks, lots), put together from the two private fills."""
    fills = [(n.account, n.event) for n in notices if isinstance(n.event, OrderFilled)]
    public = [n.event for n in notices if isinstance(n.event, Trade)]
    made = []
    for (taker, first), (maker, second), trade in zip(fills[::2], fills[1::2], public, strict=True):
        assert first.fill.trade_id == second.fill.trade_id == trade.trade_id
        assert (first.fill.maker, second.fill.maker) == (False, True)
        assert first.fill.side is trade.taker is second.fill.side.opposite
        made.append(
            ((taker, first.client_order_id), (maker, second.client_order_id), trade.ticks, trade.lots)
        )
    return made


MARKETS = (SPOT, LINEAR, INVERSE)
wild_ticks = st.integers(400_000, 600_000)
near_ticks = st.integers(499_990, 500_010)
any_market = st.sampled_from(MARKETS)
amounts = st.sampled_from([1, 7, 50, 333, 2000])

busy = st.one_of(
    st.tuples(
        st.just("limit"), names, sides, st.integers(1, 400), near_ticks, any_market, tifs, rarely, rarely
    ),
    st.tuples(
        st.just("limit"), names, sides, st.integers(1, 400), near_ticks, any_market, tifs, rarely, rarely
    ),
    st.tuples(
        st.just("limit"), names, sides, st.integers(1, 400), wild_ticks, any_market, tifs, rarely, rarely
    ),
    st.tuples(st.just("market"), names, sides, st.integers(1, 400), any_market, rarely),
    st.tuples(st.just("spend"), names, sides, amounts),
    st.tuples(
        st.just("sleep"),
        names,
        sides,
        lots,
        near_ticks,
        any_market,
        st.sampled_from([OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_LIMIT, OrderType.TRAILING_STOP]),
        st.sampled_from(TriggerPrice),
        rarely,
    ),
    st.tuples(st.just("cancel"), names, picks),
    st.tuples(st.just("amend"), names, picks, lots, near_ticks),
    st.tuples(st.just("mark"), st.sampled_from([LINEAR, INVERSE]), wild_ticks),
    st.tuples(st.just("rest"), st.integers(1, 5)),
    st.tuples(st.just("countdown"), names, st.integers(0, 3)),
    st.tuples(st.just("move"), names, names, amounts, st.sampled_from(["USDT", "BTC", "BNB"])),
    st.tuples(
        st.just("margin"), names, st.sampled_from([LINEAR, INVERSE]), st.integers(1, 20), st.booleans()
    ),
    st.tuples(st.just("pot"), names, st.sampled_from([-20, 5, 30])),
)
venues = st.builds(
    VenueRules,
    self_trade=modes,
    client_ids=st.sampled_from(ClientIds),
    spot_fees_in=st.sampled_from(FeesIn),
    post_only=st.sampled_from(PostOnly),
    fire_at_once=st.booleans(),
    fee_token=st.sampled_from([None, FeeToken(currency="BNB", discount=Decimal("0.25"))]),
    fee_tiers=st.sampled_from(
        [
            (),
            (
                FeeTier(volume=Decimal(0), maker=Decimal("0.001"), taker=Decimal("0.0013")),
                FeeTier(volume=Decimal(5000), maker=Decimal("-0.0001"), taker=Decimal("0.00033")),
            ),
        ]
    ),
)
contracts = st.sampled_from(
    [
        ContractRules(),
        ContractRules(
            tiers=(
                MarginTier(up_to=Decimal(1), leverage_max=20, maintenance=Decimal("0.013")),
                MarginTier(up_to=Decimal(2000), leverage_max=10, maintenance=Decimal("0.03")),
                MarginTier(leverage_max=2, maintenance=Decimal("0.1")),
            ),
            liquidation_share=Decimal("0.25"),
        ),
    ]
)
HOUR = 3_600_000_000_000


class Day:
    """One day at a venue: operations by name, each at its own time; what callers may not do is refused by name."""

    def __init__(self, rules, contract):
        purse = (Money.of(3000, "USDT"), Money.of("0.2", "BTC"), Money.of(1, "BNB"))
        self.exchange = exchange(*NAMES, rules=rules, contract=contract, amounts=purse)
        self.exchange.fund_insurance(Money.of(50, "USDT"))
        self.exchange.set_token_price("USDT", 300)
        for name in NAMES[:2]:
            self.exchange.pay_fees_in_token(name, enabled=True)
        for market in (LINEAR, INVERSE):
            self.exchange.set_funding(
                market.key, Decimal("0.000123"), 0, next_ns=8 * HOUR, interval_ns=8 * HOUR
            )
        self.watcher = Watcher(self.exchange)
        self.now = 1
        self.count = 0

    def do(self, what, *rest):
        self.now += 1
        try:
            notices = getattr(self, what)(*rest)
        except UsageError:
            # What time brought before the refusal is told by the next call.
            notices = self.exchange.advance(self.now)
        if what not in {"limit", "market", "spend", "sleep"}:
            self.watcher.read(notices or [])
        return notices or []

    def send(self, account, side, size, ticks, market, **more):
        self.count += 1
        intent = order(self.count, side, size, ticks, market, **more)
        return self.watcher.place(account, intent, self.now)

    def limit(self, account, side, size, ticks, market, tif, post, reduce):
        post = post and tif is TimeInForce.GTC
        reduce = reduce and market is not SPOT
        return self.send(
            account, side, size, ticks, market, time_in_force=tif, post_only=post, reduce_only=reduce
        )

    def market(self, account, side, size, market, reduce):
        return self.send(account, side, size, None, market, reduce_only=reduce and market is not SPOT)

    def spend(self, account, side, amount):
        return self.send(account, side, 0, None, SPOT, quote_amount=Money.of(amount, "USDT"))

    def sleep(self, account, side, size, ticks, market, kind, by, reduce):
        trailing = kind is OrderType.TRAILING_STOP
        trigger = Trigger(ticks=None if trailing else ticks, trail_ticks=3 if trailing else None, by=by)
        price = ticks if kind.is_limit else None
        reduce = reduce and market is not SPOT
        return self.send(account, side, size, price, market, type=kind, trigger=trigger, reduce_only=reduce)

    def pick(self, account, number):
        mine = self.exchange.open_orders(account)
        return mine[number % len(mine)].intent.client_order_id if mine else 0

    def cancel(self, account, number):
        return self.exchange.cancel(account, self.pick(account, number), self.now)

    def amend(self, account, number, size, ticks):
        key = self.pick(account, number)
        known = self.watcher.orders.get((account, key))
        price = ticks if known is not None and known.intent.type.is_limit else None
        return self.exchange.amend(account, key, self.now, lots=size, ticks=price)

    def mark(self, market, ticks):
        return self.exchange.set_mark(market.key, market.price(ticks), self.now)

    def rest(self, hours):
        self.now += hours * HOUR
        return self.exchange.advance(self.now)

    def countdown(self, account, hours):
        return self.exchange.set_countdown(account, hours * HOUR, self.now)

    def move(self, sender, receiver, amount, currency):
        return self.exchange.transfer(sender, receiver, Money.of(amount, currency), self.now)

    def margin(self, account, market, leverage, isolated):
        self.exchange.set_leverage(account, market.key, leverage)
        self.exchange.set_isolated(account, market.key, isolated=isolated)

    def pot(self, account, amount):
        return self.exchange.add_margin(account, LINEAR.key, Money.of(amount, "USDT"), self.now)


@settings(max_examples=120, deadline=None)
@given(st.lists(busy, min_size=30, max_size=90), venues, contracts)
def test_whatever_happens_no_atom_is_lost_and_the_books_agree(operations, rules, contract):
    day = Day(rules, contract)
    for operation in operations:
        for _, told in day.do(*operation):
            event(type(told).__name__ + getattr(told, "cause", "") + getattr(told, "reason", "")[:12])
        day.watcher.check()
    for account in day.exchange._state.accounts.values():
        for key, holding in account.holdings.items():
            assert day.watcher.positions.get((account.name, key), 0) == holding.lots, "I8"


@settings(max_examples=15, deadline=None)
@given(st.lists(busy, min_size=20, max_size=60), venues, contracts)
def test_the_same_calls_give_the_same_notices(operations, rules, contract):
    first, second = (
        [day.do(*each) for each in operations] for day in (Day(rules, contract), Day(rules, contract))
    )

    assert first == second
