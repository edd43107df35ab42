"""Small pure parts: usage headers, what may be shown, who is alive, back-off."""

from email.utils import formatdate

import pytest
from hypothesis import given, strategies as st

from xtrade.model.errors import ConfigError
from xtrade.net.liveness import Keepalive, Liveness
from xtrade.net.redaction import shown_reason, shown_url
from xtrade.net.retry import RetryBudget, RetryRule
from xtrade.net.tls import tls_context
from xtrade.net.usage import Usage, UsageRule, read_usage, retry_after_ns
from xtrade.runtime.secrets import Secret

MS = 1_000_000
SECOND = 1_000 * MS
BINANCE = UsageRule(header="x-mbx-used-weight-1m", pool="weight", window_ms=60_000)
KUCOIN = UsageRule(
    header="gw-ratelimit-remaining",
    pool="spot",
    window_ms=30_000,
    counts="down",
    limit_header="gw-ratelimit-limit",
)


@pytest.mark.parametrize(
    ("headers", "usages"),
    [
        ({"x-mbx-used-weight-1m": "117"}, (Usage("weight", 60_000, 117),)),
        (
            {"gw-ratelimit-remaining": "3800", "gw-ratelimit-limit": "4000"},
            (Usage("spot", 30_000, 200, 4_000),),
        ),
        ({"gw-ratelimit-limit": "4000"}, (Usage("spot", 30_000, None, 4_000),)),
        ({"gw-ratelimit-remaining": "3800"}, ()),
        ({"gw-ratelimit-remaining": "9", "gw-ratelimit-limit": "4"}, (Usage("spot", 30_000, None, 4),)),
        ({"x-mbx-used-weight-1m": "-3"}, ()),
        ({"x-mbx-used-weight-1m": "1e9"}, ()),
        ({"x-mbx-used-weight-1m": "9" * 30}, ()),
        ({}, ()),
    ],
)
def test_headers_say_what_they_say_and_nonsense_says_nothing(headers, usages):
    assert read_usage((BINANCE, KUCOIN), headers) == usages


@given(
    st.dictionaries(
        st.sampled_from(["x-mbx-used-weight-1m", "gw-ratelimit-remaining", "retry-after"]), st.text()
    )
)
def test_no_header_breaks_anything(headers):
    read_usage((BINANCE, KUCOIN), headers)
    wait_ns = retry_after_ns(headers, 0)
    assert wait_ns is None or wait_ns >= 0


@pytest.mark.parametrize(
    ("text", "wait_s"),
    [
        ("7", 7),
        (" 0 ", 0),
        (formatdate(1_900, usegmt=True), 900),
        (formatdate(900, usegmt=True), 0),
        (str(10**12), 7 * 86_400),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text, wait_s):
    wait_ns = retry_after_ns({"retry-after": text}, 1_000 * SECOND)

    assert wait_ns == (None if wait_s is None else wait_s * SECOND)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://acme.com/v1/order?a=1&signature=abc", "https://acme.com/v1/order?a=****&signature=****"),
        (
            "wss://acme.com:9443/ws/" + "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s",
            "wss://acme.com:9443/ws/****",
        ),
        ("http://user:password@acme.com/", "http://acme.com/"),
        ("http://acme.com", "http://acme.com"),
        ("http://[half", "****"),
    ],
)
def test_an_address_is_shown_without_its_values(url, shown):
    assert shown_url(url) == shown


@given(st.text(alphabet=st.characters(codec="ascii", categories=("L", "N")), min_size=8, max_size=60))
def test_no_value_of_a_query_is_ever_shown(value):
    assert f"={value}" not in shown_url(f"https://acme.com/x?listenKey={value}")


def test_no_secret_is_shown_wherever_it_stands():
    key = Secret("l1sten-key-0f-acme")

    assert (
        shown_url(f"wss://acme.com/ws/{key.reveal()}?{key.reveal()}=1") == "wss://acme.com/ws/****?****=****"
    )


def test_a_reason_is_the_systems_words_without_secrets():
    key = Secret("an-0ld-and-secret-key")

    assert (
        shown_reason(ConnectionRefusedError(111, f"refused {key.reveal()}"))
        == "ConnectionRefusedError: refused ****"
    )
    assert shown_reason(ValueError("https://acme.com/?signature=x")) == "ValueError"


def test_silence_is_the_absence_of_messages():
    life = Liveness(1_000, None, 0)
    life.pong()
    life.sent(900 * MS)

    assert life.wake_ns() == SECOND
    assert life.reason_to_end(SECOND - 1) is None
    assert life.reason_to_end(SECOND) == "no message for 1000 ms"
    life.message(SECOND)
    assert life.reason_to_end(2 * SECOND - 1) is None


@pytest.mark.parametrize(
    ("when", "due_ms"), [("always", 100), ("nothing received", 150), ("nothing sent", 170)]
)
def test_a_ping_is_due_as_the_venue_wants_it(when, due_ms):
    life = Liveness(0, Keepalive(every_ms=100, when=when), 0)
    life.message(50 * MS)
    life.sent(70 * MS)

    assert life.wake_ns() == due_ms * MS
    assert not life.is_ping_due(due_ms * MS - 1)
    assert life.is_ping_due(due_ms * MS)
    life.pinged(due_ms * MS)
    assert life.wake_ns() == (due_ms + 100) * MS


def test_the_first_unanswered_ping_counts_not_the_last():
    life = Liveness(0, Keepalive(every_ms=100, answer_ms=250), 0)
    for at_ms in (100, 200, 300):
        life.pinged(at_ms * MS)
    life.message(310 * MS)  # data is no pong

    assert life.reason_to_end(350 * MS - 1) is None
    assert life.reason_to_end(350 * MS) == "a ping was not answered within 250 ms"
    life.pong()
    assert life.reason_to_end(350 * MS) is None


def test_a_message_answers_a_ping_of_text():
    life = Liveness(0, Keepalive(every_ms=100, answer_ms=50, payload=lambda: b"ping"), 0)
    life.pinged(100 * MS)
    life.message(120 * MS)

    assert life.reason_to_end(1_000 * MS) is None


@given(
    st.integers(0, 500),
    st.integers(1, 300),
    st.integers(0, 300),
    st.sampled_from(["always", "nothing received", "nothing sent"]),
    st.lists(st.tuples(st.integers(0, 100), st.sampled_from(["message", "pong", "sent"])), max_size=30),
)
def test_looking_when_told_misses_nothing_and_never_spins(silence_ms, every_ms, answer_ms, when, happenings):
    life = Liveness(silence_ms, Keepalive(every_ms=every_ms, answer_ms=answer_ms, when=when), 0)
    now_ns = 0
    for after_ms, what in happenings:
        until_ns = now_ns + after_ms * MS
        while (wake_ns := life.wake_ns()) is not None and wake_ns <= until_ns:
            assert wake_ns >= now_ns
            now_ns = wake_ns
            if life.reason_to_end(now_ns):
                return
            assert life.is_ping_due(now_ns)  # there is always something to do when it is time to look
            life.pinged(now_ns)
            assert life.wake_ns() > now_ns
        now_ns = until_ns
        life.pong() if what == "pong" else getattr(life, what)(now_ns)


@given(st.integers(1, 60), st.floats(0, 1, exclude_max=True))
def test_a_back_off_lies_between_its_bounds(attempts, drawn):
    rule = RetryRule(backoff_ms_min=10, backoff_ms_max=1_000)

    assert 10 * MS <= rule.wait_ns(attempts, lambda: drawn) <= min(1_000, 10 << attempts) * MS


def test_a_budget_is_filled_by_first_attempts_and_has_a_top():
    budget = RetryBudget(RetryRule(budget_percent=50, budget_start=2))
    assert [budget.spend() for _ in range(3)] == [True, True, False]
    budget.earn()
    assert not budget.spend()
    budget.earn()
    assert budget.spend()
    for _ in range(100):
        budget.earn()
    assert [budget.spend() for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("field", ["attempts_max", "backoff_ms_min"])
def test_retry_rules_that_make_no_sense_are_refused(field):
    with pytest.raises(ConfigError, match=f"{field} = 0"):
        RetryRule(**{field: 0})


def test_a_file_that_holds_no_certificates_is_refused_by_name(tmp_path):
    (tmp_path / "ca.pem").write_text("none")

    with pytest.raises(ConfigError, match="ca.pem"):
        tls_context(str(tmp_path / "ca.pem"))
    with pytest.raises(ConfigError, match="missing.pem"):
        tls_context(str(tmp_path / "missing.pem"))
