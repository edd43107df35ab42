"""Optional parts: which extra brings which module, and the sentence a user reads when it is missing."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Final, NamedTuple

from xtrade.model.errors import MissingExtra

__all__ = ["EXTRAS", "Extra", "require"]


class Extra(NamedTuple):
    """One optional part of xtrade, as `pip install 'xtrade[name]'` knows it."""

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
    Extra("data", ("polars", "obstore"), "Parquet catalog, local or S3"),
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
        raise MissingExtra(f"{module} is needed for this: pip install 'xtrade[{extra}]'") from error
