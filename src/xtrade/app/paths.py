"""Where xtrade keeps what belongs to this user and machine: one place each, all movable with `XTRADE_HOME`."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["config_dir", "state_dir"]


def config_dir() -> Path:
    """Return the directory of the configuration and the keystore (it may not exist yet)."""
    return _directory("XDG_CONFIG_HOME", ".config")


def state_dir() -> Path:
    """Return the directory of journals, id counters and logs (it may not exist yet)."""
    return _directory("XDG_STATE_HOME", ".local/state")


def _directory(variable: str, fallback: str) -> Path:
    if home := os.environ.get("XTRADE_HOME"):
        return Path(home).expanduser()
    base = os.environ.get(variable)
    return (Path(base) if base else Path.home() / fallback) / "xtrade"
