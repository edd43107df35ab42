"""Without metadata, each venue's patterns read and write the names of its markets, and say how surely."""

import string
from datetime import date

import pytest
from hypothesis import assume, given, settings, strategies as st

from xtrade.model.errors import SymbolError, UsageError
from xtrade.symbols import Symbol, SymbolMap
from xtrade.symbols.patterns import VENUES, patterns_of
from xtrade.symbols.units import miscased

# Names as the venues' own documents and listings have them.
NAMES = [
    ("binance", "ETHBTC", "ETH/BTC"),
    ("binance", "1000SATSFDUSD", "1000SATS/FDUSD"),
    ("binance", "BTCUSDC", "BTC/USDC:USDC"),
    ("binance", "BTCUSDT", "BTC/USDT:USDT"),
    ("binance", "BTCUSDT", "BTC/USDT"),
    ("binance", "btcusdt", "BTC/USDT"),
    ("binance", "BNBBIDR", "BNB/BIDR"),
    ("binance", "USDTTRY", "USDT/TRY"),
    ("binance", "SUSDT", "S/USDT"),
    ("binance", "币安人生USDT", "币安人生/USDT"),
    ("binance", "ETHBTC", "ETH/BTC:BTC"),
    ("binance", "BTCUSDT_261225", "BTC/USDT:USDT-261225"),
    ("binance", "BTCUSD_PERP", "BTC/USD:BTC"),
    ("binance", "BTCUSD_240329", "BTC/USD:BTC-240329"),
    ("binance", "1000PEPEUSDT", "1000PEPE/USDT:USDT"),
    ("binance", "1000000MOGUSDT", "1000000MOG/USDT:USDT"),
    ("binance", "1MBABYDOGEUSDT", "1MBABYDOGE/USDT:USDT"),
    ("binance", "1INCHUSDT", "1INCH/USDT:USDT"),
    ("okx", "BTC-USDT", "BTC/USDT"),
    ("okx", "BTC-USDC-SWAP", "BTC/USDC:USDC"),
    ("okx", "BTC-USD-SWAP", "BTC/USD:BTC"),
    ("okx", "BTC-USDT-261225", "BTC/USDT:USDT-261225"),
    ("okx", "BTC-USD-241227", "BTC/USD:BTC-241227"),
    ("kucoin", "BTC-USDT", "BTC/USDT"),
    ("kucoin", "XBTUSDTM", "BTC/USDT:USDT"),
    ("kucoin", "XBTUSDCM", "BTC/USDC:USDC"),
    ("kucoin", "XBTUSDM", "BTC/USD:BTC"),
    ("kucoin", "ETHUSDTM", "ETH/USDT:USDT"),
    ("kucoin", "XBTMU26", "BTC/USD:BTC-260925"),
    ("kucoin", "1000BONKUSDTM", "1000BONK/USDT:USDT"),
    ("bitmart", "BTC_USDT", "BTC/USDT"),
    ("bitmart", "BTCUSDT", "BTC/USDT:USDT"),
    ("bitmart", "BTCUSDC", "BTC/USDC:USDC"),
    ("bitmart", "SOLUSD", "SOL/USD:SOL"),
    ("bitmart", "1000SHIBUSDT", "1000SHIB/USDT:USDT"),
    ("backpack", "SOL_USDC", "SOL/USDC"),
    ("backpack", "SOL_USDC_PERP", "SOL/USDC:USDC"),
    ("backpack", "kBONK_USDC_PERP", "kBONK/USDC:USDC"),
    ("backpack", "MU.US_USDC", "MU.US/USDC"),
    ("lighter", "ETH", "ETH/USDC:USDC"),
    ("lighter", "ETH/USDC", "ETH/USDC"),
    ("lighter", "1000PEPE", "1000PEPE/USDC:USDC"),
    ("grvt", "BTC_USDT_Perp", "BTC/USDT:USDT"),
    ("grvt", "KPEPE_USDT_Perp", "KPEPE/USDT:USDT"),
    ("grvt", "BTC_USDT_Fut_20Oct23", "BTC/USDT:USDT-231020"),
    ("paradex", "ETH-USD-PERP", "ETH/USD:USDC"),
    ("paradex", "kPEPE-USD-PERP", "kPEPE/USD:USDC"),
    ("paradex", "DIME-USD", "DIME/USD"),
    ("edgex", "BTCUSDC", "BTC/USDC:USDC"),
    ("edgex", "1000PEPEUSDC", "1000PEPE/USDC:USDC"),
    ("aster", "BTCUSD1", "BTC/USD1:USD1"),
    ("aster", "1000PEPEUSDT", "1000PEPE/USDT:USDT"),
    ("aster", "ASTERUSDT", "ASTER/USDT"),
    ("derive", "ETH-PERP", "ETH/USDC:USDC"),
    ("derive", "ETH-USDC", "ETH/USDC"),
]


@pytest.mark.parametrize(("venue", "native", "universal"), NAMES)
def test_a_name_is_read_and_written_as_the_venue_does(venue, native, universal):
    names = SymbolMap(venue)
    symbol = Symbol.parse(universal)

    read = names.universal(native, kind=symbol.kind)
    written = names.native(symbol)

    assert (str(read.symbol), read.kind, read.venue) == (universal, symbol.kind, venue)
    assert written.native == (native.upper() if native.islower() else native)
    assert names.check(native, symbol).same
    assert 0 < read.confidence < 1
    assert read.reasons


@pytest.mark.parametrize(
    ("venue", "native", "asset", "ratio", "confidence"),
    [
        ("binance", "1000BONKUSDT", "BONK", 1_000, 0.99),
        ("binance", "1000SATSUSDT", "SATS", 1_000, 0.99),
        ("binance", "1MBABYDOGEUSDT", "BABYDOGE", 1_000_000, 0.99),
        ("binance", "KAVAUSDT", "KAVA", 1, 0.99),
        ("binance", "PEPEUSDT", "PEPE", 1, 0.792),
        ("okx", "PEPE-USDT-SWAP", "PEPE", 1, 0.99),
        ("kucoin", "1000XUSDTM", "X", 1_000, 0.7128),
        ("backpack", "1000BONK_USDC_PERP", "BONK", 1_000, 0.792),
        ("grvt", "KAVA_USDT_Perp", "KAVA", 1, 0.99),
    ],
)
def test_the_unit_of_a_market_is_exact_and_an_unusual_one_is_doubted(venue, native, asset, ratio, confidence):
    market = SymbolMap(venue).universal(native, kind="linear")

    assert (market.asset, market.ratio, market.confidence) == (asset, ratio, confidence)


def test_a_reading_that_is_not_twice_as_sure_as_the_next_is_no_answer():
    """
    1000BONK is likelier a contract than spot on Binance, by a quarter: not enough to guess with money.
    """
    likeliest, next_best = SymbolMap("binance").candidates("1000BONKUSDT")

    assert next_best.confidence < likeliest.confidence < 2 * next_best.confidence
    with pytest.raises(SymbolError, match="name the kind"):
        SymbolMap("binance").universal("1000BONKUSDT")


def test_a_unit_is_likelier_on_a_contract_than_on_spot():
    """
    Binance lists BONK on spot and 1000BONK as a perpetual; 1000SATS is the rare one that is on both.
    """
    bonk = [str(market.symbol) for market in SymbolMap("binance").candidates("1000BONKUSDT")]
    spot = SymbolMap("binance").universal("1000SATSUSDT", kind="spot")

    assert bonk == ["1000BONK/USDT:USDT", "1000BONK/USDT"]
    assert spot.confidence == 0.99


# Codes of every sort: plain, with digits, with what looks like a unit, and in small letters where they may be.
plain = st.text(string.ascii_uppercase + string.digits, min_size=1, max_size=8)
capital_bases = st.builds(str.__add__, st.sampled_from(["", "", "1000", "1M", "K", "1000000"]), plain)
exact_bases = st.builds(str.__add__, st.sampled_from(["", "", "k", "m", "K", "1000"]), plain)
VENUE_FORMS = [(venue, form) for venue in VENUES for form in patterns_of(venue).market]


@pytest.mark.parametrize(
    ("venue", "form"),
    VENUE_FORMS,
    ids=[f"{venue}-{form.kind}-{form.template}" for venue, form in VENUE_FORMS],
)
@given(data=st.data())
@settings(max_examples=40)
def test_every_market_a_venue_can_write_it_reads_back(venue, form, data):
    base = data.draw(exact_bases if patterns_of(venue).case == "exact" else capital_bases)
    quote = data.draw(st.sampled_from(form.listed))
    day = None
    if form.dated:
        day = data.draw(st.dates(date(2020, 1, 1), date(2039, 12, 31)))
        day = day if "month_code" not in form.template else form._day.read(form._day.write(day))
    assume(base not in {quote, form.settle} and base not in form.aliases)
    assume(not miscased(base, patterns_of(venue).units))
    assume(not base.startswith("TEST") and not (venue in {"lighter", "edgex"} and base.isdigit()))
    symbol = Symbol(base, quote, form.settles_in(base, quote), day)
    names = SymbolMap(venue)

    written = names.native(symbol)
    candidates = names.candidates(written.native, kind=symbol.kind)

    assert symbol in [market.symbol for market in candidates]
    assert symbol in [market.symbol for market in names.candidates(written.native)]
    assert names.check(written.native, symbol).same
    assert list(candidates) == sorted(candidates, key=lambda market: -market.confidence)
    assert candidates == SymbolMap(venue).candidates(written.native, kind=symbol.kind)
    if "{base}{quote}" not in form.template:
        assert [market.symbol for market in candidates] == [symbol], "a separator leaves one way to cut"


@given(
    st.sampled_from(VENUES),
    st.text(max_size=30) | st.text("BTCUSDMPERPk10-_/:.25", max_size=24),
    st.sampled_from([None, "spot", "linear", "inverse"]),
)
def test_no_text_does_worse_than_a_symbol_error_of_one_line(venue, text, kind):
    names = SymbolMap(venue)
    found, refusal = (), ""
    try:
        found = names.candidates(text, kind=kind)
    except SymbolError as error:
        refusal = str(error)

    assert bool(found) != bool(refusal)
    assert refusal.isprintable()
    for market in found:
        assert 0 < market.confidence < 1
        assert names.native(market.symbol).native == market.native, "what is read is written the same again"


def test_one_text_for_several_kinds_is_answered_with_all_of_them():
    names = SymbolMap("binance")

    with pytest.raises(
        SymbolError, match=r"BTC/USDT \(spot\) or BTC/USDT:USDT \(linear\): name the kind"
    ) as refused:
        names.universal("BTCUSDT")

    assert refused.value.candidates == ("BTC/USDT", "BTC/USDT:USDT")
    assert [market.confidence for market in names.candidates("BTCUSDT")] == [0.495, 0.495]
    assert "name the kind" in names.candidates("BTCUSDT")[0].reasons[-1]


def test_naming_the_kind_is_evidence():
    names = SymbolMap("aster")

    unsure = {market.symbol: market.confidence for market in names.candidates("BTCUSDT")}
    for symbol, confidence in unsure.items():
        assert names.universal("BTCUSDT", kind=symbol.kind).confidence > confidence


def test_the_likelier_cut_comes_first_and_is_taken_when_it_is_clearly_first():
    found = SymbolMap("binance").candidates("BNBBIDR", kind="spot")

    assert [str(market.symbol) for market in found] == ["BNB/BIDR", "BNBB/IDR"]
    assert found[0].confidence > 2 * found[1].confidence
    assert "likelier" in found[1].reasons[-1]


def test_a_quote_the_venue_is_not_known_for_is_read_less_surely_and_only_if_nothing_better_is_there():
    okx = SymbolMap("okx")

    assert okx.universal("BTC-RLUSD").confidence == 0.693
    assert okx.universal("BTC-NEWCOIN").confidence == 0.3465
    assert [market.symbol.quote for market in SymbolMap("binance").candidates("BTCUSD", kind="spot")] == [
        "USD"
    ]


def test_contracts_of_one_text_are_told_apart_by_their_quote():
    okx = SymbolMap("okx")

    assert str(okx.universal("BTC-USD-SWAP").symbol) == "BTC/USD:BTC"
    with pytest.raises(SymbolError, match=r"is not linear: it is BTC/USD:BTC \(inverse\)"):
        okx.universal("BTC-USD-SWAP", kind="linear")
    with pytest.raises(SymbolError, match="'BTC-USD-SWAP' means BTC/USD:BTC there"):
        okx.native("BTC/USD:USD")


@pytest.mark.parametrize(
    ("venue", "native", "kind", "says"),
    [
        ("okx", "", None, "an empty name"),
        ("okx", "A" * 999, None, "too long"),
        ("okx", "BTC-USDT", "linear", r"is not linear: it is BTC/USDT \(spot\)"),
        ("okx", "BTC/USDT", None, "a universal name, which okx writes 'BTC-USDT'"),
        ("okx", "BTCUSDT", None, "it writes {base}-{quote}, {base}-{quote}-SWAP"),
        ("okx", "BTC-USD-241217-92000-C", None, "it is an option"),
        ("okx", "BTC-USD_UM-SWAP", None, "what it settles in"),
        ("binance", "BTC-261225-100000-C", None, "it is an option"),
        ("binance", "BTCUSDT_261332", None, "it writes"),
        ("backpack", "sol_usdc_perp", None, "Did you mean 'SOL_USDC_PERP'"),
        ("backpack", "USDC_USDC", None, "it writes {base}_{quote}, {base}_{quote}_PERP"),
        ("backpack", "KBONK_USDC_PERP", None, "Did you mean 'kBONK_USDC_PERP'"),
        ("backpack", "kbonk_usdc_perp", None, "Did you mean 'kBONK_USDC_PERP'"),
        ("backpack", "SOL_USDC", "inverse", "backpack has no inverse perpetuals; it has spot, linear"),
        ("backpack", "AAPL.US_USDC_RFQ", None, "request for quote"),
        ("grvt", "btc_usdt_perp", None, "Did you mean 'BTC_USDT_Perp'"),
        ("grvt", "BTC_USDT_FUT_20OCT23", None, "Did you mean 'BTC_USDT_Fut_20Oct23'"),
        ("grvt", "ETH_USDT_Call_20Oct23_2800", None, "it is an option"),
        ("kucoin", "BTCUSDTM", None, "Did you mean 'XBTUSDTM'"),
        ("lighter", "0", None, "'0' is a market_id, and only lighter's metadata says of which market"),
        ("edgex", "30000001", None, "is a contractId"),
        ("derive", "ETH-20261225-3500-C", None, "it is an option"),
        ("paradex", "BTC-USD-96000-C", None, "it is an option"),
        ("aster", "TESTUSDT", None, "internal test market"),
    ],
)
def test_a_name_that_is_no_market_is_refused_with_a_way_on(venue, native, kind, says):
    with pytest.raises(SymbolError, match=says):
        SymbolMap(venue).universal(native, kind=kind)


@pytest.mark.parametrize(
    ("venue", "symbol", "says"),
    [
        ("backpack", "BTC/USD:BTC", "backpack has no inverse perpetuals; it has spot, linear"),
        ("edgex", "BTC/USDC", "edgex has no spot markets; it has linear"),
        ("paradex", "BTC/USD:USDC-261225", "paradex has no dated linear contracts"),
        ("backpack", "BTC/USDT:USDT", "in USDC, not USDT. Did you mean 'BTC/USDC:USDC'"),
        ("paradex", "BTC/USD:USD", "in USDC, not USD. Did you mean 'BTC/USD:USDC'"),
        ("binance", "kBONK/USDT:USDT", "it writes in capitals. Did you mean '1000BONK/USDT:USDT'"),
        ("backpack", "USDC/USDT:USDT", r"in USDC, not USDT\.$"),
        ("backpack", "KBONK/USDC:USDC", "it writes kBONK. Did you mean 'kBONK/USDC:USDC'"),
        ("grvt", "kBONK/USDT:USDT", "it writes KBONK. Did you mean 'KBONK/USDT:USDT'"),
        ("kucoin", "BTC/USD:BTC-260901", "'XBTMU26' means BTC/USD:BTC-260925 there"),
        ("lighter", "42/USDC:USDC", "would be read as a market_id"),
        ("aster", "TEST/USDT", "internal test market"),
        ("okx", "BTCUSDT", "Did you mean 'BTC/USDT'"),
    ],
)
def test_a_market_the_venue_cannot_have_is_refused_with_a_way_on(venue, symbol, says):
    with pytest.raises(SymbolError, match=says):
        SymbolMap(venue).native(symbol)


def test_an_asset_called_otherwise_by_the_venue_is_not_read_twice():
    with pytest.raises(SymbolError, match="'XBTUSDTM' means BTC/USDT:USDT there"):
        SymbolMap("kucoin").native(Symbol("XBT", "USDT", "USDT"))


def test_a_check_that_fails_says_what_the_name_is():
    names = SymbolMap("binance")

    wrong = names.check("BTCUSDT", "ETH/USDT")
    nothing = names.check("BTC-USDT", "BTC/USDT")

    assert (wrong.same, wrong.confidence) == (False, 0.0)
    assert wrong.reasons == ("BTCUSDT is BTC/USDT on binance",)
    assert not nothing.same
    assert "not the name of a market" in nothing.reasons[0]


def test_a_kind_that_is_none_is_asked_back():
    with pytest.raises(UsageError, match="'linaer': expected spot, linear, inverse. Did you mean 'linear'"):
        SymbolMap("binance").universal("BTCUSDT", kind="linaer")
