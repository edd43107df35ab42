"""What a venue's error codes mean: one table for each venue, and the errors that follow from it.

    CODES = {"51008": Meaning.REFUSED, "50011": Meaning.WAIT, "50004": Meaning.DOUBT}
    raise error("okx", "place order", CODES.get(code, Meaning.REFUSED), code=code, text=text)

The venue's own code and text are always kept, in the message and beside it.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from xtrade.model.errors import AuthFailed, InDoubt, RateLimited, Rejected, Unavailable, VenueError

__all__ = ["ClockOff", "Meaning", "error"]

_WAIT_NS: Final = 2_000_000_000


class ClockOff(AuthFailed):
    """The venue does not accept our time: nothing was done, and the same may be asked again by the right time."""


class Meaning(Enum):
    """What an answer that is no says."""

    REFUSED = "refused"
    """The same request will be refused again."""
    WAIT = "wait"
    """Nothing was done: too much was asked."""
    KEY = "key"
    """The key, its permissions or its signature are not accepted."""
    CLOCK = "clock"
    """Our clock is not the venue's: nothing was done. The link asks the time and may try once more."""
    CLOSED = "closed"
    """Nothing was done, and may be later: maintenance, overload that says so."""
    DOUBT = "doubt"
    """It may have been done."""
    GONE = "gone"
    """What was asked about is not there: filled, ended, or never was."""


def error(
    venue: str,
    what: str,
    meaning: Meaning,
    *,
    code: str,
    text: str,
    retry_after_ns: int = _WAIT_NS,
) -> VenueError:
    """Return the error that an answer means; `what` is that of the ask."""
    said = f"{venue}: {what}: {text.strip() or 'no reason given'}" + (f" ({code})" if code else "")
    match meaning:
        case Meaning.REFUSED | Meaning.GONE:
            return Rejected(said, venue=venue, request=what, code=code, text=text)
        case Meaning.WAIT:
            return RateLimited(
                said, venue=venue, request=what, code=code, text=text, retry_after_ns=retry_after_ns
            )
        case Meaning.KEY:
            return AuthFailed(said, venue=venue, request=what, code=code, text=text)
        case Meaning.CLOCK:
            return ClockOff(
                f"{said}; this machine's clock and the venue's differ",
                venue=venue,
                request=what,
                code=code,
                text=text,
            )
        case Meaning.CLOSED:
            return Unavailable(f"{said}; nothing was done", venue=venue, request=what, code=code, text=text)
        case Meaning.DOUBT:
            return InDoubt(
                f"{said}; it may have taken effect", venue=venue, request=what, code=code, text=text
            )
