"""Our codec and our server room, through the lines between them: streams, user streams, orders by socket."""

import msgspec
import pytest

from kit.binance_box import PERPETUAL, SECOND, SPOT, Desk
from xtrade.model.errors import Rejected
from xtrade.model.events import (
    BalanceReport,
    Funding,
    MarkPrice,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderFilled,
    PositionReport,
    Trade,
)
from xtrade.model.order_state import OrderState, OrderStatus, apply
from xtrade.model.orders import OrderType, Trigger, TriggerPrice
from xtrade.model.sides import Side
from xtrade.venues.abilities import Feed
from xtrade.venues.binance.spec import SPEC
from xtrade.venues.book_sync import BookSync
from xtrade.venues.codec import Unread
from xtrade.venues.streams import Answered, Leaving, LoggedIn, Refused, Subscribed


@pytest.fixture
def desk():
    return Desk()


def kinds(events):
    return [type(event) for event in events]


def one(events, kind):
    [found] = [event for event in events if isinstance(event, kind)]
    return found


# -- streams ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "name"), [(SPOT, "spot market"), (PERPETUAL, "usdm book")])
def test_a_book_that_is_followed_is_the_floors(desk, key, name):
    sync = BookSync(SPEC.books[desk.codec.markets.of(key).section])
    sides = {"bids": {}, "asks": {}}

    def take(events):
        for event in events:
            for word, side in sides.items():
                if type(event).__name__ == "BookSnapshot":
                    side.clear()
                side.update(getattr(event, word))

    with desk.line(name) as hear:
        topics = desk.codec.topics(key, {Feed.BOOK})
        [frame] = desk.codec.subscribe(SPEC.line(name), topics, 1, desk.now_ns)
        assert hear.say(frame) == [Subscribed()]
        gaps = 0
        for step in range(60):
            desk.pass_s(0.13)
            for part in hear():
                take(sync.take(part))
            if not sync.is_whole and step % 3 == 2:
                take(sync.snapshot(desk.ask(desk.codec.book(key, 1_000))))
            gaps += sync.gaps if step < 10 else 0
        before = sync.gaps
        desk.pass_s(0.0001)
        for part in hear():
            take(sync.take(part))

    assert sync.is_whole
    assert sync.gaps == before
    book = desk.floor.exchange.book(key)
    for word, side in sides.items():
        ours = {ticks: lots for ticks, lots in side.items() if lots}
        assert ours == dict(getattr(book, word))


def test_trades_marks_and_bars_through_their_streams(desk):
    def heard(name, key, feeds, seconds):
        with desk.line(name) as hear:
            topics = [topic for topic in desk.codec.topics(key, feeds) if topic.line == name]
            for frame in desk.codec.subscribe(SPEC.line(name), topics, 1, desk.now_ns):
                hear.say(frame)
            desk.pass_s(seconds)
            desk.pass_s(1)
            return hear()

    since = len(desk.floor.chronicle.trades(SPOT, 10_000))
    spot = heard("spot market", SPOT, {Feed.TRADES}, 20)
    there = desk.floor.chronicle.trades(SPOT, 10_000)[since:]
    assert [each.trade_id for each in spot] == [each.trade_id for each in there]
    assert there

    futures = heard("usdm market", PERPETUAL, frozenset(Feed), 20)
    assert {type(each) for each in futures} >= {Trade, MarkPrice, Funding}
    assert not [each for each in futures if isinstance(each, Unread)]


def test_the_wrong_route_is_silent(desk):
    with desk.line("usdm book") as hear:
        assert hear.say(b'{"method":"SUBSCRIBE","params":["btcusdt@aggTrade"],"id":1}') == [Subscribed()]
        desk.pass_s(30)
        assert hear() == []


def test_a_message_that_is_none(desk):
    with desk.line("spot market") as hear:
        assert isinstance(hear.say(b"{")[0], Refused)
        assert isinstance(hear.say(b'{"method":5}')[0], Refused)
        assert isinstance(hear.say(b'{"method":"ODD","id":1}')[0], Refused)


# -- user streams and orders through sockets ----------------------------------------------------------------------


def through(desk, hear, ask):
    """Ask through the socket; return what was asked for, and what else was heard."""
    number, frame = ask.over.frame(desk.now_ns)
    said = hear.say(frame)
    [answered] = [each for each in said if isinstance(each, Answered)]
    assert answered.id == number
    return ask.read(answered.answer), [each for each in said if not isinstance(each, Answered)]


def test_a_life_of_a_spot_order_through_one_socket(desk):
    with desk.line("spot private") as hear:
        login = desk.codec.login(SPEC.line("spot private"), 1, desk.now_ns)
        assert hear.say(login) == [LoggedIn()]
        [again] = hear.say(desk.codec.login(SPEC.line("spot private"), 2, desk.now_ns))
        assert (again.code, again.login) == ("-2035", True)

        intent = desk.intent(away=50)
        answered, stream = through(desk, hear, desk.codec.place(intent))
        assert kinds(answered) == [OrderAccepted]
        assert one(stream, OrderAccepted).client_order_id == intent.client_order_id
        assert (
            str(one([each for each in stream if isinstance(each, BalanceReport)], BalanceReport).held)
            != "0 USDT"
        )

        known = desk.known(intent, answered[0].venue_order_id)
        answered, stream = through(
            desk, hear, desk.codec.amend(known, lots=500, ticks=intent.ticks, request=1)
        )
        assert one(stream, OrderAmended).lots == answered[0].lots == 500

        answered, stream = through(desk, hear, desk.codec.cancel(known, 1))
        assert one(stream, OrderCanceled).client_order_id == intent.client_order_id

        with pytest.raises(Rejected, match="-2011"):
            through(desk, hear, desk.codec.cancel(known, 2))


@pytest.mark.parametrize("key", [SPOT, PERPETUAL])
def test_answers_and_streams_tell_one_story_whatever_comes_first(desk, key):
    token = desk.ask(desk.codec.token(SPEC.line("usdm private")))
    with desk.line("spot private") as spot, desk.line("usdm private", token) as futures:
        spot.say(desk.codec.login(SPEC.line("spot private"), 1, desk.now_ns))
        intent, answered = desk.place(key, away=-1)
        stream = [each for each in (*spot(), *futures()) if hasattr(each, "client_order_id")]
        for events in ((*answered, *stream), (*stream, *answered), (*reversed(stream), *answered)):
            state = OrderState(intent=intent)
            for event in events:
                state = apply(state, event).state
            assert state.status is OrderStatus.FILLED
            assert state.filled_lots == intent.lots
            assert state.is_settled
            assert all(fill.fee is not None for fill in state.fills)


def test_positions_come_through_the_stream_of_futures(desk):
    token = desk.ask(desk.codec.token(SPEC.line("usdm private")))
    assert desk.ask(desk.codec.token(SPEC.line("usdm private"))) == token
    with desk.line("usdm private", token) as hear:
        desk.place(PERPETUAL, away=-1, side=Side.SELL)

        assert one(hear(), PositionReport).lots == -10


def test_a_listen_key_lives_an_hour_and_longer_when_it_is_kept(desk):
    private = SPEC.line("usdm private")
    token = desk.ask(desk.codec.token(private))
    with desk.line("usdm private", token) as hear:
        desk.skew_ns += 3_000 * SECOND
        desk.ask(desk.codec.keep_token(private, token))
        desk.skew_ns += 3_000 * SECOND
        desk.pass_s(0.1)
        assert hear() == []
        desk.skew_ns += 700 * SECOND
        desk.pass_s(0.1)
        assert isinstance(hear()[0], Leaving)
        with pytest.raises(Rejected, match="-1125"):
            desk.ask(desk.codec.keep_token(private, token))
        assert desk.ask(desk.codec.token(private)) != token


def test_a_conditional_order_is_triggered_and_goes_on_as_an_order(desk):
    token = desk.ask(desk.codec.token(SPEC.line("usdm private")))
    with desk.line("usdm private", token) as hear:
        last = desk.floor.chronicle.last_trade(PERPETUAL).ticks
        near = Trigger(ticks=max(last, desk.best(PERPETUAL, Side.SELL)) + 1, by=TriggerPrice.LAST)
        intent, answered = desk.place(PERPETUAL, type=OrderType.STOP_MARKET, trigger=near)
        events = [*answered]
        for _ in range(600):
            desk.pass_s(1)
            events += [each for each in hear() if hasattr(each, "client_order_id")]
            if any(isinstance(each, OrderFilled) for each in events):
                break
        state = OrderState(intent=intent)
        for event in events:
            state = apply(state, event).state

    assert state.filled_lots == 10
    assert not state.venue_order_id.startswith("algo:")
    report = desk.ask(desk.codec.order(desk.known(intent, state.venue_order_id))[0])
    assert report.status is OrderStatus.FILLED
    assert report.client_order_id == intent.client_order_id


def test_methods_that_are_none_and_messages_that_are_none(desk):
    with desk.line("usdm orders") as hear:
        [answered] = hear.say(b'{"id":"x","method":"order.odd","params":{}}')
        assert answered.answer.status == 400
        assert msgspec.json.decode(answered.answer.body)["code"] == -1135
        for wire in (b"{", b"[]", b'{"id":1,"method":"order.place","params":[]}'):
            assert hear.say(wire)
