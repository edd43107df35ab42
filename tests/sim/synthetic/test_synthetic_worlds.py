"""The description of synthetic markets: files can hold it, and what makes no market is refused by name."""

from decimal import Decimal

import msgspec
import pytest

from xtrade.model.errors import ConfigError, UsageError
from xtrade.model.instruments import Kind
from xtrade.sim.synthetic.bars import synthetic_bars
from xtrade.sim.synthetic.markets import Asset, Listing, Perpetual, Regime, SyntheticMarkets, Venue
from xtrade.sim.synthetic.presets import preset, presets
from xtrade.sim.synthetic.tapes import synthetic_tape


@pytest.mark.parametrize("name", presets())
def test_a_preset_survives_a_file(name):
    written = msgspec.json.encode(preset(name))

    assert msgspec.json.decode(written, type=SyntheticMarkets) == preset(name)


def test_a_file_describes_a_world():
    text = """
    [[assets]]
    name = "SOL"
    price = 150.0

    [[venues]]
    name = "okx"
    delay_ms = 100
    [[venues.listings]]
    symbol = "SOL/USDT:USDT"
    tick = "0.01"
    lot = "0.01"
    perpetual = { interval_hours = 1 }
    """
    import tomllib

    markets = msgspec.convert(tomllib.loads(text), SyntheticMarkets, strict=False)

    (instrument,) = markets.instruments
    assert (instrument.key, instrument.kind, instrument.settle) == ("okx:SOL/USDT:USDT", Kind.LINEAR, "USDT")
    assert markets.listed[0].listing.basis == Perpetual(interval_hours=1)


def test_the_default_is_one_spot_market_on_sim():
    assert [instrument.key for instrument in SyntheticMarkets().instruments] == ["sim:BTC/USDT"]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Asset(name="BTC", price=-1.0), r"assets.BTC.price = -1.0: expected a number from 1e-09"),
        (lambda: Asset(volatility_annual=float("nan")), r"assets.BTC.volatility_annual = nan"),
        (lambda: Asset(correlation=1.5), r"assets.BTC.correlation = 1.5: expected a number from -1 to 1"),
        (lambda: Regime(name="odd", minutes_mean=0), r"regimes.odd.minutes_mean = 0"),
        (lambda: Listing(symbol="BTCUSDT"), r"listings.BTCUSDT.symbol: .*no slash|Did you mean 'BTC/USDT'"),
        (lambda: Listing(symbol="BTC/USD:BTC"), r"spot pairs and linear perpetuals"),
        (lambda: Listing(tick=Decimal(0)), r"listings.BTC/USDT.tick = 0: expected a number above zero"),
        (lambda: Listing(perpetual=Perpetual()), r"BTC/USDT is a spot pair"),
        (lambda: Perpetual(interval_hours=5), r"interval_hours = 5: expected a divisor of 24"),
        (lambda: Venue(name="a:b"), r"'a:b' cannot name a venue"),
        (lambda: Venue(listings=()), r"venues.sim.listings: expected one or more"),
        (lambda: SyntheticMarkets(assets=()), r"assets: expected one or more"),
        (lambda: SyntheticMarkets(venues=(Venue(), Venue())), r"venues: sim is there twice"),
        (lambda: SyntheticMarkets(assets=(Asset(name="ETH"),)), r"BTC is not among the assets \(ETH\)"),
        (
            lambda: SyntheticMarkets(venues=(Venue(listings=(Listing(tick=Decimal("0.001")),)),)),
            r"listings.BTC/USDT.tick = 0.001: a side of the book would be .* take a larger tick",
        ),
        (
            lambda: SyntheticMarkets(venues=(Venue(listings=(Listing(tick=Decimal(10_000)),)),)),
            r"the price 60000 is 6 ticks; expected between 100",
        ),
        (
            lambda: SyntheticMarkets(venues=(Venue(listings=(Listing(lot=Decimal(5)),)),)),
            r"listings.BTC/USDT.lot = 5: trade_amount is 0.01 lots",
        ),
        (
            lambda: SyntheticMarkets(regimes=(Regime(name="a"), Regime(name="b", weight=0))),
            r"regimes: expected a weight above zero in two or more",
        ),
        (lambda: preset("bussy"), r"'bussy' is no preset .* Did you mean 'busy'"),
    ],
)
def test_what_makes_no_market_is_refused_by_name(make, says):
    with pytest.raises(ConfigError, match=says) as refused:
        make()

    assert "\n" not in str(refused.value)


def test_a_seed_is_a_whole_number():
    with pytest.raises(ConfigError, match="seed = -1"):
        synthetic_tape(preset("calm"), seed=-1, start_ns=0, duration_ns=1)


@pytest.mark.parametrize("interval_ns", [0, -60, 7_000_000_000, 90_000_000_000, 50_000_000])
def test_an_interval_of_bars_fits_into_minutes(interval_ns):
    with pytest.raises(UsageError, match="expected whole minutes"):
        synthetic_bars(preset("calm"), seed=1, start_ns=0, interval_ns=interval_ns, count=1)


def test_a_tape_takes_some_time():
    with pytest.raises(UsageError, match="some time"):
        synthetic_tape(preset("calm"), seed=1, start_ns=0, duration_ns=0)
