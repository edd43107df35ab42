"""Invariant I21: a planted secret reaches no log, however it is written and wherever it hides."""

import base64
import dataclasses
import io
import json
import logging
from contextlib import contextmanager
from urllib.parse import quote

import msgspec
import pytest
import structlog
from hypothesis import HealthCheck, given, settings, strategies as st

from xtrade.ops.log_config import LogConfig
from xtrade.ops.log_lines import LINE_BYTES_MAX, Entry, human_line, json_line
from xtrade.ops.logs import configure
from xtrade.runtime import secrets
from xtrade.runtime.secrets import STARS, Secret

PLANTED = 'k3Y+/"canary\\%é-0123456789'
Secret(PLANTED)

TRACES = {
    "plain": PLANTED,
    "url-encoded": quote(PLANTED, safe=""),
    "base64": base64.b64encode(PLANTED.encode()).decode(),
    "base64, inside": base64.b64encode(f"key:{PLANTED}:end".encode()).decode(),
    "hex": PLANTED.encode().hex(),
    "json": json.dumps(PLANTED, ensure_ascii=False)[1:-1],
    "a recognisable piece": "canary",
    "a recognisable piece of base64": base64.b64encode(f"key:{PLANTED}:end".encode()).decode()[12:24],
}


class Struct(msgspec.Struct):
    inner: object


@dataclasses.dataclass
class Data:
    inner: object


class Odd:
    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return f"Odd({self.text})"


HIDING_PLACES = {
    "message": lambda log, s: log.info("".join(("sent with ", s))),
    "field": lambda log, s: log.info("x", header=s),
    "field name": lambda log, s: log.info("x", **{s: 1}),
    "nested": lambda log, s: log.info("x", a={"b": [{"c": (s,)}]}),
    "nested key": lambda log, s: log.info("x", a={"b": {s: 1}}),
    "bytes": lambda log, s: log.info("x", frame=s.encode()),
    "bytearray in a list": lambda log, s: log.info("x", frames=[bytearray(s.encode())]),
    "struct": lambda log, s: log.info("x", request=Struct(s)),
    "dataclass": lambda log, s: log.info("x", request=Data(s)),
    "repr": lambda log, s: log.info("x", thing=Odd(s)),
    "exception field": lambda log, s: log.info("x", error=ValueError(s)),
    "record argument": lambda _, s: logging.getLogger("lib").error("url %s", f"https://host/?signature={s}"),
    "record extra": lambda _, s: logging.getLogger("lib").error("x", extra={"headers": {"h": s}}),
    "bad record": lambda _, s: logging.getLogger("lib").error("%d", s),
    "bound": lambda log, s: log.bind(session=s).info("x"),
    "logger name": lambda _, s: structlog.get_logger(s).info("x"),
    "secret itself": lambda log, s: log.info("x", key=Secret(s)),
}


def raised(log, text):
    try:
        try:
            raise KeyError(text)
        except KeyError as error:
            error.add_note(f"note {text}")
            raise RuntimeError(f"wrapped {text}") from error
    except RuntimeError:
        log.exception("failed")


HIDING_PLACES["exception and its cause"] = raised


@pytest.mark.parametrize("written_as", ["plain", "url-encoded", "base64", "base64, inside", "hex"])
@pytest.mark.parametrize("place", HIDING_PLACES)
@pytest.mark.parametrize("form", ["json", "human"])
def test_a_planted_secret_reaches_neither_stream_nor_file(tmp_path, form, place, written_as):
    stream, path = io.StringIO(), tmp_path / "node.jsonl"
    with configure(LogConfig(form=form, file=str(path)), run_id="r", stream=stream):
        HIDING_PLACES[place](structlog.get_logger("xtrade"), TRACES[written_as])

    for output in (stream.getvalue(), path.read_text()):
        assert STARS in output
        for name, trace in TRACES.items():
            assert trace not in output, f"{name} of the secret is in {output}"


@pytest.mark.parametrize(
    "name",
    ["api_secret", "apiSecret", "passphrase", "OK-ACCESS-PASSPHRASE", "private_key", "Authorization", "X-MBX-APIKEY",
     "token", "access_token", "jwtToken", "password", "Set-Cookie", "mnemonic", "KC-API-SIGN", "signature"],
)  # fmt: skip
def test_a_field_with_a_secrets_name_is_starred_whatever_it_holds(name):
    entry = Entry(
        0, "info", "x", "request", {"headers": {name: "never-seen-before"}, name: ["never-seen-before"]}
    )

    assert "never-seen-before" not in json_line(entry) + human_line(entry, colour=False)


@pytest.mark.parametrize("name", ["tokens_left", "seed", "key", "design", "order_id", "symbol"])
def test_ordinary_words_of_the_desk_are_not_starred(name):
    assert json.loads(json_line(Entry(0, "info", "x", "y", {name: 42})))[name] == 42


# The laws ---------------------------------------------------------------------------------------------------------

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.decimals()
    | st.datetimes()
)
values = st.recursive(
    scalars, lambda v: st.lists(v) | st.dictionaries(st.text() | st.integers(), v), max_leaves=8
)
entries = st.builds(
    Entry,
    st.integers(),
    st.sampled_from(["debug", "info", "error"]),
    st.text(),
    values,
    st.dictionaries(st.text(), values, max_size=5),
    st.none() | st.text(),
)


@given(entries)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_entry_is_exactly_one_line_of_valid_json_without_control_characters(entry):
    line = json_line(entry)

    assert line.isprintable()
    assert len(line.encode()) <= LINE_BYTES_MAX
    assert {"time", "level", "logger", "event"} <= json.loads(line).keys()


@given(entries)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_entry_is_one_line_for_people_and_its_traceback_cannot_pass_for_another(entry):
    first, *gutter = human_line(entry, colour=False).split("\n")

    assert first.isprintable()
    assert all(row.isprintable() and row.startswith("    │ ") for row in gutter)
    assert bool(gutter) == bool(entry.exception and entry.exception.splitlines())


@contextmanager
def planted(value):
    """Forgotten afterwards: chance makes secrets such as "00000000", which would be cut out of every later test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(secrets, "_forms", set(secrets._forms))
        yield Secret(value)


venue_keys = st.text(st.sampled_from("abcXYZ0189+/=-_"), min_size=12, max_size=44)
passphrases = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=8)


@given(venue_keys | passphrases, st.sampled_from(["event", "field", "key", "nested", "exception"]))
def test_no_secret_survives_in_any_field_of_any_line(value, place):
    around = f"before {value} after"
    entry = {
        "event": Entry(0, "info", "x", around),
        "field": Entry(0, "info", "x", "y", {"a": around}),
        "key": Entry(0, "info", "x", "y", {around: 1}),
        "nested": Entry(0, "info", "x", "y", {"a": [{"b": around}]}),
        "exception": Entry(0, "info", "x", "y", {}, around),
    }[place]

    with planted(value):
        as_json, for_people = json_line(entry), human_line(entry, colour=True)

    assert value not in for_people
    assert value not in as_json
    assert json.loads(as_json)
