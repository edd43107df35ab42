"""Chance by name: each purpose has a stream of its own, so that a new one does not change what another draws.

draws    a numpy generator for one purpose of one seed
Uniforms a stream of numbers between 0 and 1 for a kernel, which takes them in order, refilled in between
"""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np

from xtrade.model.errors import ConfigError
from xtrade.sim.replay.layout import Reals

__all__ = ["RESERVE", "Uniforms", "check_seed", "draws"]

RESERVE: Final = 32
"""A kernel may count on so many numbers in one turn of its loop."""
_BLOCK: Final = 1 << 16


def check_seed(seed: int) -> None:
    """Refuse what is no seed."""
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ConfigError(f"seed = {seed!r}: expected a whole number of zero or more")


def draws(seed: int, purpose: str) -> np.random.Generator:
    """Return the generator for a purpose, such as "jumps/BTC"."""
    words = np.frombuffer(hashlib.sha256(purpose.encode()).digest(), "<u4")
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *words.tolist()])))


class Uniforms:
    """Numbers drawn evenly between 0 and 1, none of them 0: `values` from `cursor[0]` on are still to be taken."""

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator
        self.values: Reals = np.zeros(0)
        self.cursor = np.zeros(1, np.int64)

    def refill(self) -> None:
        """Keep what was not taken, and draw more behind it."""
        # 1 - u lies in (0, 1]: a logarithm can be taken of it.
        fresh = 1.0 - self._generator.random(_BLOCK)
        self.values = np.concatenate([self.values[self.cursor[0] :], fresh])
        self.cursor[0] = 0
