"""The configuration as one type: every option, its bounds, its default and its sentence of documentation.

The reader, the starter file, the JSON schema and the table in the docs are all made from these classes, so an
option is added here and nowhere else, and only together with the code that reads it. A section is one line in
`Config`. Things that repeat have names (`[venues.NAME]`), never positions: then every layer can speak of them.

Beside `description` and `examples`, an option may say in `Meta(extra=...)`:
  expects   the words for "expected ..." where the type alone does not tell
  known     the words that a misspelt value is compared with
  private   True: a wrong value is never repeated, because a secret may have been put there by mistake
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct, field

from xtrade.ops.log_config import LogConfig
from xtrade.symbols.patterns import VENUES

__all__ = [
    "BacktestConfig",
    "Config",
    "DataConfig",
    "EngineConfig",
    "GuardsConfig",
    "JournalConfig",
    "PairConfig",
    "PaperConfig",
    "RiskConfig",
    "StrategyConfig",
    "VenueConfig",
    "contradictions",
]

# Environment variables are written in capitals, with two underscores between the words of a key: a name that
# follows this pattern can be written there, and comes back the same.
AccountName = Annotated[
    str,
    Meta(
        pattern="^[a-z][a-z0-9]*(_[a-z0-9]+)*$",
        extra={"expects": "a name of small letters, digits and single underscores"},
    ),
]

# A name, not a key: shorter than what venues hand out, and no run of 20 hexadecimal digits.
EntryName = Annotated[str, Meta(pattern=r"^(?![0-9a-f]{20})[a-z][a-z0-9_:]{0,23}(\.[a-z0-9_]{1,24})?$")]


# What a table of parameters holds: the strategy itself says which it knows, and of what type.
ParamValue: TypeAlias = str | int | float | bool

Amount = Annotated[float, Meta(gt=0)]
Share = Annotated[float, Meta(ge=0.0001, le=1)]


class EngineConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a run does with orders."""

    mode: Annotated[
        Literal["paper", "live", "backtest"],
        Meta(
            description="paper fills orders on the built-in exchange; live sends them to the accounts of [venues];"
            " backtest plays recorded data."
        ),
    ] = "paper"
    seed: Annotated[
        int,
        Meta(ge=0, le=2**32 - 1, description="What every random stream of a run starts from."),
    ] = 0
    on_exit: Annotated[
        Literal["cancel", "leave", "flatten"],
        Meta(
            description="What becomes of open orders when a run ends: cancel them, leave them, or cancel them and"
            " close every position at the market."
        ),
    ] = "cancel"
    unknown_orders: Annotated[
        Literal["adopt", "cancel", "show"],
        Meta(
            description="What becomes of open orders under our ids that no strategy of the run has: a strategy that"
            " trades the market adopts them, they are canceled, or only shown."
        ),
    ] = "cancel"
    name: Annotated[
        Annotated[str, Meta(pattern="^[a-z][a-z0-9]*([_-][a-z0-9]+)*$")] | None,
        Meta(
            description="What this node is called: its journal and its folders are named so; if not set, like its"
            " configuration file.",
            examples=["desk"],
            extra={"expects": "a name of small letters, digits, single dashes and underscores"},
        ),
    ] = None


class PaperConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What paper trading trades on: the built-in exchange, with synthetic traders and an account of our own."""

    world: Annotated[
        str,
        Meta(description="The synthetic world whose venues and markets are there.", examples=["busy"]),
    ] = "spot-and-perpetual"
    balances: Annotated[
        list[str],
        Meta(
            min_length=1,
            description="What the account has at each venue; the first is also the capital that is reported on.",
            examples=[["10000 USDT", "0.5 BTC"]],
        ),
    ] = field(default_factory=lambda: ["10000 USDT"])
    entry_latency: Annotated[str, Meta(description="How long a request takes to the exchange.")] = "5ms"
    response_latency: Annotated[str, Meta(description="How long an answer takes back.")] = "5ms"


class StrategyConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One strategy, and the limits that the risk gate sets it; the name after `strategies.` is what you call it."""

    strategy: Annotated[
        str,
        Meta(
            min_length=1,
            description="Which: a built-in one by its name, or your own as FILE.py:Class or module:Class.",
            examples=["sma"],
            extra={
                "expects": "the name of a built-in strategy (sma, quoter), or FILE.py:Class, or module:Class"
            },
        ),
    ]
    params: Annotated[
        dict[str, ParamValue],
        Meta(
            description="What it is told; `xtrade strategies show NAME` lists them.",
            examples=[{"instrument": "sim:BTC/USDT", "fast": 20, "slow": 100}],
        ),
    ] = field(default_factory=dict)
    order_value_max: Annotated[
        Amount | None,
        Meta(description="The most that one order may be worth, in quote currency.", examples=[10_000.0]),
    ] = None
    position_value_max: Annotated[
        Amount | None,
        Meta(
            description="The most that it may hold of one instrument, open orders included, in quote currency.",
            examples=[50_000.0],
        ),
    ] = None
    price_band: Annotated[
        Annotated[float, Meta(ge=0.0001, le=100)] | None,
        Meta(description="How far through the middle of the book a limit price may be; 0.1 is ten percent."),
    ] = 0.1
    open_orders_max: Annotated[
        int, Meta(ge=1, le=100_000, description="The most orders it may have open at once.")
    ] = 200
    orders_per_second_max: Annotated[
        int,
        Meta(
            ge=1, le=100_000, description="The most orders, and changes of orders, it may send in one second."
        ),
    ] = 100
    cancels_per_second_max: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            description="The most cancels it may send in one second; what is more waits its turn.",
        ),
    ] = 200
    order_value_min: Annotated[
        Amount | None,
        Meta(description="The least that one order must be worth, in quote currency.", examples=[10.0]),
    ] = None
    order_base_max: Annotated[
        dict[str, Amount],
        Meta(description="The most base coins in one order, by asset.", examples=[{"BTC": 0.5}]),
    ] = field(default_factory=dict)
    position_base_max: Annotated[
        dict[str, Amount],
        Meta(
            description="The most base coins it may hold on all its markets together, spot and derivatives netted, by"
            " asset.",
            examples=[{"BTC": 2.0}],
        ),
    ] = field(default_factory=dict)
    quote_age_ms_max: Annotated[
        Annotated[int, Meta(ge=1, le=86_400_000)] | None,
        Meta(
            description="How long ago a book may have changed for the last time to open a position by it.",
            examples=[5_000],
        ),
    ] = None
    instruments: Annotated[
        list[str],
        Meta(
            description="What it may trade; a star stands for anything; with none, whatever it declares.",
            examples=[["okx:*"]],
        ),
    ] = field(default_factory=list)


class GuardsConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When the guards step in; shares are of the equity, 0.1 is ten percent: docs/risk.md tells what each does."""

    every: Annotated[str, Meta(description="How often the guards look.")] = "1s"
    margin_failures_max: Annotated[
        Annotated[int, Meta(ge=1, le=100_000)] | None,
        Meta(
            description="Orders in a row that a venue refuses for want of margin, until nothing more is opened."
        ),
    ] = 15
    no_progress: Annotated[
        str | None,
        Meta(description="How long a strategy may ask without one order accepted, until it is halted."),
    ] = "10m"
    account_loss: Annotated[
        Share | None,
        Meta(
            description="Loss since the start at which nothing more is opened and the worst positions are cut."
        ),
    ] = 0.1
    emergency_loss: Annotated[
        Share | None,
        Meta(description="Loss since the start at which all is canceled and closed, and trading is halted."),
    ] = 0.15
    daily_loss: Annotated[
        Share | None, Meta(description="Loss since midnight UTC at which nothing more is opened.")
    ] = 0.1
    drawdown: Annotated[
        Share | None,
        Meta(
            description="Loss since the highest equity at which all is canceled and closed, and trading is halted."
        ),
    ] = 0.2
    margin_ratio: Annotated[
        Share | None,
        Meta(
            description="Maintenance margin over an account's equity at which nothing more is opened; at 1 the venue"
            " liquidates."
        ),
    ] = 0.8
    liquidation_distance: Annotated[
        Share | None,
        Meta(description="Distance from the mark to a liquidation price at which the position is cut."),
    ] = 0.05
    funding_cost: Annotated[
        Share | None,
        Meta(description="Funding paid since midnight UTC at which nothing more is opened."),
    ] = 0.02
    report_age: Annotated[
        str | None,
        Meta(description="How old a venue's word on margins may be, until nothing more is opened."),
    ] = "10m"


class PairConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A hedged pair: two positions of one strategy; if one is closed behind our back, the other is cut."""

    strategy: Annotated[
        str,
        Meta(
            min_length=1,
            description="Whose positions they are: a name under `strategies.`.",
            examples=["sma"],
        ),
    ]
    first: Annotated[str, Meta(min_length=1, description="One leg: VENUE:SYMBOL.", examples=["okx:BTC/USDT"])]
    second: Annotated[
        str,
        Meta(min_length=1, description="The other leg: VENUE:SYMBOL.", examples=["binance:BTC/USDT:USDT"]),
    ]
    naked_share: Annotated[
        Share, Meta(description="How much of the larger leg may stand uncovered; 0.02 is two percent.")
    ] = 0.02
    settle: Annotated[
        str, Meta(description="How long after the last fill of a leg its venue's word on it counts.")
    ] = "2s"
    naked: Annotated[
        str, Meta(description="How long the legs may differ while orders fill, until the larger one is cut.")
    ] = "30s"


class RiskConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all strategies together may hold and have open, open orders at their worst included."""

    currency: Annotated[str, Meta(min_length=1, description="The currency of the values below.")] = "USDT"
    same_as: Annotated[
        list[str],
        Meta(description="Currencies that count as one unit of it; others are converted at the mark."),
    ] = field(default_factory=lambda: ["USD", "USDC"])
    instruments: Annotated[
        list[str],
        Meta(
            description="What may be traded at all; a star stands for anything; with none, whatever is declared.",
            examples=[["okx:*", "binance:BTC/USDT:USDT"]],
        ),
    ] = field(default_factory=list)
    position_value_max: Annotated[
        Amount | None, Meta(description="The most that may be held of one instrument.", examples=[100_000.0])
    ] = None
    base_max: Annotated[
        dict[str, Amount],
        Meta(
            description="The most base coins held on all venues, spot and derivatives netted, by asset.",
            examples=[{"BTC": 2.0}],
        ),
    ] = field(default_factory=dict)
    base_value_max: Annotated[
        Amount | None,
        Meta(
            description="The most that may be held of one asset on all venues, netted.", examples=[100_000.0]
        ),
    ] = None
    venue_value_max: Annotated[
        Amount | None,
        Meta(
            description="The most that may be held at one venue, longs and shorts added up.",
            examples=[200_000.0],
        ),
    ] = None
    gross_value_max: Annotated[
        Amount | None,
        Meta(
            description="The most that may be held in all, longs and shorts added up.", examples=[500_000.0]
        ),
    ] = None
    net_value_max: Annotated[
        Amount | None,
        Meta(description="The most that may be held in all, longs and shorts set off.", examples=[100_000.0]),
    ] = None
    open_orders_max: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000)] | None,
        Meta(description="The most orders open at once.", examples=[500]),
    ] = None
    orders_per_second_max: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000)] | None,
        Meta(description="The most orders, and changes of orders, sent in one second.", examples=[200]),
    ] = None
    guards: GuardsConfig = field(default_factory=GuardsConfig)
    pairs: dict[AccountName, PairConfig] = field(default_factory=dict)


class DataConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One source of market data for back-tests, generated or from files; several are played together."""

    synthetic: Annotated[
        str | None,
        Meta(
            description="A synthetic world by name; without files, this is what is played.",
            examples=["busy"],
        ),
    ] = None
    hours: Annotated[float, Meta(ge=0.001, le=1_000_000, description="How long the synthetic data are.")] = (
        1.0
    )
    start: Annotated[
        str, Meta(description="When the synthetic data begin: a date, as 2026-01-01, or an ISO time (UTC).")
    ] = "2026-01-01"
    bars: Annotated[
        str | None,
        Meta(
            description="Play bars of this interval in place of books and trades: made so if synthetic, expected so"
            " of files.",
            examples=["1m"],
        ),
    ] = None
    files: Annotated[
        list[str],
        Meta(description="Files to read, of one instrument; book and trades may be in files of their own."),
    ] = field(default_factory=list)
    format: Annotated[
        str | None,
        Meta(description="The format of the files; found out if not set.", examples=["tardis"]),
    ] = None
    accept: Annotated[
        list[str],
        Meta(
            description="What to let pass in the files, repaired and counted, as unsorted, duplicates or gaps."
        ),
    ] = field(default_factory=list)
    instrument: Annotated[
        str | None,
        Meta(description="What the files are of: VENUE:SYMBOL.", examples=["binance:BTC/USDT:USDT"]),
    ] = None
    symbol: Annotated[
        str | None,
        Meta(description="What the files call it, where that is not its SYMBOL.", examples=["BTCUSDT"]),
    ] = None
    tick: Annotated[
        str | None, Meta(description="Its price step; found in the files if not set.", examples=["0.1"])
    ] = None
    lot: Annotated[
        str | None, Meta(description="Its quantity step; found in the files if not set.", examples=["0.001"])
    ] = None
    multiplier: Annotated[
        str, Meta(description="Base coins (inverse: quote currency) in one unit of quantity.")
    ] = "1"
    maker_fee: Annotated[str, Meta(description="What a maker pays, as a fraction; negative is a rebate.")] = (
        "0"
    )
    taker_fee: Annotated[str, Meta(description="What a taker pays, as a fraction.")] = "0.0005"


class BacktestConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a back-test assumes. The defaults are careful, not kind: docs/replay.md and docs/bars.md tell of each."""

    capital: Annotated[str, Meta(description="What it starts with; also the currency of the report.")] = (
        "10000 USDT"
    )
    entry_latency: Annotated[str, Meta(description="How long a request takes to the venue.")] = "5ms"
    response_latency: Annotated[str, Meta(description="How long an answer takes back.")] = "5ms"
    queue: Annotated[
        Literal["risk_averse", "power", "power_of_total", "power_of_share", "log", "log_of_total"],
        Meta(description="How a waiting order moves in its queue when a level shrinks without a trade."),
    ] = "risk_averse"
    queue_exponent: Annotated[float, Meta(ge=0.001, le=100, description="The n of the power models.")] = 1.0
    fills: Annotated[
        Literal["volume", "through", "complete"],
        Meta(description="What a trade at our price fills of us: what it took, all once through, or all."),
    ] = "volume"
    impact: Annotated[
        bool, Meta(description="Whether what we take stays gone until the level is told again.")
    ] = True
    spread_ticks: Annotated[int, Meta(ge=0, le=1_000_000, description="On bars: between bid and ask.")] = 2
    slippage_ticks: Annotated[
        int, Meta(ge=0, le=1_000_000, description="On bars: what a taker pays on top.")
    ] = 1
    through_ticks: Annotated[
        int,
        Meta(
            ge=0,
            le=1_000_000,
            description="On bars: how far beyond a waiting order's price a bar must go to fill it.",
        ),
    ] = 1
    volume_share: Annotated[
        Annotated[float, Meta(ge=0.000001, le=1)] | None,
        Meta(description="On bars: how much of a bar's volume we may be.", examples=[0.1]),
    ] = 0.1


class JournalConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where it is written down what was decided and what became of it, before anything is sent."""

    place: Annotated[
        Annotated[str, Meta(min_length=1)] | None,
        Meta(
            description="A file, or postgresql://USER@HOST:PORT/DATABASE#NAME where several machines share it; if not"
            " set, in the folder of the run, or of the node among the state of this user (keep).",
            examples=["desk/trading.journal"],
            extra={"expects": "a path, or postgresql://USER@HOST:PORT/DATABASE#NAME", "private": True},
        ),
    ] = None
    keep: Annotated[
        Literal["node", "run"] | None,
        Meta(
            description="node: each run goes on where the last one ended; run: each has a journal of its own. If not"
            " set, node where a place is named, else run: the built-in exchange begins anew with each process.",
            examples=["node"],
        ),
    ] = None
    durability: Annotated[
        Literal["power", "process"],
        Meta(
            description="What an order survives once it is written: power, also a power cut (each order waits for the"
            " disk); process, the death of the process alone."
        ),
    ] = "power"


class VenueConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One account at one venue; the name after `venues.` is what you call it."""

    venue: Annotated[
        str,
        Meta(
            pattern=f"^({'|'.join(VENUES)}|ccxt:[a-z0-9]+)$",
            description="The venue where this account is.",
            examples=["okx"],
            extra={
                "expects": f"one of {', '.join(VENUES)}, or ccxt:NAME for another venue of ccxt's",
                "known": VENUES,
            },
        ),
    ]
    environment: Annotated[
        Literal["live", "testnet", "box"],
        Meta(
            description="live is the venue itself, testnet its test system, box a local exchange in a box."
            " Real money is never meant by silence.",
            examples=["testnet"],
        ),
    ]
    key: Annotated[
        EntryName | None,
        Meta(
            description="The keys that sign for this account; without them the account reads public data only.",
            examples=["okx"],
            extra={
                "expects": "a name that `xtrade keys list` shows, as okx or okx.sub1, never the key itself",
                "private": True,
            },
        ),
    ] = None
    address: Annotated[
        Annotated[str, Meta(pattern=r"^https?://[^/@]+/?$")] | None,
        Meta(
            description="Where a box is; without it, one that runs on this machine is found. Its own key is used unless"
            " another is named.",
            examples=["http://127.0.0.1:9001"],
            extra={"expects": "the address of a box, as http://127.0.0.1:9001"},
        ),
    ] = None
    dead_man: Annotated[
        str | None,
        Meta(
            description="Have the venue cancel every order when it has not heard of this process for so long, where it"
            " can (`xtrade venues`).",
            examples=["60s"],
        ),
    ] = None


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The configuration of xtrade."""

    engine: EngineConfig = field(default_factory=EngineConfig)
    strategies: dict[AccountName, StrategyConfig] = field(default_factory=dict)
    data: dict[AccountName, DataConfig] = field(default_factory=dict)
    backtest: BacktestConfig = field(default_factory=BacktestConfig)
    paper: PaperConfig = field(default_factory=PaperConfig)
    risk: RiskConfig = field(default_factory=RiskConfig)
    venues: dict[AccountName, VenueConfig] = field(default_factory=dict)
    journal: JournalConfig = field(default_factory=JournalConfig)
    log: LogConfig = field(default_factory=LogConfig)


def contradictions(config: Config) -> Iterator[tuple[tuple[str, ...], str]]:
    """Say what is wrong although every option is right for itself: the key to look at, and the sentence."""
    if config.engine.mode == "live" and not any(
        account.key is not None or account.environment == "box" for account in config.venues.values()
    ):
        text = "live needs an account that can trade: add [venues.NAME] and give it a key (`xtrade keys add VENUE`)"
        yield ("engine", "mode"), text
    for name, data in config.data.items():
        if (data.synthetic is None) == (not data.files):
            yield ("data", name), "needs files, or the name of a synthetic world: one of the two"
        elif data.files and data.instrument is None:
            yield ("data", name, "instrument"), "is missing: say what the files are of, as VENUE:SYMBOL"
    loss, emergency = config.risk.guards.account_loss, config.risk.guards.emergency_loss
    if loss is not None and emergency is not None and emergency < loss:
        text = f"{emergency} is below account_loss = {loss}: expected the emergency to be the larger loss"
        yield ("risk", "guards", "emergency_loss"), text
    for name, pair in config.risk.pairs.items():
        if pair.strategy not in config.strategies:
            known = ", ".join(config.strategies) or "there is none"
            yield (
                ("risk", "pairs", name, "strategy"),
                f"{pair.strategy!r} is no strategy here: expected one of {known}",
            )
    for name, account in config.venues.items():
        # Only the venue is named: what stands there may be a secret.
        venue = account.venue.removeprefix("ccxt:")
        if account.key is not None and account.key.removeprefix("ccxt:").partition(".")[0] != venue:
            text = (
                f"the key is of another venue: expected {venue}, or {venue}.LABEL as `xtrade keys"
                " list` shows it"
            )
            yield ("venues", name, "key"), text
