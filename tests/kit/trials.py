"""Small things to sweep: pure functions of their parameters, at the top level so that other processes find them."""

import os
import signal
from pathlib import Path

import numpy as np

from xtrade.research.sweep.trial import Outcome, Trial

DAY_NS = 86_400 * 10**9


def hill(params, window):
    """Highest at x = 3, y = 4."""
    return Outcome(metrics={"score": -((params["x"] - 3) ** 2) - (params["y"] - 4) ** 2})


def noise(params, window):
    """Daily returns without any skill, other ones for other parameters."""
    seed = [abs(int(value * 1000)) for value in params.values()] + [
        window.start_ns // DAY_NS if window else 0
    ]
    returns = np.random.default_rng(seed).normal(0, 0.01, 250)
    return daily(returns)


def daily(returns):
    returns = np.asarray(returns, float)
    sharpe = float(returns.mean() / returns.std(ddof=1) * 365**0.5) if returns.std() > 0 else None
    return Outcome(metrics={"sharpe": sharpe, "total": float(returns.sum())}, returns=returns, step_ns=DAY_NS)


def who(params, window):
    """Tell which process ran the trial."""
    return Outcome(metrics={"score": float(os.getpid())})


def odd_ones_fail(params, window):
    if params["x"] % 2:
        raise ValueError(f"no sense in x = {params['x']}")
    return Outcome(metrics={"score": float(params["x"])})


def wrong_answer(params, window):
    return {"score": 1.0}


class Dying:
    """Kills its own process: once for each x in `once`, always for each x in `always`."""

    def __init__(self, folder, once=(), always=()):
        self.folder, self.once, self.always = folder, once, always

    def __call__(self, params, window):
        x = params["x"]
        mark = Path(self.folder) / f"died-{x}"
        if x in self.always or (x in self.once and not mark.exists()):
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return Outcome(metrics={"score": float(x)})


class Counted:
    """Leaves a file for each time that a trial is run."""

    def __init__(self, folder, stuck_from=None):
        self.folder, self.stuck_from = folder, stuck_from

    def __call__(self, params, window):
        x = params["x"]
        if self.stuck_from is not None and x >= self.stuck_from:
            signal.pause()
        runs = len(list(Path(self.folder).glob(f"run-{x}-*")))
        (Path(self.folder) / f"run-{x}-{runs}").touch()
        return Outcome(metrics={"score": float(-x)})


class WarmUp:
    """Stands for a compiler: leaves a file that every trial looks for."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self):
        assert not self.made()
        (Path(self.folder) / f"warm-{os.getpid()}").touch()

    def made(self):
        return list(Path(self.folder).glob("warm-*"))


class AfterWarmUp:
    def __init__(self, folder):
        self.folder = folder

    def __call__(self, params, window):
        return Outcome(metrics={"score": float(len(WarmUp(self.folder).made()))})


def trial(number, params, returns=None, *, score=None, error="", window=None):
    """A trial that has ended: with daily returns, with a figure called score, or with an error."""
    outcome = None
    if not error:
        outcome = daily(returns) if returns is not None else Outcome(metrics={"score": score})
    return Trial(number=number, params=params, outcome=outcome, error=error, window=window)
