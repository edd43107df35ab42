"""Every key of a configuration file has a place: the line and column where a reader finds it."""

import datetime as dt
import json
import tomllib

import pytest
import yaml
from hypothesis import given, settings, strategies as st

from xtrade.app.config.documents import Document, read_document
from xtrade.app.config.json_document import read_json
from xtrade.app.config.problems import Malformed
from xtrade.app.config.toml_places import locate
from xtrade.app.config.yaml_document import read_yaml

# What a scanner could take for structure, and letters of one, two and four bytes.
TRICKY = "ab0_- .=#[]{},:'\"\\/\n\té€🜚~|>*&!%@`"
names = st.one_of(
    st.sampled_from(["engine", "mode", "a", "b"]), st.text(TRICKY.replace("\n", ""), max_size=5)
)
texts = st.text(TRICKY, max_size=12) | st.sampled_from(['a"', 'a""', "a'", "a''", "x = 1\n[y]\n", "\\"])
numbers = st.one_of(
    st.integers(-(10**9), 10**9), st.booleans(), st.floats(allow_nan=False, allow_infinity=False)
)
moments = st.sampled_from(
    [
        dt.date(1979, 5, 27),
        dt.time(7, 32),
        dt.datetime(1979, 5, 27, 7, 32),  # noqa: DTZ001  (TOML has local times)
        dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    ]
)


def trees(leaves):
    values = st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
        max_leaves=10,
    )
    tables = st.lists(st.dictionaries(names, values, max_size=2), min_size=2, max_size=3)
    return st.dictionaries(names, values | tables, max_size=4)


def paths(value, key=()):
    """Every key of a tree, and what stands there."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inside:
        yield (*key, name), each
        yield from paths(each, (*key, name))


class TomlWriter:
    """Writes a tree in TOML, each thing in any of the ways that TOML has for it."""

    def __init__(self, draw):
        self.draw = draw
        self.lines = []

    def one_of(self, *choices):
        return self.draw(st.sampled_from(choices))

    def space(self):
        return self.one_of("", "", " ", "\t ")

    def comment(self):
        return self.one_of("", "", " # a = 1 ] } \"'", "#[x]")

    def line(self, text):
        self.lines += [
            self.space() + text + self.space() + self.comment(),
            *self.one_of((), ("",), ("# [y]", "  ")),
        ]

    def name(self, name):
        ways = [json.dumps(name, ensure_ascii=False)]
        if all(ord(letter) < 65536 for letter in name):
            ways.append(json.dumps(name))
        if name and name.isascii() and all(c.isalnum() or c in "_-" for c in name):
            ways.append(name)
        if "'" not in name:
            ways.append(f"'{name}'")
        return self.one_of(*ways)

    def names(self, key):
        return f"{self.space()}.{self.space()}".join(map(self.name, key))

    def value(self, value):
        match value:
            case bool():
                return json.dumps(value)
            case int() | float():
                return repr(value)
            case str():
                return self.text(value)
            case list():
                gap = self.one_of("", " ", "\n", " # ,]\n\t")
                inside = ",".join(f"{gap}{self.value(each)}{gap}" for each in value)
                return f"[{inside}{self.one_of('', ',' + gap) if value else gap}]"
            case dict():
                inside = ", ".join(f"{self.name(n)} ={self.space()}{self.value(v)}" for n, v in value.items())
                return f"{{{self.space()}{inside}{self.space()}}}"
            case _:
                return value.isoformat().replace("T", self.one_of("T", " "))

    def text(self, text):
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        ways = ['"' + escaped.replace("\n", "\\n").replace("\t", "\\t") + '"', f'"""\n{escaped}"""']
        if '"""' not in text and "\\" not in text:
            ways.append(f'"""\n{text}"""')
        if "'''" not in text:
            ways.append(f"'''\n{text}'''")
        if not {"'", "\n"} & {*text}:
            ways.append(f"'{text}'")
        return self.one_of(*ways)

    def table(self, tree, header=(), within=()):
        """Options first, for everything after the header of a table inside belongs to that one."""
        later = []
        for name, value in tree.items():
            dotted = (*within, name)
            if isinstance(value, dict) and not within and self.draw(st.booleans()):
                later.append((name, value))
            elif isinstance(value, dict) and value and self.draw(st.booleans()):
                assert not self.table(value, header, dotted)
            elif self.are_tables(value) and not within and self.draw(st.booleans()):
                later.append((name, value))
            else:
                self.line(f"{self.names(dotted)}{self.space()}={self.space()}{self.value(value)}")
        for name, value in later:
            for each in value if isinstance(value, list) else [value]:
                written = self.names((*header, name))
                self.line(f"[[{written}]]" if isinstance(value, list) else f"[{written}]")
                self.table(each, (*header, name))
        return later

    @staticmethod
    def are_tables(value):
        return isinstance(value, list) and value and all(isinstance(each, dict) for each in value)


@st.composite
def toml_documents(draw):
    writer = TomlWriter(draw)
    writer.table(draw(trees(numbers | texts | moments)))
    return draw(st.sampled_from(["\n", "\r\n"])).join(writer.lines)


def name_at(text, index):
    """Read the one TOML name that begins at `index`, by the library, not by the scanner under test."""
    for end in range(index + 1, len(text) + 1):
        try:
            (name,) = tomllib.loads(f"{text[index:end]} = 0")
        except (tomllib.TOMLDecodeError, ValueError):
            continue
        if text[end : end + 1] in {" ", "\t", ".", "=", "]"} and isinstance(name, str):
            return name
    return None


@given(toml_documents())
@settings(deadline=None)
def test_every_key_of_a_toml_document_is_where_it_is_said_to_be(text):
    tree = tomllib.loads(text)
    places = locate(text)

    assert set(places) == {key for key, _ in paths(tree)}
    for key, value in paths(tree):
        here = text[places[key] :]
        if isinstance(key[-1], str):
            assert name_at(text, places[key]) == key[-1]
        elif isinstance(value, dict):
            # A table of an array stands at the last name of its header.
            assert here[0] == "{" or name_at(text, places[key]) == key[-2]
        else:
            assert here[0] in {list: "[", str: "'\"", bool: "tf"}.get(type(value), "-0123456789")


def test_what_looks_like_a_key_in_a_text_or_comment_is_none():
    text = '''\
# mode = 1
[[lists]] # [other]
a = """
mode = 2
""\\""""
[[lists]]
"a b".c = [ 1, # mode = 3
  {mode = "]"}]
[lists.mode]
mode = '\\'
'''

    found = {".".join(map(str, key)): text[:index].count("\n") + 1 for key, index in locate(text).items()}

    assert found == {
        "lists": 2,
        "lists.0": 2,
        "lists.0.a": 3,
        "lists.1": 6,
        "lists.1.a b": 7,
        "lists.1.a b.c": 7,
        "lists.1.a b.c.0": 7,
        "lists.1.a b.c.1": 8,
        "lists.1.a b.c.1.mode": 8,
        "lists.1.mode": 9,
        "lists.1.mode.mode": 10,
    }


@given(trees(numbers | texts | st.none()), st.sampled_from([None, 0, 3]), st.booleans())
@settings(deadline=None)
def test_every_key_of_a_json_document_is_where_it_is_said_to_be(tree, indent, ascii_only):
    text = json.dumps(tree, indent=indent, ensure_ascii=ascii_only)

    found, places = read_json(text)

    assert found == json.loads(text)
    assert set(places) == {key for key, _ in paths(tree)}
    for key, value in paths(tree):
        there, _ = json.JSONDecoder().raw_decode(text, places[key])
        assert there == (key[-1] if isinstance(key[-1], str) else value)


@given(
    trees(st.integers(-(10**9), 10**9) | st.booleans() | texts | st.none()),
    st.sampled_from([True, False, None]),
)
@settings(deadline=None)
def test_every_key_of_a_yaml_document_is_where_it_is_said_to_be(tree, flow):
    text = yaml.safe_dump(tree, default_flow_style=flow, allow_unicode=True, width=30)

    found, places = read_yaml(text)

    assert found == tree
    assert set(places) == {key for key, _ in paths(tree)}
    for key, _ in paths(tree):
        if isinstance(key[-1], str):
            tokens = yaml.scan(text[places[key] :])
            assert next(token.value for token in tokens if isinstance(token, yaml.ScalarToken)) == key[-1]


@pytest.mark.parametrize(
    ("word", "means"),
    [
        ("no", "no"),
        ("on", "on"),
        ("12:30", "12:30"),
        ("010", 10),
        ("2026-01-01", "2026-01-01"),
        ("1_0", "1_0"),
        ("true", True),
        ("~", None),
        ("", None),
        ("1.5", 1.5),
        ("-.inf", float("-inf")),
        ("'5'", "5"),
        ("0x10", "0x10"),
    ],
)
def test_yaml_words_mean_what_they_look_like(word, means):
    assert read_yaml(f"a: {word}") == ({"a": means}, {("a",): 0})


@pytest.mark.parametrize(
    ("text", "index", "says"),
    [
        ("a: &x 1\nb: *x", 3, "anchors and aliases are not read"),
        ("a: *x", 3, "anchors and aliases are not read"),
        ("a: !!python/object/apply:os.system ['true']", 3, "tags are not read"),
        ("a: !!int '3'", 3, "tags are not read"),
        ("a: 1\na: 2", 5, "the key is here a second time"),
        ("a: 1\n---\nb: 2", 5, "one document"),
        ("? [a, b]\n: 1", 2, "expected a plain key"),
        ("a: [1", 5, "flow sequence"),
        ("a: \x07", 3, "does not allow"),
    ],
)
def test_yaml_that_hides_its_meaning_is_refused_with_its_place(text, index, says):
    with pytest.raises(Malformed, match=says) as caught:
        read_yaml(text)

    assert caught.value.index == index


@pytest.mark.parametrize(
    ("text", "index", "says"),
    [
        ('{"a": 1, "a": 2}', 9, "the key is here a second time"),
        ('{"a": 1,}', 7, "no comma after the last entry"),
        ('{"a": 1 "b": 2}', 8, "expected ','"),
        ('{"a" 1}', 5, "expected ':'"),
        ("{a: 1}", 1, "expected a key in double quotes"),
        ("{1: 1}", 1, "expected a key in double quotes"),
        ('{"a": // one\n 1}', 6, "JSON has no comments"),
        ('{"a": 1} x', 9, "expected the end of the file"),
        ('{"a": "b', 6, "unterminated string"),
        ("", 0, "expected a value"),
        ('{"a": [1, ', 10, "expected a value"),
    ],
)
def test_json_that_cannot_be_read_says_where(text, index, says):
    with pytest.raises(Malformed, match=says) as caught:
        read_json(text)

    assert caught.value.index == index


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("a.toml", b"a = 1\n\n  c 5\n", "a.toml:3:5: expected '=' after a key in a key/value pair"),
        ("a.toml", b"a = 1\r\na = 2\r\n", "a.toml:2:6: the key is here a second time"),
        ("a.toml", b"a = 'x", 'a.toml:1:7: expected "\'"'),
        ("a.toml", b"a = 1\nb = \xff", "a.toml:2:5: not a text in UTF-8"),
        ("a.toml", b"a = 1\nb = " + b"9" * 5_000, "a.toml:2:5: a number of 5000 digits"),
        ("a.toml", b"a = " + b"[" * 5_000, "a.toml:1:1: sections or lists are nested too deeply"),
        ("a.json", b'{"a": ' + b"[" * 5_000, "a.json:1:1: sections or lists are nested too deeply"),
        ("a.yaml", b"a: " + b"[" * 5_000, "a.yaml:1:1: sections or lists are nested too deeply"),
        ("a.json", b"[]", "a.json:1:1: expected sections and options, not a list"),
        ("a.yml", b"just words", "a.yml:1:1: expected sections and options, not 'just words'"),
        ("a.toml", b"#" * 1_000_001, "a.toml: more than 1,000,000 bytes: this is not a configuration"),
        ("a.ini", b"", "a.ini: expected the name of a file to end in .toml, .yaml, .yml, .json"),
    ],
)
def test_a_file_that_cannot_be_read_says_where_in_one_line(tmp_path, monkeypatch, name, content, line):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(content)

    assert read_document((tmp_path / name).relative_to(tmp_path)).line() == line


def test_a_directory_is_no_configuration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.toml").mkdir()

    assert (
        read_document((tmp_path / "a.toml").relative_to(tmp_path)).line()
        == "a.toml: cannot be read: is a directory"
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.toml", "﻿# first\n[engine]\n  seed = 7"),
        ("a.json", '\n{"engine":\n  {"seed": 7}}'),
        ("a.yaml", "﻿# first\nengine:\n  seed: 7"),
    ],
)
def test_a_place_counts_lines_and_columns_from_one(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)

    document = read_document(path)

    assert isinstance(document, Document)
    assert document.tree == {"engine": {"seed": 7}}
    assert document.origin(("engine", "seed")).where == f"{path}:3:{4 if name == 'a.json' else 3}"
