"""Where xtrade keeps what belongs to this user and machine: one place each, all movable with `XTRADE_HOME`."""

from __future__ import annotations

import os
from pathlib import Path

from xtrade.model.errors import ConfigError

__all__ = ["config_dir", "shown", "state_dir"]


def config_dir() -> Path:
    """Return the directory of the configuration and the keystore (it may not exist yet)."""
    return _directory("XDG_CONFIG_HOME", ".config")


def state_dir() -> Path:
    """Return the directory of journals, id counters and logs (it may not exist yet)."""
    return _directory("XDG_STATE_HOME", ".local/state")


def shown(path: Path) -> str:
    """Write a path as people do: from `~` where it is below the user's home."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) and path != home else str(path)


def _directory(variable: str, fallback: str) -> Path:
    if home := os.environ.get("XTRADE_HOME"):
        return _absolute("XTRADE_HOME", Path(os.path.expanduser(home)))
    if base := os.environ.get(variable):
        return _absolute(variable, Path(base) / "xtrade")
    return _absolute("HOME", Path.home() / fallback / "xtrade")


def _absolute(variable: str, path: Path) -> Path:
    # From another working directory a relative path would lead to other keys, or to none.
    if not path.is_absolute():
        raise ConfigError(f"{variable} is {os.environ.get(variable, '')!r}: expected an absolute path")
    return path
