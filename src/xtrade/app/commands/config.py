"""`xtrade config`: see what is in effect and who set it, find mistakes, begin a file."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import cyclopts
from msgspec import Struct

from xtrade.app import exit_codes
from xtrade.app.config.flags import ConfigFile, Overrides
from xtrade.app.output import Json, answer, columns, note
from xtrade.app.paths import shown
from xtrade.model.errors import ConfigError, UsageError
from xtrade.runtime.files import followed

if TYPE_CHECKING:
    from rich.console import RenderableType

    from xtrade.app.config.load import Setting
    from xtrade.app.config.problems import Problem

__all__ = ["app"]

app = cyclopts.App(
    name="config",
    help="""See, check and begin the configuration.

    **Examples**

    - `xtrade config init`
    - `xtrade config show --set log.level=debug`
    """,
    group_commands=cyclopts.Group("Commands"),
)

STARTER: Final = Path("xtrade.toml")

CheckedFile = Annotated[
    Path | None, cyclopts.Parameter(help="The file; without it, the one that a run started here would use.")
]
StarterFile = Annotated[Path, cyclopts.Parameter(help="The file to write, in TOML.")]
Force = Annotated[
    bool,
    cyclopts.Parameter(negative="", show_default=False, help="Write over a file that is already there."),
]


class Effective(Struct, frozen=True):
    """The configuration in effect: the file it was read from, and every option."""

    file: str | None
    options: list[Setting]


class Verdict(Struct, frozen=True):
    """What a check found."""

    file: str | None
    problems: tuple[Problem, ...]


@app.command
def show(*, config: ConfigFile = None, set: Overrides = (), json: Json = False) -> None:  # noqa: A002
    """Show every option in effect, and where its value comes from.

    Values come from the defaults, then one file, then the environment, then the command line; later wins.

    **Examples**

    - `xtrade config show`
    - `XTRADE__LOG__LEVEL=debug xtrade config show`
    - `xtrade config show --config prod.toml --set engine.mode=paper`
    """
    from xtrade.app.config.load import load

    loaded = load(config, overrides=set)
    effective = Effective(str(loaded.file) if loaded.file else None, loaded.settings())
    answer(effective, json=json, human=lambda: _table(effective))


@app.command(usage="xtrade config check [OPTIONS] [FILE]")
def check(file: CheckedFile = None, /, *, set: Overrides = (), json: Json = False) -> int:  # noqa: A002
    """Find every mistake in a configuration: one line each, with its place. Exit code 3 if there is one.

    The environment and the flags are laid over it as in a run, and are checked too.

    **Examples**

    - `xtrade config check`
    - `xtrade config check prod.toml`
    - `xtrade config check prod.toml --json`
    """
    from xtrade.app.config.load import inspect

    inspection = inspect(file, overrides=set)
    name = str(inspection.file) if inspection.file else None
    verdict = Verdict(name, inspection.problems)
    answer(verdict, json=json, human=lambda: _lines(verdict))
    return exit_codes.exit_code_of(ConfigError()) if verdict.problems else exit_codes.OK


@app.command
def schema() -> None:
    """Print the JSON Schema of a configuration file, for editors that complete and check while you type.

    **Examples**

    - `xtrade config schema > xtrade.schema.json`
    """
    from xtrade.app.config.starter import json_schema

    answer(json_schema(), json=True, human=str)


@app.command(usage="xtrade config init [OPTIONS] [FILE]")
def init(file: StarterFile = STARTER, /, *, force: Force = False) -> None:
    """Write a starter file: every option with its description and default, commented out.

    **Examples**

    - `xtrade config init`
    - `xtrade config init ~/.config/xtrade/xtrade.toml`
    """
    from xtrade.app.config.starter import starter

    file = Path(os.path.expanduser(file))
    if not file.name:
        raise UsageError("expected the name of a file to write, and none was given")
    if file.suffix != ".toml":
        raise UsageError(f"{file}: a starter is written in TOML, so its name ends in .toml")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{file}: its directory cannot be made: {(error.strerror or str(error)).lower()}"
        ) from None
    try:
        _write(followed(file) if force else file, starter(), replace=force)
    except FileExistsError:
        raise UsageError(f"{file} is already there: --force writes over it") from None
    except OSError as error:
        raise ConfigError(f"{file}: cannot be written: {(error.strerror or str(error)).lower()}") from None
    note(f"Wrote {file}. Look through it, then: xtrade config check {file}")


def _table(effective: Effective) -> RenderableType:
    from rich.text import Text

    from xtrade.app.config.load import default_files

    def row(option: Setting) -> tuple[str, Text, Text]:
        style = "dim" if option.source == "default" else ""
        return option.key, Text(_written(option.value), style), Text(option.where, style)

    table = columns(("option", "value", "set by"), map(row, effective.options))
    if effective.file is not None:
        table.append(f"\n\nConfiguration file: {_place(Path(effective.file))}", "dim")
    else:
        here, home = (path for path in default_files() if path.name == STARTER.name)
        table.append(f"\n\nNo configuration file: there is neither ./{here} nor {shown(home)}.", "dim")
    return table


def _place(file: Path) -> str:
    return shown(file) if file.is_absolute() else f"./{file}"


def _written(value: object) -> str:
    """Write a value as a person reads it; what an option is set to is never secret, only a name of one."""
    match value:
        case None:
            return "-"
        case bool():
            return "true" if value else "false"
        case int():
            return f"{value:_}"
        case list():
            return ", ".join(map(_written, value))
        case _:
            return str(value)


def _lines(verdict: Verdict) -> RenderableType:
    from rich.text import Text

    what = verdict.file or "the defaults and the environment (there is no file)"
    lines = [problem.line() for problem in verdict.problems] or [f"{what}: no problems"]
    return Text("\n".join(lines))


def _write(file: Path, text: str, *, replace: bool) -> None:
    """Write a file whole or not at all: a neighbour that has all of it takes the name."""
    descriptor, neighbour = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        if replace:
            Path(neighbour).replace(file)
        else:
            # Unlike a rename, a second name is refused where the first is taken.
            os.link(neighbour, file)
    finally:
        Path(neighbour).unlink(missing_ok=True)
