"""What a failure of ccxt's means, by what is known of what left this machine."""

import pytest

from xtrade.model.errors import AuthFailed, InDoubt, RateLimited, Rejected, Unavailable
from xtrade.net.limits import Priority
from xtrade.runtime.secrets import Secret
from xtrade.venues.ccxt.verdicts import Errand, Exchanged, verdict


def error(*names, text="acme https://api.acme.example/order?signature=abc said no"):
    kind = Exception
    for name in reversed(names):
        kind = type(name, (kind,), {})
    return kind(text)


NO = ("InsufficientFunds", "ExchangeError", "BaseError")
UNKNOWN = ("ExchangeError", "BaseError")
NETWORK = ("RequestTimeout", "NetworkError", "OperationFailed", "BaseError")
SENT_AND_ANSWERED = (Exchanged("POST", 200, '{"code": 7, "msg": "no"}'),)
SENT = (Exchanged("POST"),)


def judged(failure, *exchanged, acts=True):
    errand = Errand(Priority.TRADE, acts=acts, exchanged=list(exchanged))
    return verdict(failure, errand, venue="acme", request="place")


@pytest.mark.parametrize(
    ("names", "exchanged", "meaning"),
    [
        (NO, SENT_AND_ANSWERED, Rejected),
        (NO, (), Rejected),
        (("InvalidOrder", "ExchangeError", "BaseError"), SENT_AND_ANSWERED, Rejected),
        (("BadSymbol", "BadRequest", "ExchangeError", "BaseError"), SENT_AND_ANSWERED, Rejected),
        (("MarketClosed", "OperationRejected", "ExchangeError", "BaseError"), SENT_AND_ANSWERED, Rejected),
        (
            ("PermissionDenied", "AuthenticationError", "ExchangeError", "BaseError"),
            SENT_AND_ANSWERED,
            AuthFailed,
        ),
        (("InvalidNonce", "NetworkError", "OperationFailed", "BaseError"), SENT_AND_ANSWERED, AuthFailed),
        (
            ("RateLimitExceeded", "NetworkError", "OperationFailed", "BaseError"),
            SENT_AND_ANSWERED,
            RateLimited,
        ),
        (("DDoSProtection", "NetworkError", "OperationFailed", "BaseError"), SENT_AND_ANSWERED, RateLimited),
        (UNKNOWN, SENT_AND_ANSWERED, InDoubt),
        (NETWORK, SENT_AND_ANSWERED, InDoubt),
        (NETWORK, SENT, InDoubt),
        (
            ("ExchangeNotAvailable", "NetworkError", "OperationFailed", "BaseError"),
            SENT_AND_ANSWERED,
            InDoubt,
        ),
        (("OnMaintenance", "ExchangeNotAvailable", "NetworkError", "BaseError"), SENT_AND_ANSWERED, InDoubt),
        (("NullResponse", "BadResponse", "OperationFailed", "BaseError"), SENT_AND_ANSWERED, InDoubt),
        (("DuplicateOrderId", "InvalidOrder", "ExchangeError", "BaseError"), SENT_AND_ANSWERED, InDoubt),
        (("KeyError",), SENT_AND_ANSWERED, InDoubt),
        (("KeyError",), (Exchanged("GET", 200, "{}"),), Unavailable),
        (NETWORK, (Exchanged("GET"),), Unavailable),
        (NETWORK, (), Unavailable),
    ],
)
def test_the_meaning_of_a_failure_to_act(names, exchanged, meaning):
    assert type(judged(error(*names), *exchanged)) is meaning


@pytest.mark.parametrize("names", [UNKNOWN, NETWORK, ("KeyError",), ("BadResponse", "BaseError")])
def test_a_question_leaves_nothing_in_doubt(names):
    assert type(judged(error(*names), *SENT_AND_ANSWERED, acts=False)) is Unavailable


def test_a_connection_that_was_never_made_sent_nothing_whatever_was_sent_before():
    never = Unavailable("acme: POST: nobody listens; nothing was sent", venue="acme", request="POST")

    assert type(judged(never, Exchanged("POST", 200, "{}"), Exchanged("POST"))) is Unavailable


def test_a_lost_answer_of_our_own_session_is_in_doubt():
    lost = InDoubt("acme: POST: no answer within 9 ms", venue="acme", request="POST")

    assert type(judged(lost, *SENT)) is InDoubt
    assert type(judged(lost, *SENT, acts=False)) is Unavailable


def test_it_says_the_venues_own_words_and_never_ccxts_which_quote_addresses():
    said = judged(error(*NO), *SENT_AND_ANSWERED)

    assert str(said) == 'acme: place: {"code": 7, "msg": "no"}'
    assert (said.code, said.text) == ("InsufficientFunds", '{"code": 7, "msg": "no"}')
    for failure in (judged(error(*NETWORK), *SENT), judged(error("KeyError"), *SENT_AND_ANSWERED)):
        assert "signature" not in str(failure)


def test_secrets_and_control_characters_are_cut_out():
    secret = Secret("0f0f0f-very-secret")
    page = Exchanged("POST", 500, f"<html>\x1b[31m{secret.reveal()}\n" + "x" * 1_000)
    said = str(judged(error(*NETWORK), page))

    assert secret.reveal() not in said
    assert "\x1b" not in said
    assert "\n" not in said
    assert len(said) < 450


def test_a_pause_is_as_long_as_the_venue_says():
    paused = error("RateLimitExceeded", "NetworkError", "BaseError")

    assert (
        judged(paused, Exchanged("POST", 429, "slow", wait_ns=7_000_000_000)).retry_after_ns == 7_000_000_000
    )
    assert judged(paused, Exchanged("POST", 429, "slow")).retry_after_ns == 2_000_000_000
