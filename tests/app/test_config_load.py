"""The configuration in effect: later layers win, each value knows who set it, and every mistake has a place."""

import json
import os
import re

import pytest
import yaml
from hypothesis import HealthCheck, given, settings, strategies as st

from xtrade.app.config import Config, load
from xtrade.app.config.load import inspect
from xtrade.app.config.model import EngineConfig, VenueConfig
from xtrade.app.config.options import ANY_NAME, options
from xtrade.model.errors import ConfigError, MissingExtra, UsageError
from xtrade.ops.log_config import LogConfig
from xtrade.runtime.extras import how_to_install
from xtrade.symbols.patterns import VENUES

FULL = """\
[engine]
mode = "live"

[venues.okx_main]
venue = "okx"
environment = "testnet"
key = "okx"

[venues.sandbox]
venue = "ccxt:kraken"
environment = "box"

[log]
level = "debug"
files_max = 3
"""

NOT_A_MODE = "expected one of paper, live, backtest, not 'papr'. Did you mean 'paper'?"
NOT_A_VENUE = (
    f"expected one of {', '.join(VENUES)}, or ccxt:NAME for another venue of ccxt's, not 'okxx'."
    " Did you mean 'okx'?"
)


@pytest.fixture(autouse=True)
def empty_desk(tmp_path, monkeypatch):
    """
    An empty directory, and nothing of this machine's configuration.
    """
    for name in [name for name in os.environ if name.upper().startswith("XTRADE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XTRADE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def write(text, name="xtrade.toml"):
    with open(name, "w", encoding="utf-8") as file:
        file.write(text)
    return name


def problems(text="", name="xtrade.toml", overrides=()):
    return [problem.line() for problem in inspect(write(text, name), overrides=overrides).problems]


# Layers


def test_without_a_file_the_defaults_hold_and_the_mode_is_paper():
    loaded = load()

    assert loaded.config == Config()
    assert loaded.config.engine.mode == "paper"
    assert loaded.file is None
    assert {setting.source for setting in loaded.settings()} == {"default"}


def test_later_layers_win_and_each_value_knows_who_set_it(monkeypatch):
    write('[engine]\nseed = 1\n[log]\nlevel = "debug"\nform = "json"\nfile = "a"\n')
    monkeypatch.setenv("XTRADE__LOG__FORM", "human")
    monkeypatch.setenv("XTRADE__LOG__FILE", "b")

    loaded = load(overrides=["log.file=c"])

    assert loaded.config.engine == EngineConfig(seed=1)
    assert loaded.config.log == LogConfig(level="debug", form="human", file="c")
    set_by = {setting.key: (setting.value, setting.source, setting.where) for setting in loaded.settings()}
    assert set_by["engine.mode"] == ("paper", "default", "default")
    assert set_by["engine.seed"] == (1, "file", "xtrade.toml:2:1")
    assert set_by["log.level"] == ("debug", "file", "xtrade.toml:4:1")
    assert set_by["log.form"] == ("human", "environment", "XTRADE__LOG__FORM")
    assert set_by["log.file"] == ("c", "command line", "command line")
    assert loaded.origin("log", "form").where == "XTRADE__LOG__FORM"
    assert loaded.origin("engine", "mode").source == "default"


def test_layers_meet_inside_a_section_that_the_user_named(monkeypatch):
    write('[venues.okx]\nvenue = "okx"\n')
    monkeypatch.setenv("XTRADE__VENUES__OKX__ENVIRONMENT", "testnet")
    monkeypatch.setenv("XTRADE__VENUES__OKX_SUB__VENUE", "okx")

    loaded = load(overrides=["venues.okx_sub.environment=box", "venues.okx.key=okx.desk"])

    assert loaded.config.venues == {
        "okx": VenueConfig(venue="okx", environment="testnet", key="okx.desk"),
        "okx_sub": VenueConfig(venue="okx", environment="box"),
    }


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        ("XTRADE__ENGINE__SEED", "42", ("engine", "seed", 42)),
        ("XTRADE__LOG__FILE_BYTES_MAX", "20_000_000", ("log", "file_bytes_max", 20_000_000)),
        ("XTRADE__LOG__FILE", "5", ("log", "file", "5")),
        ("XTRADE__LOG__FILE", "null", ("log", "file", "null")),
        ("XTRADE__LOG__FILE", "", ("log", "file", None)),
    ],
)
def test_a_text_is_read_by_the_type_of_its_option(monkeypatch, variable, text, value):
    monkeypatch.setenv(variable, text)
    section, option, expected = value

    assert getattr(getattr(load().config, section), option) == expected


@pytest.mark.parametrize(
    ("variable", "text", "line"),
    [
        (
            "XTRADE__ENGINE__MOOD",
            "x",
            "XTRADE__ENGINE__MOOD: engine.mood: unknown key. Did you mean 'mode'?",
        ),
        (
            "XTRADE__ENGINE__MODE",
            "papr",
            f"XTRADE__ENGINE__MODE: engine.mode: {NOT_A_MODE}",
        ),
        (
            "XTRADE__ENGINE__SEED",
            "",
            "XTRADE__ENGINE__SEED: engine.seed: expected a whole number from 0 to 4,294,967,295, not ''",
        ),
        (
            "XTRADE__ENGINE",
            "paper",
            (
                "XTRADE__ENGINE: engine: is a section with options of its own"
                " (mode, seed, on_exit, unknown_orders, name), not a value"
            ),
        ),
        (
            "XTRADE__VENUES",
            "okx",
            "XTRADE__VENUES: venues: holds sections that you name, as [venues.NAME], not a value",
        ),
        (
            "XTRADE__",
            "x",
            (
                "XTRADE__: '': unknown key:"
                " expected one of engine, strategies, data, backtest, paper, risk, venues, journal, log"
            ),
        ),
        (
            "XTRADE__Log__Level",
            "debug",
            "XTRADE__Log__Level: is not read: write it in capitals, XTRADE__LOG__LEVEL",
        ),
        (
            "XTRADE_LOG_LEVEL",
            "debug",
            "XTRADE_LOG_LEVEL: is not read: did you mean XTRADE__LOG__LEVEL, with two underscores?",
        ),
        (
            "XTRADE__LOG__FILE",
            "a\x1b[2J",
            "XTRADE__LOG__FILE: log.file: expected a text without control characters",
        ),
    ],
)
def test_a_variable_that_would_be_ignored_is_an_error_with_a_suggestion(monkeypatch, variable, text, line):
    monkeypatch.setenv(variable, text)

    with pytest.raises(ConfigError) as caught:
        load()

    assert str(caught.value) == line


def test_other_variables_are_left_alone(monkeypatch):
    monkeypatch.setenv("XTRADE_DEBUG", "1")
    monkeypatch.setenv("XTRADELOGLEVEL", "1")
    monkeypatch.setenv("XTRADER_HOME", "1")

    assert load().config == Config()


@pytest.mark.parametrize("override", ["engine.mode", "=paper", " =paper", ""])
def test_a_flag_without_key_or_value_is_a_usage_error(override):
    with pytest.raises(UsageError, match="--set takes KEY=VALUE, as in"):
        load(overrides=[override])


def test_the_last_flag_wins_and_a_value_may_hold_an_equals_sign():
    loaded = load(overrides=["log.file=a", "log.file=b=c"])

    assert loaded.config.log.file == "b=c"


def test_a_mistake_is_found_even_where_a_later_layer_hides_it():
    assert problems('[engine]\nmode = "papr"', overrides=["engine.mode=paper"]) == [
        f"xtrade.toml:2:1: engine.mode: {NOT_A_MODE}"
    ]


# Files


def test_the_file_is_the_named_one_or_the_variables_or_here_or_at_home(tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    (home / "xtrade.toml").write_text("engine.seed = 1")
    assert load().config.engine.seed == 1

    write("engine.seed = 2")
    assert load().config.engine.seed == 2

    monkeypatch.setenv("XTRADE_CONFIG", write("engine.seed = 3", "by-variable.toml"))
    assert load().config.engine.seed == 3

    assert load(write("engine.seed = 4", "named.toml")).config.engine.seed == 4


@pytest.mark.parametrize("name", ["xtrade.json", "xtrade.yaml", "xtrade.yml"])
def test_a_file_in_another_format_is_found_too(name):
    write('{"engine": {"seed": 5}}', name)

    assert load().config.engine.seed == 5


def test_two_files_side_by_side_are_an_error():
    write("")
    write("{}", "xtrade.json")

    with pytest.raises(
        ConfigError, match=r"^xtrade.toml: there is also xtrade.json: keep one, or name one with --config$"
    ):
        load()


def test_a_named_file_that_is_missing_is_an_error_with_a_suggestion(monkeypatch):
    write("", "prod.toml")

    with pytest.raises(ConfigError, match=r"^prd.toml: no such file\. Did you mean 'prod.toml'\?$"):
        load("prd.toml")

    with pytest.raises(ConfigError, match=r"^~nobody-here/prod.toml: no such file\.$"):
        load("~nobody-here/prod.toml")

    monkeypatch.setenv("XTRADE_CONFIG", "nowhere/other.toml")
    with pytest.raises(ConfigError, match=r"^nowhere/other.toml: no such file\. \(XTRADE_CONFIG names it\)$"):
        load()


def test_yaml_without_its_extra_says_how_to_install_it(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "yaml", None)

    with pytest.raises(MissingExtra, match=re.escape(how_to_install("yaml"))):
        load(write("", "a.yaml"))


@pytest.mark.parametrize("name", ["a.yaml", "a.json"])
def test_a_section_with_everything_commented_out_is_empty(name):
    text = {"a.yaml": "engine:\n  # seed: 1\nvenues:\n", "a.json": '{"engine": null, "venues": null}'}[name]

    assert load(write(text, name)).config == Config()
    assert load(write("", "empty.yaml")).config == Config()


# Mistakes


def test_every_mistake_of_a_file_is_one_line_with_its_place():
    text = """\
mode = "paper"
[engine]
mode = "papr"
sed = 5
[venues.okx]
venue = "okxx"
enviroment = "live"
[venues.OKX-2]
[log]
files_max = 0
file_bytes_max = true
file = 5
"""

    assert problems(text) == [
        "xtrade.toml:1:1: mode: unknown key. Did you mean 'engine.mode'?",
        f"xtrade.toml:3:1: engine.mode: {NOT_A_MODE}",
        "xtrade.toml:4:1: engine.sed: unknown key. Did you mean 'seed'?",
        f"xtrade.toml:6:1: venues.okx.venue: {NOT_A_VENUE}",
        "xtrade.toml:7:1: venues.okx.enviroment: unknown key. Did you mean 'environment'?",
        "xtrade.toml:8:9: venues.OKX-2: expected a name of small letters, digits and single underscores, not 'OKX-2'",
        "xtrade.toml:10:1: log.files_max: expected a whole number from 1 to 10,000, not 0",
        "xtrade.toml:11:1: log.file_bytes_max: expected a whole number from 1,000 to 1,000,000,000,000, not true",
        "xtrade.toml:12:1: log.file: expected a text, not 5",
        "xtrade.toml:5:9: venues.okx: 'environment' is missing: expected one of live, testnet, box",
    ]


@pytest.mark.parametrize(
    ("name", "text", "where"),
    [
        ("a.toml", '[venues]\nokx = {venue = "okx",  enviroment = "box"}', "a.toml:2:24"),
        ("a.json", '{"venues": {"okx": {"venue": "okx",\n  "enviroment": "box"}}}', "a.json:2:3"),
        ("a.yaml", "venues:\n  okx:\n    venue: okx\n    enviroment: box", "a.yaml:4:5"),
    ],
)
def test_the_place_of_a_mistake_is_exact_in_each_format(name, text, where):
    assert problems(text, name)[0] == (
        f"{where}: venues.okx.enviroment: unknown key. Did you mean 'environment'?"
    )


def test_what_is_missing_is_missing_where_its_section_begins(monkeypatch):
    monkeypatch.setenv("XTRADE__VENUES__OKX__KEY", "okx")

    assert problems('[venues.okx]\nvenue = "okx"') == [
        "xtrade.toml:1:9: venues.okx: 'environment' is missing: expected one of live, testnet, box"
    ]


def test_load_raises_the_first_mistake_and_tells_how_to_see_the_others():
    write('[engine]\nsed = 5\nmode = "papr"\nlevel = "info"', "desk.toml")

    with pytest.raises(ConfigError) as caught:
        load("desk.toml")

    assert str(caught.value) == (
        "desk.toml:2:1: engine.sed: unknown key. Did you mean 'seed'? (and 2 more: run xtrade config check desk.toml)"
    )


def test_a_misplaced_option_is_told_its_section():
    assert problems('[engine]\nlevel = "info"\nkey = "okx"') == [
        "xtrade.toml:2:1: engine.level: unknown key. Did you mean 'log.level'?",
        "xtrade.toml:3:1: engine.key: unknown key. Did you mean 'venues.NAME.key'?",
    ]


def test_live_needs_an_account_that_can_trade():
    data_only = '[venues.okx]\nvenue = "okx"\nenvironment = "live"\n'
    live = '[engine]\nmode = "live"\n'
    refusal = (
        "xtrade.toml:2:1: engine.mode: live needs an account that can trade: add [venues.NAME] and give it a key"
        " (`xtrade keys add VENUE`)"
    )

    assert problems(live) == [refusal]
    assert problems(live + data_only) == [refusal]
    assert problems(live + data_only + 'key = "okx"') == []
    assert problems(live + data_only.replace('"live"', '"box"')) == []
    assert problems("", overrides=["engine.mode=live"])[0].startswith("command line: engine.mode: live needs")


# Secrets

CANARY = "c4n4ryC4N4RY"


@pytest.mark.parametrize(
    "name", ["api_secret", "secret", "apiKey", "api-key", "privateKey", "passphrase", "TOKEN"]
)
def test_a_secret_in_a_configuration_is_refused_with_advice_and_never_repeated(name):
    (line,) = problems(f'[venues.okx]\nvenue = "okx"\nenvironment = "box"\n{name} = "{CANARY}"')

    assert line == (
        f"xtrade.toml:4:1: venues.okx.{name}: a secret does not belong in a configuration: store it with"
        " `xtrade keys add VENUE`, then give the name of that entry here, as key = 'NAME'"
    )


@pytest.mark.parametrize(
    "override",
    [
        f"venues.okx.key={CANARY}",
        "venues.okx.key=ab12ab12ab12ab12ab12ab12",
        "venues.okx.key=a1b2c3d4-1234-1234-1234-123456789abc",
        f"log.passphrase={CANARY}",
        f"engine.mode={CANARY * 3}",
        f"engine.nonsense={CANARY}",
        f"{CANARY * 8}=1",
    ],
)
def test_what_may_be_a_secret_is_not_repeated(override):
    secret = (
        max(re.split("[.=]", override), key=len) if CANARY * 8 in override else override.partition("=")[2]
    )

    with pytest.raises(ConfigError) as caught:
        load(overrides=[override])

    assert secret not in str(caught.value)


# Laws

names = st.from_regex(r"[a-z][a-z0-9]{0,5}(_[a-z0-9]{1,4}){0,2}", fullmatch=True)
files = st.none() | st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=8)


def keys_at(venue):
    return st.from_regex(r"(\.[a-z0-9]{1,8})?", fullmatch=True).map(lambda label: f"{venue}{label}")


accounts = st.sampled_from([*VENUES, "ccxt:kraken"]).flatmap(
    lambda venue: st.builds(
        VenueConfig,
        venue=st.just(venue),
        environment=st.sampled_from(["live", "testnet", "box"]),
        key=st.none() | keys_at(venue),
    )
)
tradable = st.builds(VenueConfig, venue=st.just("okx"), environment=st.just("box"), key=keys_at("okx"))
configs = st.builds(
    Config,
    engine=st.builds(
        EngineConfig, mode=st.sampled_from(["paper", "live", "backtest"]), seed=st.integers(0, 2**32 - 1)
    ),
    venues=st.dictionaries(names, accounts, max_size=3).flatmap(
        lambda some: tradable.map(lambda account: {**some, "sure": account})
    ),
    log=st.builds(
        LogConfig,
        level=st.sampled_from(["debug", "info", "warning", "error"]),
        form=st.sampled_from(["auto", "human", "json"]),
        file=files,
        file_bytes_max=st.integers(1_000, 10**12),
        files_max=st.integers(1, 10_000),
    ),
)
within_one_desk = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def tree(config):
    """The configuration as plain sections; TOML has no word for none, so none is left out."""
    import msgspec

    def without_none(value):
        return (
            {k: without_none(v) for k, v in value.items() if v is not None}
            if isinstance(value, dict)
            else value
        )

    return without_none(msgspec.to_builtins(config))


def as_toml(config):
    return "\n".join(
        f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in _flat("", tree(config))
    )


def _flat(key, value):
    if not isinstance(value, dict):
        yield key, value
        return
    for name, each in value.items():
        yield from _flat(f"{key}.{name}" if key else name, each)


WRITERS = {
    "law.toml": as_toml,
    "law.json": lambda config: json.dumps(tree(config), indent=1),
    "law.yaml": lambda config: yaml.safe_dump(tree(config), allow_unicode=True),
}


@pytest.mark.parametrize("name", WRITERS)
@given(config=configs)
@within_one_desk
def test_a_configuration_is_the_same_in_every_format(name, config):
    assert load(write(WRITERS[name](config), name)).config == config


@given(config=configs)
@within_one_desk
def test_a_configuration_is_the_same_from_the_command_line(config):
    assignments = [line.split(" = ", 1) for line in as_toml(config).splitlines()]
    values = [(key, json.loads(value)) for key, value in assignments]
    overrides = [f"{key}={', '.join(value) if isinstance(value, list) else value}" for key, value in values]

    assert load(overrides=overrides).config == config


FULL_TREE = {
    "engine": {"mode": "live", "seed": 3},
    "venues": {"okx_main": {"venue": "okx", "environment": "testnet", "key": "okx"}},
    "log": {"level": "debug", "files_max": 3, "file": "a.log"},
}
VALID = {
    "law.toml": FULL,
    "law.json": json.dumps(FULL_TREE, indent=2),
    "law.yaml": yaml.safe_dump(FULL_TREE),
}
SNIPPETS = [
    "[",
    "]",
    "{",
    "}",
    '"',
    "'",
    "=",
    ":",
    "\n",
    ",",
    ".",
    "#",
    "- ",
    "[[x]]",
    "&a ",
    "*a",
    "!!int ",
    "\\",
    "é",
]
SNIPPETS += [
    "\x00",
    "\x1b",
    "\ud800",
    "'''",
    '"""',
    "9" * 500,
    "1e999",
    "nan",
    "null",
    "true",
    "a = 1\n",
    "  ",
    "\t",
]


@st.composite
def damaged(draw, text):
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        cut = draw(st.sampled_from([0, 0, 1, 1, 2, 8, 40]))
        text = text[:at] + draw(st.sampled_from(["", *SNIPPETS]) | st.text(max_size=2)) + text[at + cut :]
    return text


@pytest.mark.parametrize("name", VALID)
@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
def test_a_damaged_file_is_a_configuration_or_one_line_for_each_problem(name, data):
    text = data.draw(damaged(VALID[name]))
    with open(name, "wb") as file:
        file.write(text.encode("utf-8", "surrogatepass"))

    inspection = inspect(name)

    assert (inspection.loaded is None) == bool(inspection.problems)
    for problem in inspection.problems:
        line = problem.line()
        assert line.isprintable()
        assert re.match(rf"{name}:\d+:\d+: \S", line)
    if inspection.problems:
        with pytest.raises(ConfigError) as caught:
            load(name)
        assert str(caught.value).startswith(inspection.problems[0].line())


def test_every_option_can_be_set_in_the_environment_and_on_the_command_line(monkeypatch):
    """
    The names of options and accounts must survive capitals and the two underscores between them.
    """
    for option in options(Config):
        words = [word for word in option.key if word != ANY_NAME]
        assert all(word == word.lower() and "__" not in word and word.strip("_") == word for word in words)


# tables


def test_a_table_of_parameters_is_laid_over_name_by_name(tmp_path, monkeypatch):
    file = tmp_path / "run.toml"
    file.write_text(
        '[strategies.one]\nstrategy = "sma"\nparams = { instrument = "sim:BTC/USDT", fast = 5, base = 0.5 }\n'
    )
    monkeypatch.setenv("XTRADE__STRATEGIES__ONE__PARAMS__FAST", "7")

    loaded = load(file, overrides=["strategies.one.params.slow=30"])

    params = loaded.config.strategies["one"].params
    assert params == {"instrument": "sim:BTC/USDT", "fast": 7, "base": 0.5, "slow": 30}
    assert loaded.origin("strategies", "one", "params", "fast").source == "environment"
    assert "strategies.one.params.slow" in [setting.key for setting in loaded.settings()]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("params = 5", "strategies.one.params: expected a table of names and values"),
        ("params = { fast = [1] }", "strategies.one.params.fast: expected a text or a whole number"),
    ],
)
def test_a_table_that_is_none_is_told_with_its_place(tmp_path, text, says):
    file = tmp_path / "run.toml"
    file.write_text(f'[strategies.one]\nstrategy = "sma"\n{text}\n')

    with pytest.raises(ConfigError, match=says):
        load(file)
