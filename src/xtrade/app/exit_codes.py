"""What the shell is told. These numbers are an interface: docs/command-line.md holds this table."""

from __future__ import annotations

from typing import Final, NamedTuple

from xtrade.model import errors

__all__ = ["EXIT_CODES", "INTERNAL", "INTERRUPTED", "NO", "OK", "USAGE", "ExitCode", "exit_code_of"]

OK: Final = 0
NO: Final = 1
USAGE: Final = 2
INTERNAL: Final = 70
INTERRUPTED: Final = 130


class ExitCode(NamedTuple):
    """One exit code: the number, the error that leads to it (None: no error), and what it means."""

    number: int
    error: type[errors.XtradeError] | None
    meaning: str


# The first row whose error fits decides, so children stand before their parents.
EXIT_CODES: Final = (
    ExitCode(OK, None, "Done, and the answer is yes where there was a question."),
    ExitCode(NO, None, "Done, and the answer is no: a check found a difference or a problem."),
    ExitCode(USAGE, errors.UsageError, "The command line cannot be understood."),
    ExitCode(3, errors.ConfigError, "The configuration is wrong or missing."),
    ExitCode(4, errors.CredentialsError, "A key is missing, locked, or readable by others."),
    ExitCode(5, errors.SymbolError, "No such market there, or more than one."),
    ExitCode(6, errors.NumberError, "A number is malformed, off the grid or out of range."),
    ExitCode(7, errors.DataError, "A file or record is damaged or not of the expected form."),
    ExitCode(8, errors.MissingExtra, "An optional part of xtrade is not installed."),
    ExitCode(10, errors.RiskRejected, "The risk gate refused."),
    ExitCode(11, errors.AuthFailed, "The venue does not accept the key."),
    ExitCode(12, errors.RateLimited, "The venue asks to wait."),
    ExitCode(13, errors.Unavailable, "The venue cannot be reached; nothing was done."),
    ExitCode(14, errors.InDoubt, "The outcome at the venue is unknown: check before doing it again."),
    ExitCode(15, errors.VenueError, "The venue said no."),
    ExitCode(16, errors.AccountHeld, "Another process trades this account."),
    ExitCode(17, errors.JournalBroken, "The journal cannot be written, so nothing is sent."),
    ExitCode(69, errors.XtradeError, "Something else went wrong; the message says what."),
    ExitCode(INTERNAL, None, "A mistake of ours: please report it with the output of XTRADE_DEBUG=1."),
    ExitCode(INTERRUPTED, None, "Interrupted from the keyboard."),
)


def exit_code_of(error: errors.XtradeError) -> int:
    """Return the exit code that the shell gets for an error."""
    return next(row.number for row in EXIT_CODES if row.error is not None and isinstance(error, row.error))
