"""Loading the configuration: defaults, then one file, then the environment, then the command line, later over earlier.

Every layer is read by the model on its own, so that a mistake is found even where a later layer hides it; the typed
values are laid over each other, and what is still missing or contradicts itself is said at the end.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct

from xtrade.app.config.documents import READERS, read_document
from xtrade.app.config.model import Config, contradictions
from xtrade.app.config.options import Option, options, sections
from xtrade.app.config.problems import Key, Origin, Problem, dotted, printable, summary
from xtrade.app.config.reader import Entry, Text, read_layer
from xtrade.app.paths import config_dir
from xtrade.model.errors import ConfigError, UsageError

__all__ = ["Inspection", "Loaded", "Setting", "default_files", "inspect", "load"]

# XTRADE__ENGINE__MODE=paper sets engine.mode.
PREFIX: Final = "XTRADE__"
BETWEEN: Final = "__"
FILE_VARIABLE: Final = "XTRADE_CONFIG"

COMMAND_LINE: Final = Origin("command line", "command line")
DEFAULT: Final = Origin("default", "default")

Layer = tuple[dict[Key, Entry], list[Problem]]


class Setting(Struct, frozen=True):
    """One option in effect: its value, the layer that set it, and where."""

    key: str
    value: Any
    source: str
    where: str


class Loaded(NamedTuple):
    """A configuration that holds together, the file it was read from, and who set what."""

    config: Config
    file: Path | None
    origins: Mapping[Key, Origin]

    def origin(self, *key: str) -> Origin:
        """Return where an option's value comes from: `loaded.origin("engine", "mode")`."""
        return self.origins.get(key, DEFAULT)

    def settings(self) -> list[Setting]:
        """Return every option in effect, in the order of the model."""
        return [
            Setting(dotted(key), value, origin.source, origin.where)
            for key, value in _values(self.config, ())
            for origin in [self.origins.get(key, DEFAULT)]
        ]


class Inspection(NamedTuple):
    """What was found: the file, every problem, and the configuration if there is none."""

    file: Path | None
    problems: tuple[Problem, ...]
    loaded: Loaded | None


def load(path: Path | str | None = None, *, overrides: Iterable[str] = ()) -> Loaded:
    """Return the configuration that is in effect here: of the file at `path`, or of the one found without it.

    `overrides` are settings of the command line, as `engine.mode=live`. Raises ConfigError, one line with the place.
    """
    overrides = tuple(overrides)
    inspection = inspect(path, overrides=overrides)
    if inspection.loaded is None:
        raise ConfigError(summary(inspection.problems, file=inspection.file, overridden=bool(overrides)))
    return inspection.loaded


def inspect(path: Path | str | None = None, *, overrides: Iterable[str] = ()) -> Inspection:
    """Load as `load` does, but return the problems, all of them, instead of raising the first."""
    file = _find(path)
    entries: dict[Key, Entry] = {}
    problems: list[Problem] = []
    for found, wrong in (_file_layer(file), _environment_layer(), _command_line_layer(overrides)):
        # A section is where it was first named; an option is what was said of it last.
        entries |= {key: entry for key, entry in found.items() if entry.section is None or key not in entries}
        problems += wrong
    problems += _missing(entries, {problem.key for problem in problems})
    used = file if isinstance(file, Path) else None
    if problems:
        return Inspection(used, tuple(problems), None)
    origins = {key: entry.origin for key, entry in entries.items()}
    loaded = Loaded(msgspec.convert(_nested(entries), Config), used, origins)
    problems = [
        Problem(loaded.origin(*key).where, dotted(key), text) for key, text in contradictions(loaded.config)
    ]
    return Inspection(used, tuple(problems), None if problems else loaded)


def default_files() -> list[Path]:
    """Return where a configuration is looked for when none is named, the first that is there winning."""
    return [file for directory in (Path(), config_dir()) for file in _candidates(directory)]


def _find(path: Path | str | None) -> Path | Problem | None:
    if path is None:
        path = os.environ.get(FILE_VARIABLE) or None
    if path is not None:
        # Not Path.expanduser, which fails where there is no such user: a file that is not there has its own message.
        return Path(os.path.expanduser(path))
    for directory in (Path(), config_dir()):
        try:
            there = [file for file in _candidates(directory) if _is_there(file)]
        except OSError as error:
            text = f"cannot be looked into for a configuration: {(error.strerror or str(error)).lower()}"
            return Problem(printable(str(directory)), "", text)
        if len(there) > 1:
            text = f"there is also {there[1].name}: keep one, or name one with --config"
            return Problem(printable(str(there[0])), "", text)
        if there:
            return there[0]
    return None


def _candidates(directory: Path) -> list[Path]:
    return [directory / f"xtrade{ending}" for ending in READERS]


def _is_there(file: Path) -> bool:
    """Tell whether there is such a name, be it a link to nothing; raises where that cannot be known."""
    try:
        file.lstat()
    except FileNotFoundError:
        return False
    return True


def _file_layer(file: Path | Problem | None) -> Layer:
    if file is None:
        return {}, []
    document = read_document(file) if isinstance(file, Path) else file
    if isinstance(document, Problem):
        said = f" ({FILE_VARIABLE} names it)" if os.environ.get(FILE_VARIABLE) == document.where else ""
        return {}, [Problem(document.where, document.key, document.text + said)]
    return read_layer(Config, document.tree, document.origin)


def _environment_layer() -> Layer:
    entries: dict[Key, Entry] = {}
    problems: list[Problem] = []
    spellings = {_squashed(name): name for name in map(_variable, options(Config))}
    for name, text in sorted(os.environ.items()):
        where = printable(name)
        if name.startswith(PREFIX) and name == name.upper():
            key = tuple(name.removeprefix(PREFIX).lower().split(BETWEEN))
            found, wrong = read_layer(Config, _tree(key, text), _always(Origin("environment", where)))
            entries |= found
            problems += wrong
        elif name.upper().startswith(PREFIX):
            problems.append(
                Problem(where, "", f"is not read: write it in capitals, {printable(name.upper())}")
            )
        elif name.startswith("XTRADE_") and (meant := spellings.get(_squashed(name))):
            problems.append(Problem(where, "", f"is not read: did you mean {meant}, with two underscores?"))
    return entries, problems


def _command_line_layer(overrides: Iterable[str]) -> Layer:
    entries: dict[Key, Entry] = {}
    problems: list[Problem] = []
    for override in overrides:
        name, equals, text = override.partition("=")
        if not equals or not name.strip():
            raise UsageError("--set takes KEY=VALUE, as in --set engine.mode=paper")
        tree = _tree(tuple(name.strip().split(".")), text)
        found, wrong = read_layer(Config, tree, _always(COMMAND_LINE))
        entries |= found
        problems += wrong
    return entries, problems


def _missing(entries: Mapping[Key, Entry], spoken_of: set[str]) -> Iterator[Problem]:
    """Find the options without a default that no layer set; what was set wrongly has had its problem."""
    for key, entry in entries.items():
        if entry.section is None:
            continue
        for option in next(sections(entry.section, key)).options:
            if option.required and option.key not in entries and dotted(option.key) not in spoken_of:
                text = f"{option.key[-1]!r} is missing: expected {option.expects}"
                yield Problem(entry.origin.where, dotted(key), text)


def _nested(entries: Mapping[Key, Entry]) -> dict[str | int, Any]:
    tree: dict[str | int, Any] = {}
    for key, entry in entries.items():
        inside = tree
        for part in key[:-1]:
            inside = inside.setdefault(part, {})
        if entry.section is None:
            inside[key[-1]] = _plain(entry.value)
        else:
            inside.setdefault(key[-1], {})
    return tree


def _plain(value: object) -> object:
    """Return a value without where it came from: what is built of it is written into results, too."""
    if isinstance(value, Text):
        return str(value)
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _values(section: Struct, key: Key) -> Iterator[tuple[Key, object]]:
    for name in section.__struct_fields__:
        value = getattr(section, name)
        if isinstance(value, Struct):
            yield from _values(value, (*key, name))
        elif isinstance(value, dict):
            for given, each in value.items():
                if isinstance(each, Struct):
                    yield from _values(each, (*key, name, given))
                else:
                    yield (*key, name, given), each
        else:
            yield (*key, name), value


def _tree(key: Key, text: str) -> Mapping[str, object]:
    tree: Any = Text(text)
    for part in reversed(key):
        tree = {part: tree}
    return tree  # type: ignore[no-any-return]


def _always(origin: Origin) -> Callable[[Key], Origin]:
    return lambda _: origin


def _variable(option: Option) -> str:
    return PREFIX + BETWEEN.join(map(str, option.key)).upper()


def _squashed(name: str) -> str:
    return name.upper().replace("_", "")
