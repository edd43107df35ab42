"""Optional parts: which extra brings which module, and the sentence a user reads when it is missing."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Final, NamedTuple

from xtrade.model.errors import MissingExtra

__all__ = ["EXTRAS", "Extra", "how_to_install", "require"]


class Extra(NamedTuple):
    """One optional part of xtrade, as `how_to_install` names it."""

    name: str
    modules: tuple[str, ...]
    purpose: str

    def missing(self) -> list[str]:
        """Return the modules of this extra that are not installed (nothing is imported to find out)."""
        return [module for module in self.modules if find_spec(module) is None]


EXTRAS: Final = (
    Extra("yaml", ("yaml",), "configuration files in YAML"),
    Extra("keyring", ("keyring",), "the keystore's passphrase from the desktop's keyring"),
    Extra("evm", ("coincurve", "Crypto"), "venues signed with EIP-712"),
    Extra("stark", ("fast_stark_crypto",), "venues signed on the STARK curve"),
    Extra("data", ("obstore",), "data in S3 and other object stores"),
    Extra("postgres", ("asyncpg",), "shared journal and time series in PostgreSQL"),
    Extra("nats", ("nats",), "market data fan-out over NATS"),
    Extra("web", ("litestar", "uvicorn", "prometheus_client"), "dashboard and metrics"),
    Extra("tui", ("textual",), "terminal monitor"),
    Extra("sweep", ("optuna",), "parameter search by Optuna"),
    Extra("ray", ("ray",), "sweeps on a Ray cluster"),
    Extra("notify", ("apprise",), "alerts to a hundred more channels"),
    Extra("ccxt", ("ccxt",), "any other venue, through ccxt"),
    Extra("otel", ("opentelemetry",), "traces to OpenTelemetry"),
)


def require(module: str, *, extra: str) -> ModuleType:
    """Import an optional module where it is used, or say which extra brings it."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtra(f"{module} is needed for this: {how_to_install(extra)}") from error


def how_to_install(extra: str = "") -> str:
    """Return the command that installs xtrade's libraries, and those of an extra, the way this copy came here.

    A clone has an environment made by uv, without pip; anything else is installed into the Python that runs.
    """
    import sys
    from shlex import quote
    from shutil import which

    if _is_a_clone():
        # The README puts uv beside the code where it was not installed; a plain sync would remove other extras.
        uv = "uv" if which("uv") else ".uv/bin/uv"
        return f"{uv} sync --inexact" + (f" --extra {extra}" if extra else "")
    return f"{quote(sys.executable)} -m pip install " + (f"'xtrade[{extra}]'" if extra else "xtrade")


def _is_a_clone() -> bool:
    """Tell whether the installer recorded (PEP 610) that the code runs from where it was written."""
    import json
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        origin = json.loads(distribution("xtrade").read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        return False
    return bool(origin.get("dir_info", {}).get("editable"))
