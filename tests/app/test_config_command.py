"""`xtrade config ...`: what is on the screen, in the files and in the exit code."""

import json
import os
import re
import tomllib
from pathlib import Path

import jsonschema
import pytest
import yaml

from xtrade.app.cli import run
from xtrade.app.config import Config, load
from xtrade.app.config.model import VenueConfig
from xtrade.app.config.options import options
from xtrade.app.config.starter import json_schema, options_table, starter

DOCS = Path(__file__).parents[2] / "docs" / "configuration.md"


@pytest.fixture(autouse=True)
def empty_desk(tmp_path, monkeypatch):
    """
    An empty directory, and nothing of this machine's configuration.
    """
    for name in [name for name in os.environ if name.upper().startswith("XTRADE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XTRADE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)


def xtrade(capsys, *arguments):
    code = run(["config", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def uncommented(text):
    """Take away the `#` of options and sections; prose has a space after it."""
    return re.sub(r"^#(?=\S)", "", text, flags=re.MULTILINE)


# show


def test_show_tells_every_option_its_value_and_who_set_it(capsys, monkeypatch):
    Path("xtrade.toml").write_text("[engine]\nseed = 1_000\n")
    monkeypatch.setenv("XTRADE__LOG__LEVEL", "debug")

    code, out, err = xtrade(capsys, "show", "--set", "log.form=json", "--set", "log.files_max=2")

    assert (code, err) == (0, "")
    rows = [line.split(maxsplit=2) for line in out.splitlines() if "." in line]
    rows = [[cell.strip() for cell in row] for row in rows]
    assert ["engine.mode", "paper", "default"] in rows
    assert ["engine.seed", "1_000", "xtrade.toml:2:1"] in rows
    assert ["log.level", "debug", "XTRADE__LOG__LEVEL"] in rows
    assert ["log.form", "json", "command line"] in rows
    assert ["log.files_max", "2", "command line"] in rows
    assert ["log.file", "-", "default"] in rows


def test_show_says_where_a_file_was_looked_for_when_there_is_none(capsys, tmp_path):
    _, out, _ = xtrade(capsys, "show")

    assert f"there is neither ./xtrade.toml nor {tmp_path}/home/xtrade.toml." in " ".join(
        out.split()
    ).replace("/ ", "/")


@pytest.mark.parametrize("name", ["xtrade.toml", "sub/desk.toml"])
def test_show_says_which_file_it_read(capsys, name):
    Path("sub").mkdir()
    Path(name).write_text("")

    _, out, _ = xtrade(capsys, "show", *([] if name == "xtrade.toml" else ["--config", name]))

    assert out.endswith(f"\n\nConfiguration file: ./{name}\n")


def test_a_directory_that_cannot_be_looked_into_is_not_one_without_a_configuration(
    capsys, tmp_path, as_nobody
):
    (tmp_path / "home").mkdir()
    xtrade(capsys, "show")
    with as_nobody(tmp_path / "home"):
        code, out, err = xtrade(capsys, "show")

    assert (code, out) == (3, "")
    assert err.endswith(": cannot be looked into for a configuration: permission denied\n")


def test_a_link_to_nothing_is_called_so(capsys):
    Path("xtrade.toml").symlink_to("/nowhere/x.toml")

    assert xtrade(capsys, "show") == (
        3,
        "",
        "xtrade: xtrade.toml: a link to a file that is not there, /nowhere/x.toml\n",
    )


def test_more_mistakes_are_listed_by_the_command_that_the_message_names(capsys):
    _, _, err = xtrade(capsys, "show", "--set", "engine.mood=1", "--set", "venues.okx.key=CANARY1")

    assert "run xtrade config check with the same --set)" in err
    assert "CANARY1" not in err


def test_a_key_of_another_venue_is_refused_at_its_place_and_not_repeated(capsys):
    Path("xtrade.toml").write_text(
        '[venues.okx]\nvenue = "okx"\nenvironment = "testnet"\nkey = "binance.sub1"\n'
    )

    line = (
        "xtrade.toml:4:1: venues.okx.key: the key is of another venue: expected okx, or okx.LABEL as"
        " `xtrade keys list` shows it\n"
    )
    assert xtrade(capsys, "check") == (3, line, "")


def test_show_as_json_has_the_same_facts(capsys):
    Path("desk.json").write_text('{"venues": {"okx": {"venue": "okx", "environment": "box"}}}')

    code, out, _ = xtrade(capsys, "show", "--config", "desk.json", "--json")

    answer = json.loads(out)
    assert code == 0
    assert answer["file"] == "desk.json"
    assert {
        "key": "venues.okx.environment",
        "value": "box",
        "source": "file",
        "where": "desk.json:1:37",
    } in answer["options"]
    assert {"key": "venues.okx.key", "value": None, "source": "default", "where": "default"} in answer[
        "options"
    ]


def test_show_refuses_a_wrong_configuration_with_the_first_mistake(capsys):
    Path("xtrade.toml").write_text("[engine]\nsed = 1\nmod = 1\n")

    code, out, err = xtrade(capsys, "show")

    assert (code, out) == (3, "")
    assert err == (
        "xtrade: xtrade.toml:2:1: engine.sed: unknown key. Did you mean 'seed'?"
        " (and 1 more: run xtrade config check xtrade.toml)\n"
    )


# check


def test_check_lists_every_mistake_and_exits_with_three(capsys):
    Path("desk.toml").write_text("[engine]\nsed = 1\nmod = 1\n")

    code, out, err = xtrade(capsys, "check", "desk.toml")

    assert (code, err) == (3, "")
    assert out.splitlines() == [
        "desk.toml:2:1: engine.sed: unknown key. Did you mean 'seed'?",
        "desk.toml:3:1: engine.mod: unknown key. Did you mean 'mode'?",
    ]


def test_a_line_of_check_is_never_broken_to_the_width_of_a_terminal(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    name = f"{'long' * 20}.toml"
    Path(name).write_text('[venues.okx]\nvenue = "okxx"\nenvironment = "box"')

    _, out, _ = xtrade(capsys, "check", name)

    assert out.count("\n") == 1


def test_check_as_json_lists_the_same_mistakes(capsys):
    Path("desk.toml").write_text("[engine]\nsed = 1\n")

    code, out, _ = xtrade(capsys, "check", "desk.toml", "--json")

    assert code == 3
    assert json.loads(out) == {
        "file": "desk.toml",
        "problems": [
            {"where": "desk.toml:2:1", "key": "engine.sed", "text": "unknown key. Did you mean 'seed'?"}
        ],
    }


def test_check_finds_nothing_wrong_with_a_right_file(capsys):
    Path("desk.toml").write_text("[engine]\nseed = 1\n")

    assert xtrade(capsys, "check", "desk.toml") == (0, "desk.toml: no problems\n", "")
    assert xtrade(capsys, "check")[:2] == (
        0,
        "the defaults and the environment (there is no file): no problems\n",
    )


def test_an_empty_name_is_no_file(capsys):
    assert xtrade(capsys, "check", "") == (3, "expected the name of a file, and none was given\n", "")


def test_check_of_a_missing_file_is_a_mistake_of_its_own(capsys):
    assert xtrade(capsys, "check", "desk.toml") == (3, "desk.toml: no such file.\n", "")


# init


def test_init_writes_a_starter_that_passes_check_and_sets_nothing(capsys):
    code, out, err = xtrade(capsys, "init")

    assert (code, out) == (0, "")
    assert "Wrote xtrade.toml" in err
    assert Path("xtrade.toml").read_text() == starter()
    assert xtrade(capsys, "check")[0] == 0
    assert load().config == Config()
    assert os.listdir() == ["xtrade.toml"]


def test_the_starter_without_its_marks_passes_check_too(capsys):
    Path("xtrade.toml").write_text(uncommented(starter()))

    assert xtrade(capsys, "check") == (0, "xtrade.toml: no problems\n", "")
    shown = VenueConfig(
        venue="okx", environment="testnet", key="okx", address="http://127.0.0.1:9001", dead_man="60s"
    )
    assert load().config.venues == {"okx": shown}


def test_the_starter_shows_every_option_with_its_default():
    said = tomllib.loads(uncommented(starter()))
    for named in ("venues", "strategies", "data"):
        said[named]["NAME"] = next(iter(said[named].values()))
    said["risk"]["pairs"]["NAME"] = next(iter(said["risk"]["pairs"].values()))

    for option in options(Config):
        value = said
        for part in option.key:
            value = value[part]
        assert value == option.default or value == option.examples[0]
        assert option.description.split()[0] in starter()


def test_the_starter_tells_an_example_from_a_default():
    paragraphs = [
        text for text in starter().split("\n\n") if "\n#" in text and " = " in text.rpartition("\n#")[2]
    ]

    for option, paragraph in zip(options(Config), paragraphs, strict=True):
        assert paragraph.rpartition("\n#")[2].startswith(f"{option.key[-1]} = ")
        assert ("Must be set." in paragraph) == option.required
        assert ("Not set by default." in " ".join(paragraph.split("\n# "))) == (option.default is None)


def test_init_does_not_overwrite_unless_forced(capsys):
    Path("desk.toml").write_text("mine")

    assert xtrade(capsys, "init", "desk.toml") == (
        2,
        "",
        "xtrade: desk.toml is already there: --force writes over it\n",
    )
    assert Path("desk.toml").read_text() == "mine"
    assert xtrade(capsys, "init", "desk.toml", "--force")[0] == 0
    assert Path("desk.toml").read_text() == starter()
    assert os.listdir() == ["desk.toml"]


@pytest.mark.parametrize(
    ("name", "code", "line"),
    [
        ("desk.yaml", 2, "desk.yaml: a starter is written in TOML, so its name ends in .toml"),
        ("/dev/null/desk.toml", 3, "/dev/null/desk.toml: its directory cannot be made: file exists"),
        ("", 2, "expected the name of a file to write, and none was given"),
    ],
)
def test_init_where_it_cannot_write_says_why(capsys, name, code, line):
    assert xtrade(capsys, "init", name) == (code, "", f"xtrade: {line}\n")


def test_init_makes_the_directories_that_are_missing_for_this_user_alone(capsys):
    assert xtrade(capsys, "init", "new/home/xtrade.toml")[0] == 0

    assert Path("new/home/xtrade.toml").read_text() == starter()
    assert Path("new/home").stat().st_mode & 0o777 == 0o700


def test_init_by_force_writes_the_file_behind_a_link(capsys):
    Path("dotfiles").mkdir()
    Path("dotfiles/desk.toml").write_text("mine")
    Path("xtrade.toml").symlink_to("dotfiles/desk.toml")

    assert xtrade(capsys, "init", "--force")[0] == 0

    assert Path("xtrade.toml").is_symlink()
    assert Path("dotfiles/desk.toml").read_text() == starter()
    assert os.listdir("dotfiles") == ["desk.toml"]


# schema


def test_the_schema_is_one_and_accepts_what_check_accepts(capsys):
    _, out, _ = xtrade(capsys, "schema")

    schema = json.loads(out)
    assert schema == json.loads(json.dumps(json_schema()))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for text in (starter(), uncommented(starter())):
        validator.validate(tomllib.loads(text))


@pytest.mark.parametrize(
    "text",
    [
        "engine.mood = 1",
        'engine.mode = "papr"',
        "engine.seed = -1",
        "log.files_max = 0",
        'log.file = ""',
        'venues.okx = {venue = "okx"}',
        'venues.okx = {venue = "okxx", environment = "box"}',
        'venues.OKX = {venue = "okx", environment = "box"}',
        'venues.okx = {venue = "okx", environment = "box", key = "0123456789abcdef0123456789"}',
    ],
)
def test_the_schema_refuses_what_check_refuses(capsys, text):
    Path("xtrade.toml").write_text(text)

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads(text), json_schema())
    assert xtrade(capsys, "check")[0] == 3


def test_every_option_in_the_schema_has_its_description():
    definitions = json_schema()["$defs"]

    for option in options(Config):
        held = [
            d["properties"][option.key[-1]] for d in definitions.values() if option.key[-1] in d["properties"]
        ]
        assert option.description in [each.get("description") for each in held]


# help and docs


@pytest.mark.parametrize("command", ["show", "check", "schema", "init"])
def test_help_shows_examples(capsys, command):
    code, out, _ = xtrade(capsys, command, "--help")

    assert code == 0
    assert "Examples" in out
    assert f"xtrade config {command}" in out


def test_the_table_in_the_docs_is_made_from_the_model():
    page = DOCS.read_text()

    assert options_table() in page, "run: uv run python docs/configuration_options.py"


def test_the_examples_in_the_docs_say_the_same_in_each_format():
    page = DOCS.read_text()
    blocks = {
        kind: re.findall(rf"^```{kind}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
        for kind in ("yaml", "json")
    }

    for text in blocks["yaml"]:
        Path("a.yaml").write_text(text)
    for text in blocks["json"]:
        Path("a.json").write_text(text)
    assert load("a.yaml").config == load("a.json").config != Config()
    assert yaml.safe_load(Path("a.yaml").read_text()) == json.loads(Path("a.json").read_text())
