"""Plays a strategy's compiled form, and writes down what its Python form would have left behind: the same rows.

The kernel's journal is read once, after the run: it has every order that was sent or refused, and every report.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Any, Final

import msgspec

from xtrade.model.durations import duration_text
from xtrade.model.errors import UsageError
from xtrade.model.events import FundingPaid, OrderSent
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument, Kind, TradingStatus
from xtrade.model.money import ATOMS_PER_UNIT, Money
from xtrade.model.order_state import OrderState
from xtrade.model.orders import OrderIntent, OrderType, TimeInForce
from xtrade.model.sides import Side
from xtrade.research.recorder import Recorder
from xtrade.runtime.ids import BITS_63, ClientOrderIds, MemoryMark
from xtrade.sim.bars.assumptions import BarAssumptions
from xtrade.sim.bars.columns import Bars
from xtrade.sim.bars.tape import BarTape
from xtrade.sim.desks import layout
from xtrade.sim.desks.layout import Entry, Rule
from xtrade.sim.desks.runs import Gate, run_bars, run_tape
from xtrade.sim.replay.layout import EMPTY, REPORT_ID, Style, World
from xtrade.sim.replay.models import Assumptions
from xtrade.sim.replay.reports import Reports
from xtrade.sim.replay.tape import Tape
from xtrade.trading.compiled import Compiled
from xtrade.trading.ports import Refused
from xtrade.trading.risk import RULES, Limits, Situation, TradingState
from xtrade.trading.strategy import Strategy
from xtrade.trading.subscriptions import BarFeed, BookFeed

__all__ = ["can_be_compiled", "gate_of", "play_compiled"]

NOT_COMPILED: Final = (
    "order_value_min",
    "order_base_max",
    "position_base_max",
    "quote_age_ms_max",
    "instruments",
)
"""Limits that only the risk gate itself knows."""

_WORTH_MOST: Final = 1 << 62
_RULES: Final = {rule.__name__: rule for rule in RULES}
_TIMES: Final = {Style.IOC: TimeInForce.IOC, Style.FOK: TimeInForce.FOK}


def play_compiled(
    strategies: Mapping[str, Strategy[Any]],
    tape: Tape | BarTape,
    assumptions: Mapping[str, Assumptions] | Mapping[str, BarAssumptions],
    limits: Mapping[str, Limits],
) -> Recorder:
    """Play data to the compiled form of the only strategy; a UsageError says why that cannot be done."""
    why = can_be_compiled(strategies, tape)
    if why is not None:
        raise UsageError(f"{why}: play it without compiled=True (or --compiled)")
    ((name, strategy),) = strategies.items()
    (feed,) = strategy.subscriptions()
    assert isinstance(feed, BookFeed | BarFeed), "asked above"
    place = tape.keys.index(feed.instrument)
    instrument = tape.instruments[place][0]
    form = strategy.compiled(instrument)
    assert form is not None, "asked above"
    allowed = limits.get(name, Limits())
    unknown = [limit for limit in NOT_COMPILED if getattr(allowed, limit)]
    if unknown:
        raise UsageError(
            f"the limit {unknown[0]} of {name} is not known to a kernel: play it without compiled=True (or --compiled)"
        )
    journal = _played(form, feed, tape, place, assumptions, gate_of(allowed, instrument))
    return _Reader(name, instrument, allowed, tape).read(journal)


def can_be_compiled(strategies: Mapping[str, Strategy[Any]], tape: Tape | BarTape) -> str | None:
    """Return None if these strategies can be played in compiled form on these data, or why they cannot."""
    if len(strategies) != 1:
        return f"a compiled back-test plays one strategy, and there are {len(strategies)}"
    ((name, strategy),) = strategies.items()
    feeds = list(strategy.subscriptions())
    wanted = BookFeed if isinstance(tape, Tape) else BarFeed
    if len(feeds) != 1 or not isinstance(feeds[0], wanted):
        heard = ", ".join(type(feed).__name__ for feed in feeds) or "nothing"
        data = "books and trades" if isinstance(tape, Tape) else "bars"
        return (
            f"{name} subscribes to {heard}, and a compiled decision on {data} hears of one {wanted.__name__}"
        )
    feed = feeds[0]
    if feed.instrument not in tape.keys:
        return f"{name} trades {feed.instrument}, and the data are of {', '.join(tape.keys)}"
    place = tape.keys.index(feed.instrument)
    versions = tape.instruments[place]
    if len(versions) > 1:
        return f"{feed.instrument} has {len(versions)} grids in these data, and a compiled decision knows one"
    if isinstance(feed, BarFeed) and isinstance(tape, BarTape):
        why = _bars_cannot(feed, tape.bars[place])
        if why is not None:
            return f"{name} {why}"
    if versions[0].tick_bands or versions[0].status is not TradingStatus.TRADING:
        return f"{feed.instrument} has prices of several ticks, or is not trading: a kernel does not look at that"
    if strategy.compiled(versions[0]) is None:
        return f"{name} has no compiled form for {feed.instrument}"
    return None


def _bars_cannot(feed: BarFeed, bars: Bars) -> str | None:
    """Return why the bars of a feed cannot be had from these in a kernel; None if they can."""
    length = duration_text(bars.interval_ns)
    if feed.of != "trades":
        return f"wants bars of the {feed.of}, and the data are bars of trades"
    if feed.interval_ns % bars.interval_ns:
        return f"wants bars of {duration_text(feed.interval_ns)}, and the data are bars of {length}"
    if feed.interval_ns != bars.interval_ns and (bars.start_ns % bars.interval_ns).any():
        return f"wants bars of {duration_text(feed.interval_ns)}, and the data's bars of {length} begin in between"
    return None


def gate_of(limits: Limits, instrument: Instrument) -> Gate:
    """Return what the risk gate allows on an instrument, as the kernel counts it; exact, whatever the amounts."""
    priced = instrument.kind is not Kind.INVERSE
    unit = Fraction(instrument.notional(ticks=1, lots=1).atoms)
    return Gate(
        lots_min=instrument.min_lots,
        lots_max=instrument.max_lots,
        lots_max_market=instrument.max_market_lots,
        priced=priced,
        worth_min=min(ceil(Fraction(instrument.min_notional) * ATOMS_PER_UNIT / unit), _WORTH_MOST),
        order_worth_max=_units(limits.order_value_max, unit),
        position_worth_max=_units(limits.position_value_max, unit),
        band=None if limits.price_band is None else float(limits.price_band),
        spot=instrument.kind is Kind.SPOT,
        open_orders_max=limits.open_orders_max,
        orders_per_second_max=limits.orders_per_second_max,
    )


def _units(amount: Decimal | None, unit: Fraction) -> int | None:
    return None if amount is None else min(floor(Fraction(amount) * ATOMS_PER_UNIT / unit), _WORTH_MOST)


def _played(
    form: Compiled,
    feed: BookFeed | BarFeed,
    tape: Tape | BarTape,
    place: int,
    assumptions: Mapping[str, Assumptions] | Mapping[str, BarAssumptions],
    gate: Gate,
) -> World:
    assumed: Any = [assumptions[key] for key in tape.keys]
    if isinstance(tape, Tape):
        assert isinstance(feed, BookFeed), "asked above"
        return run_tape(
            tape,
            place,
            form.decide,
            form.params,
            every_ns=feed.every_ns,
            state=form.state,
            assumptions=assumed,
            gate=gate,
        )
    assert isinstance(feed, BarFeed), "asked above"
    return run_bars(
        tape,
        place,
        form.decide,
        form.params,
        interval_ns=feed.interval_ns,
        state=form.state,
        assumptions=assumed,
        gate=gate,
    )


class _Held:
    """What the strategy holds while the journal is read: whose funding it is."""

    def __init__(self, strategy: str) -> None:
        self._strategy = strategy
        self._lots = 0
        self._traded = False

    def fill(self, side: Side, lots: int) -> None:
        self._lots += side.sign * lots
        self._traded = True

    def lots(self, strategy: str, key: str) -> int:
        del strategy, key
        return self._lots

    def shares(self, paid: FundingPaid) -> dict[str, Money]:
        return {self._strategy: paid.amount} if self._traded else {}


class _Reader:
    """Reads the journal of a desk into a recorder: the events that an engine would have written."""

    def __init__(self, strategy: str, instrument: Instrument, limits: Limits, tape: Tape | BarTape) -> None:
        self._strategy = strategy
        self._instrument = instrument
        self._limits = limits
        self._versions = tape.instruments
        self._now_ns = 0
        self._ids = ClientOrderIds(MemoryMark(BITS_63), lambda: self._now_ns)
        self._names = [ClientOrderId(0)]
        self._held = _Held(strategy)
        self._recorder = Recorder()
        self._recorder.portfolio = self._held

    def read(self, journal: World) -> Recorder:
        """Return what was recorded."""
        # Orders are known to people by the ids that an engine would have given them.
        reports = Reports(journal.reshape(-1).data, self._versions)
        append = self._recorder.append
        for number, entry in enumerate(journal.tolist()):
            kind = entry[layout.ENTRY_KIND]
            if kind == Entry.HEARD:
                at = number * layout.ENTRY_WORDS + layout.ENTRY_REPORT
                name = entry[layout.ENTRY_REPORT + REPORT_ID]
                journal[number, layout.ENTRY_REPORT + REPORT_ID] = self._names[name]
                event = reports.event(at)
                append(event)  # type: ignore[arg-type]
                if (fill := getattr(event, "fill", None)) is not None:
                    self._held.fill(fill.side, fill.lots)
                continue
            intent = self._intent(entry)
            if kind == Entry.REFUSED:
                append(self._refused(intent, entry))
            else:
                append(intent)
                append(OrderSent(client_order_id=intent.client_order_id))
        return self._recorder

    def _intent(self, entry: list[int]) -> OrderIntent:
        self._now_ns = entry[layout.ENTRY_NS]
        name = self._ids.next()
        self._names.append(name)
        style = entry[layout.ENTRY_STYLE]
        is_market = style == Style.MARKET
        return OrderIntent(
            client_order_id=name,
            instrument=self._instrument.key,
            instrument_version=self._instrument.version,
            side=Side.BUY if entry[layout.ENTRY_SIDE] == 0 else Side.SELL,
            type=OrderType.MARKET if is_market else OrderType.LIMIT,
            lots=entry[layout.ENTRY_LOTS],
            ticks=None if is_market else entry[layout.ENTRY_TICKS],
            time_in_force=_TIMES.get(Style(style), TimeInForce.GTC),
            post_only=style == Style.POST_ONLY,
            strategy=self._strategy,
            decided_ns=self._now_ns,
        )

    def _refused(self, intent: OrderIntent, entry: list[int]) -> Refused:
        """Ask the rule that refused, in the situation that it looked at, for its words."""
        rule = _RULES[Rule(entry[layout.ENTRY_RULE]).name.lower()]
        orders = [_state(intent, intent.side, entry[layout.ENTRY_OPEN_LOTS])]
        if rule.__name__ == "open_orders":
            orders *= entry[layout.ENTRY_OPEN_COUNT]
        if rule.__name__ == "self_trade":
            met = msgspec.structs.replace(intent, client_order_id=self._names[entry[layout.ENTRY_OTHER]])
            orders = [_state(met, intent.side.opposite, 1)]
        situation = Situation(
            instrument=self._instrument,
            book=_Book(self._instrument, entry),
            state=TradingState.ACTIVE,
            position_lots=entry[layout.ENTRY_HELD],
            open_orders=orders,
            sent_last_second=self._limits.orders_per_second_max,
        )
        refusal = rule(intent, situation, self._limits)
        assert refusal is not None, f"the kernel refused by {rule.__name__}, and the rule itself does not"
        return Refused(intent=intent, at_ns=self._now_ns, **refusal._asdict())


def _state(like: OrderIntent, side: Side, lots: int) -> OrderState:
    """Return an open order at the market that is all that a rule looks at."""
    terms = {"side": side, "type": OrderType.MARKET, "ticks": None, "lots": lots, "post_only": False}
    return OrderState(intent=msgspec.structs.replace(like, **terms))


class _Book:
    """The book that a rule looked at."""

    bid_lots = ask_lots = 0

    def __init__(self, instrument: Instrument, entry: list[int]) -> None:
        self.instrument = instrument
        self.is_trusted = bool(entry[layout.ENTRY_TRUSTED])
        bid, ask = entry[layout.ENTRY_BID], entry[layout.ENTRY_ASK]
        self.bid_ticks = None if bid == EMPTY else bid
        self.ask_ticks = None if ask == -EMPTY else ask
        self.mid_ticks = None if self.bid_ticks is None or self.ask_ticks is None else (bid + ask) / 2

    def levels(self, side: Side, count: int) -> list[tuple[int, int]]:
        """Rules do not ask for levels."""
        del side, count
        return []
