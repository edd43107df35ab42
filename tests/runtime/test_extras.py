"""Advice on missing parts must work where it is given: a clone made by uv has no pip."""

import json
import sys
from importlib import metadata
from types import SimpleNamespace

import pytest

from xtrade.model.errors import MissingExtra
from xtrade.runtime.extras import how_to_install, require


@pytest.fixture
def installed(monkeypatch):
    """Say how xtrade came here: the text of the record that an installer leaves, or None."""

    def by(record, *, uv="/usr/bin/uv"):
        found = SimpleNamespace(read_text=lambda name: record if name == "direct_url.json" else None)
        monkeypatch.setattr(metadata, "distribution", lambda _name: found)
        monkeypatch.setattr("shutil.which", lambda _name: uv)

    return by


def test_a_clone_is_told_to_sync_and_keeps_the_extras_it_has(installed):
    installed(json.dumps({"url": "file:///home/me/xtrade", "dir_info": {"editable": True}}))

    assert how_to_install("data") == "uv sync --inexact --extra data"
    assert how_to_install() == "uv sync --inexact"


def test_a_clone_with_the_readmes_own_uv_is_told_where_it_is(installed):
    installed(json.dumps({"url": "file:///home/me/xtrade", "dir_info": {"editable": True}}), uv=None)

    assert how_to_install("data") == ".uv/bin/uv sync --inexact --extra data"


@pytest.mark.parametrize(
    "record", [None, "", "{broken", '{"url": "file:///a/xtrade.whl", "archive_info": {}}', '{"dir_info": {}}']
)
def test_any_other_copy_is_told_the_pip_of_the_python_that_runs(installed, monkeypatch, record):
    installed(record)
    monkeypatch.setattr(sys, "executable", "/opt/my python/bin/python3")

    assert how_to_install("data") == "'/opt/my python/bin/python3' -m pip install 'xtrade[data]'"
    assert how_to_install() == "'/opt/my python/bin/python3' -m pip install xtrade"


def test_a_missing_module_is_named_with_the_command_that_brings_it(installed):
    installed(None)

    with pytest.raises(
        MissingExtra, match=r"^no_such_module is needed for this: .* install 'xtrade\[web\]'$"
    ):
        require("no_such_module", extra="web")
