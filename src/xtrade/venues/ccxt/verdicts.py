"""What a failure of ccxt's means: one of our errors, by what the reader can do next.

    verdict(error, errand, venue="bybit", request="place")

ccxt has some forty classes, and says with none of them whether a request left this machine. The errand knows: it holds
every exchange with the venue that was made for one call, and how far each came. So the verdict is

  Rejected, AuthFailed     the venue read the request and said no; or ccxt refused it itself, and nothing was sent
  RateLimited              the venue asked for a pause
  Unavailable              nothing was sent, or it was only a question
  InDoubt                  a request that may change something was sent, and there is no word on it that is beyond doubt

Only the classes in the tables below are such a word. An error that ccxt does not know by its code is none: "system
error, try again later" comes that way, and the order may stand.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from xtrade.model.errors import (
    AuthFailed,
    InDoubt,
    RateLimited,
    Rejected,
    Unavailable,
    VenueError,
    XtradeError,
)
from xtrade.net.limits import Priority
from xtrade.runtime.secrets import redact

__all__ = ["Errand", "Exchanged", "verdict"]

_TEXT_MAX: Final = 300
_WAIT_NS: Final = 2_000_000_000

_AUTH: Final = frozenset({"AuthenticationError", "InvalidNonce"})
_PAUSE: Final = frozenset({"RateLimitExceeded", "DDoSProtection"})
_REFUSED: Final = frozenset(
    {
        "ArgumentsRequired",
        "BadRequest",
        "InsufficientFunds",
        "InvalidAddress",
        "InvalidOrder",
        "NotSupported",
        "OperationRejected",
    }
)


@dataclass(slots=True)
class Exchanged:
    """One request, and what came back: status 0 where nothing did."""

    method: str
    status: int = 0
    text: str = ""
    wait_ns: int = 0


@dataclass(slots=True)
class Errand:
    """One call of ccxt: what it is for, until when it may leave, and what it exchanged with the venue on its way."""

    priority: Priority
    acts: bool
    """Whether it may change something, and does not only ask."""
    until_ns: int | None = None
    exchanged: list[Exchanged] = field(default_factory=list)

    @property
    def may_have_acted(self) -> bool:
        """Whether something left that may have changed something. Questions of ccxt's own on the way are GETs."""
        return self.acts and any(each.method != "GET" for each in self.exchanged)


def verdict(error: Exception, errand: Errand, *, venue: str, request: str) -> VenueError:
    """Say what a failure means."""
    last = errand.exchanged[-1] if errand.exchanged else None
    answered = last is not None and last.status > 0
    kinds = frozenset(each.__name__ for each in type(error).__mro__)
    text = _shown(last.text) if last is not None and answered else ""
    code = "" if isinstance(error, XtradeError) else type(error).__name__
    about = f"{venue}: {request}: {text or _reason(error, sent=last is not None)}"

    def made(kind: type[VenueError], more: str = "") -> VenueError:
        return kind(about + more, venue=venue, request=request, code=code, text=text)

    # A connection that was never made; and what waited for its turn in vain.
    if isinstance(error, RateLimited):
        return error
    if isinstance(error, Unavailable) and (last is None or last.status == 0):
        return made(Unavailable)
    if kinds & _PAUSE and (answered or last is None):
        wait_ns = (last.wait_ns if last else 0) or _WAIT_NS
        return RateLimited(about, venue=venue, request=request, retry_after_ns=wait_ns, code=code, text=text)
    if answered or last is None:
        # "This id was used already" is no refusal: under our id stands our order.
        repeated = "DuplicateOrderId" in kinds or "duplicate" in text.casefold()
        if kinds & _AUTH and "ChecksumError" not in kinds:
            return made(AuthFailed)
        if kinds & _REFUSED and not (errand.may_have_acted and repeated):
            return made(Rejected)
    if errand.may_have_acted:
        return made(InDoubt, "; it was sent and may have taken effect")
    return made(Unavailable)


def _reason(error: Exception, *, sent: bool) -> str:
    """Say it in ccxt's words; once something was sent these may quote the whole address, signature and all."""
    if isinstance(error, XtradeError):
        return redact(str(error))
    if sent:
        return f"no answer that could be read ({type(error).__name__})"
    return _shown(f"{type(error).__name__}: {error}")


def _shown(text: str) -> str:
    """One line of the venue's own text, without what a terminal would act on."""
    line = " ".join(redact(text).split())
    clean = "".join(letter if letter.isprintable() else "?" for letter in line)
    return clean if len(clean) <= _TEXT_MAX else clean[: _TEXT_MAX - 1] + "…"
