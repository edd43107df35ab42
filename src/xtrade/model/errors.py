"""Errors, by what the reader can do next.

XtradeError                what happened, to what, and what to do about it, in one line
  UsageError               ask differently: an unknown venue, a malformed argument
  ConfigError              fix the file; names the key and what would be accepted
  CredentialsError         add, unlock or replace a key
  MissingExtra             install the optional part that the message names
  NumberError              the number is not exact, not on the grid, or out of range
  SymbolError              no such market, or several: carries the candidates
  DataError                a file, frame or record does not say what it should
  JournalBroken            nothing can be written down now, so nothing new is sent: mend what it names
  AccountHeld              another process trades this account: the message says which, where, since when
  RiskRejected             a rule of the risk gate said no; carries rule, limit and figure
  VenueError               the venue's answer; carries venue, request and the venue's own code and text
    Rejected               do not resend as it is
    RateLimited            wait for `retry_after_ns`
    AuthFailed             check the key, its permissions and the clock
    Unavailable            try later; nothing was done
    InDoubt                the outcome is unknown: ask the venue by client order id before anything else
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = [
    "AccountHeld",
    "AuthFailed",
    "ConfigError",
    "CredentialsError",
    "DataError",
    "InDoubt",
    "JournalBroken",
    "MissingExtra",
    "NumberError",
    "RateLimited",
    "Rejected",
    "RiskRejected",
    "SymbolError",
    "Unavailable",
    "UsageError",
    "VenueError",
    "XtradeError",
    "did_you_mean",
]


class XtradeError(Exception):
    """Anything that went wrong in a way this system understands; the message is written for its reader."""


class UsageError(XtradeError):
    """The request itself cannot be understood: ask differently."""


class ConfigError(XtradeError):
    """A configuration names something unknown, of the wrong type, or out of range."""


class CredentialsError(XtradeError):
    """A key is missing, locked, unreadable, or kept where others can read it."""


class MissingExtra(XtradeError):
    """An optional part of xtrade is not installed; the message says how to install it."""


class NumberError(XtradeError, ValueError):
    """A number that cannot be taken exactly: malformed, off the instrument's grid, or out of range."""


class SymbolError(XtradeError, LookupError):
    """A market name that means nothing, or more than one thing, where it was used."""

    def __init__(self, message: str, candidates: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.candidates = tuple(candidates)


class DataError(XtradeError, ValueError):
    """Bytes, a file or a record that does not say what it should."""


class JournalBroken(XtradeError):
    """The journal cannot be written. `final`: not by this process any more; `lost`: because another one writes it."""

    def __init__(self, message: str, *, final: bool = False, lost: bool = False) -> None:
        super().__init__(message)
        self.final = final or lost
        self.lost = lost


class AccountHeld(XtradeError):
    """Another process has the lease of this account or journal; one account has one writer."""


class RiskRejected(XtradeError):
    """A rule of the risk gate refused an intent."""

    def __init__(self, message: str, *, rule: str, limit: str, figure: str) -> None:
        super().__init__(message)
        self.rule = rule
        self.limit = limit
        self.figure = figure


class VenueError(XtradeError):
    """A venue's answer that is not what was asked for; `code` and `text` are the venue's own."""

    def __init__(self, message: str, *, venue: str, request: str, code: str = "", text: str = "") -> None:
        super().__init__(message)
        self.venue = venue
        self.request = request
        self.code = code
        self.text = text


class Rejected(VenueError):
    """The venue understood and said no: the same request will be refused again."""


class RateLimited(VenueError):
    """The venue asks for a pause of `retry_after_ns`."""

    def __init__(
        self,
        message: str,
        *,
        venue: str,
        request: str,
        retry_after_ns: int,
        code: str = "",
        text: str = "",
    ) -> None:
        super().__init__(message, venue=venue, request=request, code=code, text=text)
        self.retry_after_ns = retry_after_ns


class AuthFailed(VenueError):
    """The venue does not accept the key, its signature, its permissions or our clock."""


class Unavailable(VenueError):
    """The venue cannot be reached or is closed, and is known to have done nothing."""


class InDoubt(VenueError):
    """The answer is missing and the request may have taken effect: ask, never guess, never resend."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """End a message with the nearest known word, or with nothing: " Did you mean 'tick'?"."""
    from difflib import get_close_matches

    by_folded = {name.casefold(): name for name in known}
    near = get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return f" Did you mean {by_folded[near[0]]!r}?" if near else ""
