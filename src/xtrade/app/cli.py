"""The command line: which words exist, and what happens when one of them fails.

A command's module is imported when the command is run, not before: `xtrade --help` must stay quick
(docs/performance.md). So the table below names modules as text and carries the one-line help itself, and the front
page is drawn from it without any library.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

from xtrade.app import exit_codes
from xtrade.app.streams import ReaderGone, prepare
from xtrade.model.errors import XtradeError

if TYPE_CHECKING:
    from cyclopts import App, CycloptsError

__all__ = ["COMMANDS", "MARKETS", "RESEARCH", "SETUP", "TRADING", "Command", "build", "main", "run"]


class Command(NamedTuple):
    """One word of the command line: where its code lives, and one line of help."""

    name: str
    target: str
    help: str
    group: str


TRADING: Final = "Trading"
MARKETS: Final = "Markets"
RESEARCH: Final = "Research"
SETUP: Final = "Set up"

COMMANDS: Final[tuple[Command, ...]] = (
    Command(
        "run",
        "xtrade.app.commands.run:app",
        "Run strategies on paper: on the built-in exchange, among synthetic traders.",
        TRADING,
    ),
    Command(
        "positions",
        "xtrade.app.commands.positions:app",
        "See what is held, what it cost, and the exposure to each asset.",
        TRADING,
    ),
    Command(
        "orders",
        "xtrade.app.commands.orders:app",
        "See which orders are open or in doubt, or one with its trades.",
        TRADING,
    ),
    Command(
        "pnl",
        "xtrade.app.commands.pnl:app",
        "See what was earned, by strategy, instrument, venue or account.",
        TRADING,
    ),
    Command(
        "monitor",
        "xtrade.app.commands.monitor:app",
        "Watch positions, open orders and profit, or one order, as they change.",
        TRADING,
    ),
    Command(
        "explain",
        "xtrade.app.commands.explain:app",
        "Say why a strategy is, or is not, trading: what blocks it, the figures, the line that sets it.",
        TRADING,
    ),
    Command(
        "kill",
        "xtrade.app.commands.kill:app",
        "Stop all trading of this user on this machine, at once.",
        TRADING,
    ),
    Command(
        "order",
        "xtrade.app.commands.order:app",
        "Place, cancel and look at orders by hand, on a venue, its testnet or a box.",
        TRADING,
    ),
    Command(
        "best",
        "xtrade.app.commands.best:app",
        "See who pays most and who asks least for a market, on every venue, after fees.",
        MARKETS,
    ),
    Command("book", "xtrade.app.commands.book:app", "See the order book of a market, once or live.", MARKETS),
    Command(
        "impact",
        "xtrade.app.commands.impact:app",
        "See what buying or selling an amount would cost, walking down the books, with fees.",
        MARKETS,
    ),
    Command(
        "funding",
        "xtrade.app.commands.funding:app",
        "Compare the funding of a perpetual on several venues, as a rate of a year.",
        MARKETS,
    ),
    Command(
        "trades",
        "xtrade.app.commands.trades:app",
        "See the last trades of a market, the newest last.",
        MARKETS,
    ),
    Command(
        "candles",
        "xtrade.app.commands.candles:app",
        "See the bars of a market: open, high, low, close and volume, the newest last.",
        MARKETS,
    ),
    Command(
        "instruments",
        "xtrade.app.commands.instruments:app",
        "See which markets a venue lists: names, tick and lot, minimums, fees.",
        MARKETS,
    ),
    Command(
        "venues",
        "xtrade.app.commands.venues:app",
        "See what each venue can do here: a matrix of feeds, orders, changes, cancels and safety.",
        MARKETS,
    ),
    Command(
        "exchange",
        "xtrade.app.commands.exchange:app",
        "Open venues in boxes on this machine, to trade on with this or any other client.",
        MARKETS,
    ),
    Command("symbols", "xtrade.app.commands.symbols:app", "One name for one market on every venue.", MARKETS),
    Command(
        "backtest",
        "xtrade.app.commands.backtest:app",
        "Play a strategy on recorded or generated markets, and see what it would have earned.",
        RESEARCH,
    ),
    Command(
        "sweep",
        "xtrade.app.commands.sweep:app",
        "Try many parameters of a strategy, and say how much of the best one is luck.",
        RESEARCH,
    ),
    Command(
        "journal",
        "xtrade.app.commands.journal:app",
        "Read what was decided and what became of it: orders, fills, and why.",
        TRADING,
    ),
    Command(
        "strategies",
        "xtrade.app.commands.strategies:app",
        "See which strategies there are, and what each can be told.",
        RESEARCH,
    ),
    Command("config", "xtrade.app.commands.config:app", "See, check and begin the configuration.", SETUP),
    Command(
        "keys",
        "xtrade.app.commands.keys:app",
        "Keep the keys of your accounts: encrypted, never printed.",
        SETUP,
    ),
    Command(
        "doctor",
        "xtrade.app.commands.doctor:app",
        "Check this machine: versions, clock, disks, keys and services.",
        SETUP,
    ),
    Command(
        "completion",
        "xtrade.app.commands.completion:app",
        "Print a script that completes xtrade's words in your shell.",
        SETUP,
    ),
)

SUMMARY: Final = "One strategy, every venue, from back-test to live."
CLOSING: Final = "Start with `xtrade doctor`. Every command has --help with examples."
VERSION_FLAGS: Final = ("--version", "-V")
HELP_FLAGS: Final = ("--help", "-h")


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; every failure is one line on standard error."""
    try:
        code = _dispatch(list(arguments))
        # What is still in the buffer can fail as well as what was written before.
        sys.stdout.flush()
    except XtradeError as error:
        return _fail(str(error), exit_codes.exit_code_of(error))
    except KeyboardInterrupt:
        return _fail("interrupted", exit_codes.INTERRUPTED)
    except ReaderGone:
        return exit_codes.OK
    except Exception as error:  # noqa: BLE001  (the last net: a user gets a line, not a traceback)
        if os.environ.get("XTRADE_DEBUG"):
            _show_traceback(error)
        return _fail(
            f"{type(error).__name__}: {error} (a mistake of ours: run again with XTRADE_DEBUG=1"
            " and report what it prints)",
            exit_codes.INTERNAL,
        )
    return code


def main() -> NoReturn:
    """Run the command line of this process."""
    prepare()
    sys.exit(run(sys.argv[1:]))


def build() -> App:
    """Build the whole command line from the table, for cyclopts to parse, explain and complete."""
    from cyclopts import App

    from xtrade.app.screen import Sections

    app = App(
        name="xtrade",
        help=SUMMARY,
        help_flags=HELP_FLAGS,
        # The docstrings are markdown all the same: xtrade.app.screen draws the little of it that they use.
        help_format="plaintext",
        help_formatter=Sections(),
        version_flags=VERSION_FLAGS,
        version=_version,
        suppress_keyboard_interrupt=False,
    )
    for row in COMMANDS:
        app.command(row.target, name=row.name)
    return app


def _dispatch(arguments: list[str]) -> int:
    if not arguments or (len(arguments) == 1 and arguments[0] in HELP_FLAGS):
        sys.stdout.write(_front_page())
        return exit_codes.OK
    if len(arguments) == 1 and arguments[0] in VERSION_FLAGS:
        sys.stdout.write(_version() + "\n")
        return exit_codes.OK

    from cyclopts import CycloptsError

    from xtrade.app.quoting import without_pasted

    try:
        outcome = build()(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        return _fail(without_pasted(_usage_error(error), arguments), exit_codes.USAGE)
    return outcome if isinstance(outcome, int) else exit_codes.OK


def _front_page() -> str:
    from xtrade.app.screen import Row, Section, colours_wanted, front_page, width

    by_group = [
        Section(group, tuple(Row(row.name, row.help) for row in COMMANDS if row.group == group))
        for group in dict.fromkeys(row.group for row in COMMANDS)
    ]
    options = Section(
        "Options", (Row("-h, --help", "Show this page."), Row("-V, --version", "Show the version."))
    )
    return front_page(
        "xtrade COMMAND", SUMMARY, [*by_group, options], CLOSING, colour=colours_wanted(), width=width()
    )


def _usage_error(error: CycloptsError) -> str:
    from cyclopts import MissingArgumentError, UnusedCliTokensError

    error.verbose = False
    chain = list(error.command_chain or ())
    command = " ".join(chain) or "xtrade"
    text = str(error).strip()
    if isinstance(error, UnusedCliTokensError):
        text = f"{command} takes no more arguments, but there is {(error.unused_tokens or [''])[0]!r}."
    elif type(error) is MissingArgumentError and error.argument is not None:
        name = error.keyword or error.argument.name
        text = f"{command} needs a value for {name}." if name.startswith("-") else f"{command} needs {name}."
    else:
        text = text[:1].lower() + text[1:]
    return (
        f"{text}{'' if text.endswith(('.', '?', '!')) else '.'} See `{' '.join(['xtrade', *chain])} --help`."
    )


def _show_traceback(error: Exception) -> None:
    import traceback

    from xtrade.ops.printable import printable
    from xtrade.runtime.secrets import redact

    sys.stderr.write(printable(redact("".join(traceback.format_exception(error))), keep="\n"))


def _fail(message: str, code: int) -> int:
    from xtrade.ops.printable import one_line
    from xtrade.runtime.secrets import redact

    # An error may quote what a venue or a file said: neither a secret nor a control character leaves with it.
    sys.stderr.write(f"xtrade: {one_line(redact(message))}\n")
    return code


def _version() -> str:
    from importlib.metadata import version

    return version("xtrade")
