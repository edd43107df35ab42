"""A sweep that gets stuck at x = 6: tells each trial that ended, and at last what was left of it."""

import sys

from kit.trials import Counted
from xtrade.research.sweep.progress import Quiet
from xtrade.research.sweep.space import Space
from xtrade.research.sweep.sweep import sweep


class Telling(Quiet):
    """Writes a line for each trial."""

    def ended(self, trial, best):
        """A trial has ended."""
        say(f"ended {trial.params['x']}")


def say(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    runs, store = sys.argv[1:]
    found = sweep(
        Counted(runs, stuck_from=6),
        Space.of(x=range(12)),
        objective="score",
        store=store,
        code="one",
        workers=2,
        watcher=Telling(),
    )
    say(f"interrupted={found.interrupted} trials={len(found.trials)} best={found.best_params}")
