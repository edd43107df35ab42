"""The command line: which words exist, and what happens when one of them fails.

A command's module is imported when the command is run, not before: `xtrade --help` must stay quick
(docs/performance.md). So the table below names modules as text and carries the one-line help itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Final, NamedTuple, NoReturn

from cyclopts import App, CycloptsError, Group

from xtrade.app import exit_codes
from xtrade.model.errors import XtradeError

__all__ = ["COMMANDS", "Command", "build", "main", "run"]


class Command(NamedTuple):
    """One word of the command line: where its code lives, and one line of help."""

    name: str
    target: str
    help: str
    group: str


SETUP: Final = "Set up"
MARKETS: Final = "Markets"

COMMANDS: Final[tuple[Command, ...]] = (
    Command("symbols", "xtrade.app.commands.symbols:app", "One name for one market on every venue.", MARKETS),
)


def build() -> App:
    """Build the command line from the table."""
    app = App(
        name="xtrade",
        help="One strategy, every venue, from back-test to live.",
        help_epilogue="Start with `xtrade doctor`. Every command has `--help` with examples.",
        version_flags=["--version"],
        version=_version,
        group_commands=Group("Other"),
        help_format="markdown",
    )
    groups = {name: Group.create_ordered(name) for name in dict.fromkeys(row.group for row in COMMANDS)}
    for row in COMMANDS:
        app.command(row.target, name=row.name, help=row.help, group=groups[row.group])
    return app


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; every failure is one line on standard error."""
    try:
        outcome = build()(
            list(arguments), exit_on_error=False, print_error=False, result_action="return_value"
        )
    except CycloptsError as error:
        return _fail(_one_line(str(error)), exit_codes.USAGE)
    except XtradeError as error:
        return _fail(str(error), exit_codes.exit_code_of(error))
    except KeyboardInterrupt:
        return _fail("interrupted", exit_codes.INTERRUPTED)
    except BrokenPipeError:
        # The reader of our pipe (head, less) has seen enough. Python would complain again while closing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exit_codes.OK
    except Exception as error:
        if os.environ.get("XTRADE_DEBUG"):
            raise
        return _fail(
            f"{type(error).__name__}: {_one_line(str(error))} (a mistake of ours: run again with XTRADE_DEBUG=1"
            " and report what it prints)",
            exit_codes.INTERNAL,
        )
    return outcome if isinstance(outcome, int) else exit_codes.OK


def main() -> NoReturn:
    """Run the command line of this process."""
    sys.exit(run(sys.argv[1:]))


def _fail(message: str, code: int) -> int:
    sys.stderr.write(f"xtrade: {message}\n")
    return code


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _version() -> str:
    from importlib.metadata import version

    return version("xtrade")
