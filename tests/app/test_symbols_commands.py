"""`xtrade symbols`: what a person reads, what a script reads, and what the shell is told."""

import json

import pytest

from xtrade.app import exit_codes
from xtrade.app.cli import run


@pytest.fixture
def xtrade(capsys):
    """Run one command line; return its exit code, standard output and standard error."""

    def call(*arguments):
        code = run(["symbols", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def metadata(tmp_path):
    path = tmp_path / "lighter.json"
    rows = [{"native": "0", "name": "ETH", "symbol": "ETH/USDC:USDC"}]
    path.write_text(json.dumps(rows))
    return path


def test_map_shows_the_name_the_kind_how_sure_and_why(xtrade):
    code, out, err = xtrade("map", "1000BONKUSDT", "--venue", "binance", "--kind", "linear")

    assert (code, err) == (exit_codes.OK, "")
    assert out.splitlines() == [
        "1000BONK/USDT:USDT",
        "  on binance  1000BONKUSDT",
        "  kind        linear, settled in USDT",
        "  unit        1 = 1000 BONK",
        "  confidence  0.99",
        "  because     binance writes linear perpetuals as {base}{quote}",
        "              USDT is among its quotes for them",
        "              BONK is a known asset",
        "              one unit is 1000 BONK",
    ]


def test_map_as_json_has_the_parts(xtrade):
    code, out, _ = xtrade("map", "BTCUSDT_261225", "--venue", "binance", "--json")
    found = json.loads(out)

    assert code == exit_codes.OK
    assert found["candidates"] == [found["answer"]]
    assert found["answer"] == {
        "venue": "binance",
        "native": "BTCUSDT_261225",
        "symbol": "BTC/USDT:USDT-261225",
        "kind": "linear",
        "base": "BTC",
        "quote": "USDT",
        "settle": "USDT",
        "expiry": "2026-12-25",
        "asset": "BTC",
        "ratio": 1,
        "confidence": 0.99,
        "reasons": found["answer"]["reasons"],
    }


def test_map_of_an_ambiguous_name_lists_the_candidates_and_fails(xtrade):
    code, out, err = xtrade("map", "BTCUSDT", "--venue", "binance")

    assert code == 5
    assert [line.split() for line in out.splitlines()] == [
        ["market", "kind", "confidence"],
        ["BTC/USDT", "spot", "0.495"],
        ["BTC/USDT:USDT", "linear", "0.495"],
    ]
    assert err.count("\n") == 1
    assert "name the kind (spot or linear)" in err

    code, out, err = xtrade("map", "BTCUSDT", "--venue", "binance", "--json")

    assert (code, err.count("\n")) == (5, 1)
    assert json.loads(out)["answer"] is None
    assert [row["symbol"] for row in json.loads(out)["candidates"]] == ["BTC/USDT", "BTC/USDT:USDT"]


def test_to_tells_the_venues_name(xtrade):
    code, out, _ = xtrade("to", "BTC/USD:BTC", "--venue", "kucoin")

    assert code == exit_codes.OK
    assert out.splitlines()[:2] == ["XBTUSDM", "  universal   BTC/USD:BTC"]
    assert "it calls BTC XBT here" in out


def test_to_as_json(xtrade):
    code, out, _ = xtrade("to", "btc-usdt", "--venue", "okx", "--json")

    assert code == exit_codes.OK
    assert (json.loads(out)["native"], json.loads(out)["symbol"]) == ("BTC-USDT", "BTC/USDT")


def test_check_answers_by_exit_code(xtrade):
    yes, out, _ = xtrade("check", "BTCUSDT", "BTC/USDT", "--venue", "binance")
    assert (yes, out.splitlines()[0]) == (
        exit_codes.OK,
        "yes: BTCUSDT on binance is BTC/USDT (confidence 0.99)",
    )

    no, out, err = xtrade("check", "BTCUSDT", "ETH/USDT", "--venue", "binance")
    assert (no, err) == (exit_codes.NO, "")
    assert out.splitlines() == [
        "no: BTCUSDT on binance is not ETH/USDT",
        "  BTCUSDT is BTC/USDT on binance",
    ]

    no, out, _ = xtrade("check", "BTCUSDT", "ETH/USDT", "--venue", "binance", "--json")
    assert (no, json.loads(out)["same"], json.loads(out)["confidence"]) == (exit_codes.NO, False, 0.0)


def test_table_has_every_venue_and_a_dash_where_there_is_no_market(xtrade):
    code, out, _ = xtrade("table", "BTC/USDT")
    lines = [line.split() for line in out.splitlines()]

    assert code == exit_codes.OK
    assert lines[0] == ["venue", "spot", "linear"]
    assert ["okx", "BTC-USDT", "BTC-USDT-SWAP"] in lines
    assert ["kucoin", "BTC-USDT", "XBTUSDTM"] in lines
    assert ["derive", "-", "-"] in lines
    assert len([line for line in lines[1:] if len(line) >= 3 and line[0].islower()]) == 11
    assert not any(line.endswith(" ") for line in out.splitlines())


def test_table_of_an_asset_uses_each_venues_own_quote(xtrade):
    _, out, _ = xtrade("table", "BTC", "--json")
    rows = {(row["venue"], row["kind"]): row for row in json.loads(out)}

    assert len(rows) == 33
    assert rows["paradex", "linear"]["native"] == "BTC-USD-PERP"
    assert rows["paradex", "linear"]["symbol"] == "BTC/USD:USDC"
    assert rows["edgex", "spot"]["native"] is None
    assert rows["edgex", "spot"]["reasons"] == ["edgex has no spot markets; it has linear"]


def test_table_of_one_market_has_its_kind_alone_and_marks_the_less_sure(xtrade):
    _, inverse, _ = xtrade("table", "BTC/USD:BTC")
    _, doubtful, _ = xtrade("table", "BTC/RLUSD")

    assert inverse.splitlines()[0].split() == ["venue", "inverse"]
    assert "BTC-RLUSD ?" in doubtful
    assert "confidence below 0.8" in doubtful


def test_metadata_makes_the_answer_certain(xtrade, metadata):
    _, out, _ = xtrade("map", "0", "--venue", "lighter", "--metadata", str(metadata))
    assert out.splitlines() == [
        "ETH/USDC:USDC",
        "  on lighter  0",
        "  kind        linear, settled in USDC",
        "  confidence  1",
        "  because     lighter's metadata lists it",
    ]

    code, _, err = xtrade("map", "BTC", "--venue", "lighter", "--metadata", str(metadata))
    assert (code, err) == (
        5,
        "xtrade: 'BTC' is not a market of lighter: its metadata lists 1 market and not this one.\n",
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Input data was truncated"),
        ("{}", "Expected `array`, got `object`"),
        ('[{"native": "0"}]', "missing required field `symbol`"),
        ('[{"native": "0", "symbol": "ETH/USDC", "ration": 2}]', "unknown field `ration`"),
        ('[{"native": "0", "symbol": "ETH"}]', "row 1 ('0')"),
        ("\udcff", "expected rows of native and symbol"),
    ],
)
def test_metadata_that_is_none_is_one_line_with_its_place(xtrade, tmp_path, text, says):
    path = tmp_path / "rows.json"
    path.write_bytes(text.encode(errors="surrogateescape"))

    code, out, err = xtrade("to", "ETH/USDC", "--venue", "lighter", "--metadata", str(path))

    assert (code, out, err.count("\n")) == (7, "", 1)
    assert says in err


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["map", "BTCUSDT", "--venue", "binanse"], 2, "Did you mean 'binance'?"),
        (["map", "BTCUSDT", "--venue", "ccxt:bybit"], 2, "give them as metadata"),
        (["map", "BTCUSDT"], 2, "--venue"),
        (["map", "BTCUSDT", "--venue", "binance", "--kind", "linaer"], 2, "linaer"),
        (["to", "BTCUSDT", "--venue", "okx"], 5, "Did you mean 'BTC/USDT'?"),
        (
            ["to", "BTC/USD:BTC", "--venue", "backpack"],
            5,
            "backpack has no inverse perpetuals; it has spot, linear",
        ),
        (["check", "BTCUSDT", "BTC", "--venue", "okx"], 5, "no slash"),
        (["table", "BTC/"], 5, "no quote after the slash"),
        (["to", "BTC/USDT", "--venue", "okx", "--metadata", "no-such-file.json"], 7, "No such file"),
        (["to", "BTC/USDT", "--venue", "okx", "--metadata", "."], 7, "Is a directory"),
    ],
)
def test_a_wrong_command_line_is_one_line_with_a_way_on(xtrade, arguments, code, says):
    found, out, err = xtrade(*arguments)

    assert (found, out, err.count("\n")) == (code, "", 1)
    assert err.startswith("xtrade: ")
    assert says in err


def test_a_venue_may_be_written_as_people_write_it(xtrade):
    code, out, _ = xtrade("to", "BTC/USDT", "--venue", "Binance", "--json")

    assert code == exit_codes.OK
    assert '"venue": "binance"' in out


def test_nothing_is_no_market(xtrade):
    assert xtrade("table", "") == (
        5,
        "",
        "xtrade: an empty name is no market: expected one such as BTC/USDT, or an asset such as BTC\n",
    )
