"""Every page tells the truth: its Python runs, its commands answer what it shows, its tables match the contracts."""

import doctest
import importlib
import os
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import xtrade

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("docs/**/*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
FENCE = re.compile(r"^```(python|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# A file that a page asks for, so that the commands after it find it.
FILE = re.compile(r"^Put this into `([\w.]+)`:\n\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language):
    for page in PAGES:
        text = page.read_text()
        for found in FENCE.finditer(text):
            if found[1] == language:
                line = text[: found.start()].count("\n") + 1
                files = dict(FILE.findall(text[: found.start()]))
                yield pytest.param(found[2], files, id=f"{page.relative_to(ROOT)}:{line}")


@pytest.fixture
def elsewhere(tmp_path):
    """An empty directory and a home of its own, as a newcomer has them; the installed command is found first."""
    keep = {
        name: value for name, value in os.environ.items() if not name.startswith(("XTRADE", "XDG", "COV"))
    }
    environment = keep | {
        "HOME": str(tmp_path),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "110",
        "NO_COLOR": "1",
    }
    return {
        "cwd": tmp_path,
        "env": environment,
        "capture_output": True,
        "text": True,
        "timeout": 180,  # the first command that plays anything compiles the simulator
        "check": False,
    }


@pytest.mark.parametrize(("code", "_files"), list(blocks("python")))
def test_the_python_of_a_page_runs(code, _files, elsewhere):
    ran = subprocess.run([sys.executable, "-W", "error", "-c", code], **elsewhere)

    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize(("session", "files"), list(blocks("console")))
def test_the_commands_of_a_page_answer_what_it_shows(session, files, elsewhere):
    for name, text in files.items():
        (elsewhere["cwd"] / name).write_text(text)
    for command, shown in _commands(session):
        ran = subprocess.run(["bash", "-c", command], stdin=subprocess.DEVNULL, **elsewhere)
        said = [line.rstrip() for line in (ran.stdout + ran.stderr).splitlines()]
        assert "Traceback" not in ran.stderr
        if shown:
            assert _matches(shown, said), f"$ {command}\n" + "\n".join(said)
        else:
            assert ran.returncode == 0, f"$ {command}\n" + "\n".join(said)


@pytest.mark.parametrize(
    "module",
    [module.name for module in pkgutil.walk_packages(xtrade.__path__, "xtrade.") if not module.ispkg],
)
def test_the_examples_in_a_docstring_say_what_they_show(module):
    if module.endswith("__main__"):
        return

    assert doctest.testmod(importlib.import_module(module), raise_on_error=True).failed == 0


def test_the_floors_of_the_architecture_page_are_those_of_the_contract():
    layers = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0][
        "layers"
    ]
    contract = {
        (9 - depth, room.strip(" ()"), "(" in room)
        for depth, layer in enumerate(layers)
        for room in layer.split("|")
    }
    rows = re.findall(
        r"^\| (\d) \| `(\w+)` \| (.*) \|$", (ROOT / "docs/architecture.md").read_text(), re.MULTILINE
    )

    assert {(int(floor), room, text.startswith("*planned*")) for floor, room, text in rows} == contract


def test_every_page_has_its_place_in_the_navigation():
    shown = set(re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text()))

    assert shown == {
        str(page.relative_to(ROOT / "docs")) for page in PAGES if page.is_relative_to(ROOT / "docs")
    }


def _commands(session):
    """Each `$ command` of a console block with the lines shown below it."""
    command, shown = None, []
    for line in session.splitlines():
        if line.startswith("$ "):
            if command:
                yield command, shown
            command, shown = line[2:], []
        elif line.strip() or shown:
            shown.append(line.rstrip())
    if command:
        yield command, shown


def _matches(shown, said):
    """Compare line by line; a line `...` stands for any lines."""
    while shown and not shown[-1]:
        shown = shown[:-1]
    while said and not said[-1]:
        said = said[:-1]
    pattern = "\n".join(".*" if line == "..." else re.escape(line) for line in shown)
    return re.fullmatch(pattern, "\n".join(said), re.DOTALL) is not None
