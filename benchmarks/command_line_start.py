"""
How long a user waits for the command line, beside the least Python can do and a minimal app made with typer.

Every program is started in turn, round after round, so that whatever else the machine does hits all alike; figures are
medians, and the ratio is to `python -c pass` of the same run. Bytecode is compiled beforehand, as an installer does.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter_ns

ROUNDS = 31
WARM_UP = 2

ARGPARSE = """
import argparse
parser = argparse.ArgumentParser()
commands = parser.add_subparsers()
commands.add_parser("doctor", help="Check this machine.").add_argument("--json", action="store_true")
parser.parse_args()
"""
TYPER = """
import typer
app = typer.Typer()

@app.command()
def doctor(json: bool = False):
    "Check this machine."

@app.command()
def completion(shell: str):
    "Print a completion script."

app()
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        table = measure(programs(Path(scratch)), environment(Path(scratch)))
    base = table["python -c pass"]
    print(f"Python {sys.version.split()[0]}, {ROUNDS} rounds, medians\n")
    print("| Program | ms | × `python -c pass` |\n|---|---:|---:|")
    for name, ms in table.items():
        print(f"| {name if name.startswith('a ') else f'`{name}`'} | {ms:.0f} | {ms / base:.1f} |")


def programs(scratch: Path) -> dict[str, list[str]]:
    for name, source in (("with_argparse", ARGPARSE), ("with_typer", TYPER)):
        (scratch / f"{name}.py").write_text(source)
    xtrade = [sys.executable, "-m", "xtrade"]
    return {
        "python -c pass": [sys.executable, "-c", "pass"],
        "xtrade --help": [*xtrade, "--help"],
        "xtrade --version": [*xtrade, "--version"],
        "xtrade completion bash": [*xtrade, "completion", "bash"],
        "xtrade doctor --help": [*xtrade, "doctor", "--help"],
        "a minimal argparse app, --help": [sys.executable, str(scratch / "with_argparse.py"), "--help"],
        "a minimal typer app, --help": [sys.executable, str(scratch / "with_typer.py"), "--help"],
    }


def environment(scratch: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(scratch / "bytecode"), "HOME": str(scratch)}


def measure(commands: dict[str, list[str]], environment: dict[str, str]) -> dict[str, float]:
    took: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(WARM_UP + ROUNDS):
        for name, command in commands.items():
            began_ns = perf_counter_ns()
            subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
            if turn >= WARM_UP:
                took[name].append((perf_counter_ns() - began_ns) / 1e6)
    return {name: median(of) for name, of in took.items()}


if __name__ == "__main__":
    main()
