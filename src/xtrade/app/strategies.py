"""Strategies by the names that people give them: built-in ones, a class in a file, a class in a module."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import msgspec

from xtrade.model.errors import ConfigError, did_you_mean
from xtrade.strategies import BUILT_IN
from xtrade.trading.params import read_params
from xtrade.trading.strategy import DecideStrategy, SignalStrategy, Strategy

__all__ = ["make_strategy", "needs_instrument", "strategy_type"]

# The bases are no strategies, though a file that imports them has them too.
BASES: Final = {Strategy, SignalStrategy, DecideStrategy}


def strategy_type(name: str) -> type[Strategy[Any]]:
    """Return the strategy called `sma`, `FILE.py:Class`, `FILE.py` (if there is one in it) or `module:Class`."""
    place, _, wanted = (
        BUILT_IN.get(name, name).rpartition(":") if ":" in BUILT_IN.get(name, name) else (name, "", "")
    )
    if not place.endswith(".py") and not wanted:
        raise ConfigError(
            f"{name!r} is no strategy: expected one of {', '.join(BUILT_IN)}, FILE.py:Class or module:Class."
            f"{did_you_mean(name, BUILT_IN)}"
        )
    module = _from_file(Path(place)) if place.endswith(".py") else _from_module(place)
    found = {
        key: value
        for key, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, Strategy) and value not in BASES
    }
    if wanted in found:
        return found[wanted]
    if wanted:
        known = ", ".join(found) or "none"
        raise ConfigError(
            f"{place} has no strategy {wanted!r}: there is {known}.{did_you_mean(wanted, found)}"
        )
    own = [value for value in found.values() if value.__module__ == module.__name__]
    if len(own) == 1:
        return own[0]
    raise ConfigError(
        f"{place} has {len(own)} strategies{': ' * bool(own)}{', '.join(each.__name__ for each in own)}: name one, as"
        f" {place}:{own[0].__name__ if own else 'Class'}"
    )


def needs_instrument(kind: type[Strategy[Any]]) -> bool:
    """Say whether the strategy must be told its instrument, as `instrument`."""
    return any(
        field.name == "instrument" and field.required for field in msgspec.structs.fields(kind.params_type)
    )


def make_strategy(kind: type[Strategy[Any]], params: Mapping[str, object], *, name: str) -> Strategy[Any]:
    """Return a new strategy with these parameters."""
    return kind(read_params(kind.params_type, params, of=f"strategy {name}"))


def _from_file(path: Path) -> ModuleType:
    path = path.expanduser()
    if not path.is_file():
        raise ConfigError(f"{path}: there is no such file: a strategy is named as FILE.py:Class")
    name = f"xtrade_user_{path.resolve().stem}_{abs(hash(path.resolve())):x}"
    known = sys.modules.get(name)
    if known is not None:
        return known
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None, "a file that ends in .py can be loaded"
    assert spec.loader is not None, "and has somebody who loads it"
    module = importlib.util.module_from_spec(spec)
    # Before it is run: what it defines says where it is from.
    sys.modules[name] = module
    # A file may use its neighbours, as it could if Python had been started with it.
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ConfigError(f"{path} cannot be loaded: {_in_words(error, path)}") from error
    finally:
        sys.path.remove(str(path.resolve().parent))
    return module


def _from_module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise ConfigError(f"the module {name} cannot be loaded: {type(error).__name__}: {error}") from error


def _in_words(error: Exception, path: Path) -> str:
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {error.msg}"
    raised = error.__traceback__
    line = 0
    while raised is not None:
        if raised.tb_frame.f_code.co_filename == str(path):
            line = raised.tb_lineno
        raised = raised.tb_next
    return f"{f'line {line}: ' if line else ''}{type(error).__name__}: {error}"
