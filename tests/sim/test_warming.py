"""The first compilation is told as it goes, and later ones are not: there are none."""

import ast
import os
import subprocess
import sys

SCRIPT = """
import sys
from xtrade.sim.warming import warm_up
told = []
warm_up(lambda done, count: told.append((done, count)), bars=sys.argv[1] == "bars")
print(len(told), sorted(told) == told, told[-1:])
"""


def warmed(cache, what):
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, what],
        env=os.environ | {"NUMBA_CACHE_DIR": str(cache)},
        capture_output=True,
        check=True,
        text=True,
        timeout=300,
    )
    return ran.stdout.split(maxsplit=2)


def test_the_first_compilation_is_told_as_it_goes_and_the_next_process_has_nothing_to_tell(tmp_path):
    times, ascending, last = warmed(tmp_path, "tape")
    ((done, count),) = ast.literal_eval(last)

    assert int(times) > 50
    assert ascending == "True"
    assert done == count
    assert warmed(tmp_path, "tape") == ["0", "True", "[]\n"]
