"""The exchange: many markets, many accounts, one price-time book each, and a count of every atom.

    exchange = Exchange()
    exchange.list_market(instrument)
    exchange.open_account("alice", Money.of(1000, "USDT"))
    notices = exchange.place("alice", intent, now_ns=1)

It is synchronous and has no clock: each call says what time it is, and first lets happen what was due by then
(expiries, countdowns, funding). Each call returns its notices: who is told what, in order (xtrade.sim.matching.tape).
What a trader may get wrong is answered by an event, as on a venue; what the caller gets wrong (an unknown account,
time running backwards) raises, and what time brought until then is told by the next call. The same calls give the
same notices, always.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from functools import partial
from heapq import heappop, heappush

from xtrade.model.errors import ConfigError, UsageError
from xtrade.model.events import BalanceReport, BookSnapshot, InstrumentChanged, MarkPrice
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument, Kind
from xtrade.model.money import Money
from xtrade.model.numbers import Number, number, product
from xtrade.model.orders import OrderIntent, TimeInForce, TriggerPrice
from xtrade.model.positions import Position
from xtrade.sim.matching import changes, entry, funding, liquidation, margin, reports
from xtrade.sim.matching.accounts import Account
from xtrade.sim.matching.markets import FundingTerms, Market
from xtrade.sim.matching.orders import OpenOrder
from xtrade.sim.matching.rules import ContractRules, SelfTrade, VenueRules
from xtrade.sim.matching.state import State
from xtrade.sim.matching.tape import Feed, Notice, OrderTriggered

__all__ = ["Exchange"]


class Exchange:
    """A venue's engine. `feeds` says what it tells beyond orders and trades: leave out what nobody reads."""

    def __init__(self, rules: VenueRules | None = None, *, feeds: Iterable[Feed] = tuple(Feed)) -> None:
        self._state = State(rules or VenueRules(), frozenset(feeds))
        self._deposited: dict[str, int] = {}

    # -- markets and prices ---------------------------------------------------------------------------------------

    def list_market(self, instrument: Instrument, contract: ContractRules | None = None) -> None:
        """Trade an instrument from now on. A contract takes no orders before its first mark."""
        if instrument.key in self._state.markets:
            raise ConfigError(f"{instrument.key} is listed already: change it with change_market")
        if instrument.kind is not Kind.SPOT and contract is None:
            contract = ContractRules()
        if instrument.kind is Kind.SPOT and contract is not None:
            raise ConfigError(f"{instrument.key} is a spot market: it takes no contract rules")
        self._state.markets[instrument.key] = Market(instrument, contract)

    def change_market(self, instrument: Instrument, now_ns: int) -> list[Notice]:
        """Trade a new version of an instrument: another status, minimum, tick or lot.

        Where the grid changes all its orders are canceled, as venues do, and positions are counted in the new lots.
        """
        state = self._begin(now_ns)
        market = state.market(instrument.key)
        old = market.instrument
        # What can fail comes before anything is changed.
        moved = {
            holding: holding.position.regridded(old, instrument)
            for account in state.accounts.values()
            if (holding := account.holdings.get(market.key)) is not None
        }
        if _grid(old) != _grid(instrument):
            for account in state.accounts.values():
                changes.cancel_all(state, account, market.key, "instrument_changed")
        for holding, position in moved.items():
            holding.position = position
        reports.tell_books(state)
        if market.last_ticks is not None:
            market.last_ticks = instrument.ticks(old.price(market.last_ticks), toward="nearest")
        market.use(instrument)
        state.tape.publish(
            InstrumentChanged(
                instrument=market.key, venue_ns=now_ns, sequence=market.sequence, now=instrument
            )
        )
        return self._end()

    def set_mark(self, instrument: str, price: Number, now_ns: int) -> list[Notice]:
        """Value positions at this price: wakes orders that wait for it, and liquidates who can no longer pay."""
        state = self._begin(now_ns)
        market = state.market(instrument)
        market.set_mark(_positive(price))
        self._tell_prices(market)
        self._wake(market, TriggerPrice.MARK)
        if market.contract is not None:
            liquidation.check_holders(state, market)
        return self._end()

    def set_index(self, instrument: str, price: Number, now_ns: int) -> list[Notice]:
        """Say what the market is worth elsewhere: wakes orders that wait for it."""
        market = self._begin(now_ns).market(instrument)
        market.index = _positive(price)
        self._tell_prices(market)
        self._wake(market, TriggerPrice.INDEX)
        return self._end()

    def set_funding(
        self, instrument: str, rate: Number, now_ns: int, *, next_ns: int, interval_ns: int
    ) -> list[Notice]:
        """Set the rate of the running period, which ends at `next_ns`; later ones follow at the same rate."""
        state = self._begin(now_ns)
        market = state.market(instrument)
        if market.contract is None or next_ns <= now_ns or interval_ns <= 0:
            raise UsageError(f"{instrument}: funding is of contracts, ends in the future and takes some time")
        moved = market.funding is None or market.funding.next_ns != next_ns
        market.funding = FundingTerms(number(rate), next_ns, interval_ns)
        if moved:
            self._appoint(next_ns, partial(self._pay_funding, market, next_ns))
        funding.announce(state, market)
        return self._end()

    # -- accounts -------------------------------------------------------------------------------------------------

    def open_account(self, name: str, *amounts: Money) -> None:
        """Open an account, with what it starts with."""
        if not name or name in self._state.accounts:
            raise UsageError(f"{name!r} cannot name a new account: it is empty or taken")
        self._state.accounts[name] = Account(name)
        for money in amounts:
            self.deposit(name, money, self._state.now_ns)

    def deposit(self, account: str, money: Money, now_ns: int) -> list[Notice]:
        """Bring money in from outside."""
        self._begin(now_ns)
        self._move(account, _amount(money).atoms, money.currency)
        self._deposited[money.currency] = self._deposited.get(money.currency, 0) + money.atoms
        return self._end()

    def withdraw(self, account: str, money: Money, now_ns: int) -> list[Notice]:
        """Take money out; UsageError if it is more than is available."""
        self._begin(now_ns)
        self._check_available(account, _amount(money))
        self._move(account, -money.atoms, money.currency)
        self._deposited[money.currency] = self._deposited.get(money.currency, 0) - money.atoms
        return self._end()

    def transfer(self, sender: str, receiver: str, money: Money, now_ns: int) -> list[Notice]:
        """Move money between two accounts; UsageError if the sender has too little available."""
        state = self._begin(now_ns)
        state.account(receiver)
        self._check_available(sender, _amount(money))
        self._move(sender, -money.atoms, money.currency)
        self._move(receiver, money.atoms, money.currency)
        return self._end()

    def fund_insurance(self, money: Money) -> None:
        """Bring money from outside into the insurance fund."""
        self._state.house.insurance[money.currency] += _amount(money).atoms
        self._deposited[money.currency] = self._deposited.get(money.currency, 0) + money.atoms

    def set_leverage(self, account: str, instrument: str, leverage: int) -> None:
        """Choose how thinly a contract is margined; UsageError if that is out of range or frees too little."""
        owner, market = self._state.account(account), self._state.market(instrument)
        most = 0 if market.contract is None else market.contract.tiers[0].leverage_max
        if not 1 <= leverage <= most:
            raise UsageError(f"leverage {leverage} on {instrument}: expected a whole number from 1 to {most}")
        holding = owner.holding(market)
        before, holding.leverage = holding.leverage, leverage
        if leverage < before and margin.available(owner, market.settle) < 0:
            holding.leverage = before
            raise UsageError(
                f"leverage {leverage} on {instrument}: the margin that this takes is not available"
            )

    def set_isolated(self, account: str, instrument: str, isolated: bool) -> None:
        """Give a contract a pot of its own, or the wallet for one; only while it has no position and no orders."""
        owner, market = self._state.account(account), self._state.market(instrument)
        holding = owner.holding(market)
        if holding.lots or any(order.intent.instrument == instrument for order in owner.orders.values()):
            raise UsageError(
                f"{account}: close the position and the orders on {instrument} before changing its margin"
            )
        holding.isolated = isolated

    def add_margin(self, account: str, instrument: str, money: Money, now_ns: int) -> list[Notice]:
        """Move money between the wallet and the pot of an isolated position (below zero: out of the pot)."""
        state = self._begin(now_ns)
        owner, market = state.account(account), state.market(instrument)
        holding = owner.holding(market)
        if not (holding.isolated and holding.lots) or money.currency != market.settle:
            raise UsageError(f"{account}: {instrument} has no isolated position in {money.currency}")
        if money.atoms > 0:
            self._check_available(account, money)
        elif holding.pot + min(0, holding.unrealised) + money.atoms < margin.initial(holding, holding.value):
            raise UsageError(f"{account}: {-money} is more than the position on {instrument} can spare")
        holding.pot += money.atoms
        self._move(account, -money.atoms, money.currency)
        return self._end()

    def pay_fees_in_token(self, account: str, *, enabled: bool) -> None:
        """Let an account pay its fees in the venue's fee token while it has some."""
        self._state.account(account).fees_in_token = enabled

    def set_token_price(self, currency: str, price: Number) -> None:
        """Say what one fee token is worth in a currency in which fees are charged."""
        self._state.token_prices[currency] = Fraction(_positive(price))

    # -- orders ---------------------------------------------------------------------------------------------------

    def place(
        self, account: str, intent: OrderIntent, now_ns: int, *, self_trade: SelfTrade | None = None
    ) -> list[Notice]:
        """Take an order. `self_trade` is what happens when it meets the account's own; else the venue's rule."""
        state = self._begin(now_ns)
        owner = state.account(account)
        entry.place(state, owner, intent, self_trade or state.rules.self_trade)
        order = owner.orders.get(intent.client_order_id)
        if order is not None and order.intent is intent and intent.time_in_force is TimeInForce.GTD:
            assert intent.expires_ns is not None, "problems() asks for the time of expiry"
            self._appoint(intent.expires_ns, partial(changes.expire, state, order))
        return self._end()

    def amend(
        self,
        account: str,
        client_order_id: ClientOrderId,
        now_ns: int,
        *,
        lots: int | None = None,
        ticks: int | None = None,
        request: int = 1,
    ) -> list[Notice]:
        """Change an open order's total quantity or limit price; only less at the same price keeps its place."""
        state = self._begin(now_ns)
        changes.amend(state, state.account(account), client_order_id, lots=lots, ticks=ticks, request=request)
        return self._end()

    def cancel(
        self, account: str, client_order_id: ClientOrderId, now_ns: int, *, request: int = 1
    ) -> list[Notice]:
        """Cancel one order, resting or sleeping."""
        state = self._begin(now_ns)
        changes.cancel(state, state.account(account), client_order_id, request)
        return self._end()

    def cancel_all(self, account: str, now_ns: int, *, instrument: str | None = None) -> list[Notice]:
        """Cancel an account's open orders of one instrument, or all of them."""
        state = self._begin(now_ns)
        changes.cancel_all(state, state.account(account), instrument, "user")
        return self._end()

    def set_countdown(
        self, account: str, after_ns: int, now_ns: int, *, instrument: str | None = None
    ) -> list[Notice]:
        """Cancel all orders unless this is called again within `after_ns`; 0 stops the countdown."""
        state = self._begin(now_ns)
        state.account(account)
        scope = account, instrument
        if after_ns <= 0:
            state.countdowns.pop(scope, None)
        else:
            state.countdowns[scope] = now_ns + after_ns
            self._appoint(
                now_ns + after_ns, partial(self._count_down, account, instrument, now_ns + after_ns)
            )
        return self._end()

    def advance(self, now_ns: int) -> list[Notice]:
        """Let time pass: good-till-date orders expire, countdowns run out, funding is paid."""
        self._begin(now_ns)
        return self._end()

    @property
    def next_due_ns(self) -> int | None:
        """When `advance` has something to do next, at the earliest; None if nothing is waiting."""
        return self._state.agenda[0][0] if self._state.agenda else None

    # -- what is asked --------------------------------------------------------------------------------------------

    def book(self, instrument: str) -> BookSnapshot:
        """The whole book, in step with the deltas up to its sequence number."""
        return reports.snapshot(self._state, self._state.market(instrument))

    def open_orders(self, account: str, instrument: str | None = None) -> list[OpenOrder]:
        """An account's open orders, oldest first."""
        orders = sorted(self._state.account(account).orders.values(), key=lambda order: order.number)
        return [order.shown() for order in orders if instrument in {None, order.intent.instrument}]

    def queue(self, instrument: str) -> list[OpenOrder]:
        """All resting orders of a book: bids, then asks, best price first and oldest first."""
        book = self._state.market(instrument).book
        return [order.shown() for side in (book.bids, book.asks) for order in side]

    def balance(self, account: str, currency: str) -> BalanceReport:
        """What an account has of a currency, and how much of that is tied up."""
        return reports.balance(self._state, self._state.account(account), currency)

    def position(self, account: str, instrument: str) -> Position:
        """What an account holds of a contract."""
        return self._state.account(account).holding(self._state.market(instrument)).position

    def isolated_margin(self, account: str, instrument: str) -> Money:
        """What is in the pot of an isolated position."""
        holding = self._state.account(account).holding(self._state.market(instrument))
        return Money(holding.pot, holding.market.settle)

    def liquidation_price(self, account: str, instrument: str) -> Decimal | None:
        """The price at which the position would be liquidated if nothing else moved; None if there is none."""
        market = self._state.market(instrument)
        owner = self._state.account(account)
        holding = owner.holding(market)
        ticks = margin.liquidation_ticks(owner, holding) if holding.lots else None
        return None if ticks is None else product(ticks, market.instrument.tick)

    def house(self, currency: str) -> dict[str, Money]:
        """The venue's own purses: "fees", "insurance", and "rounding"."""
        house = self._state.house
        purses = {"fees": house.fees, "insurance": house.insurance, "rounding": house.rounding}
        return {name: Money(purse.get(currency, 0), currency) for name, purse in purses.items()}

    def unaccounted(self) -> tuple[Money, ...]:
        """What is in all wallets, pots and purses, at cost, beyond what was brought in: always nothing at all."""
        return reports.unaccounted(self._state, self._deposited)

    # -- how ------------------------------------------------------------------------------------------------------

    def _begin(self, now_ns: int) -> State:
        """Let happen what was due by now, each thing at its own time."""
        state = self._state
        if now_ns < state.now_ns:
            raise UsageError(f"time runs backwards: it was {state.now_ns} already, and now {now_ns}")
        while state.agenda and state.agenda[0][0] <= now_ns:
            due_ns, _, happen = heappop(state.agenda)
            state.now_ns = due_ns
            happen()
            self._settle()
        state.now_ns = now_ns
        return state

    def _end(self) -> list[Notice]:
        self._settle()
        return self._state.tape.take()

    def _settle(self) -> None:
        """Wake what the trades of this call have woken, then tell which books and accounts changed."""
        state = self._state
        # A woken order may trade, and wake the next; each wakes once, so this ends.
        while printed := [market for market in state.touched_markets.values() if market.printed]:
            for market in printed:
                self._wake(market, TriggerPrice.LAST)
        reports.tell_books(state)
        reports.tell_accounts(state)

    def _wake(self, market: Market, by: TriggerPrice) -> None:
        state = self._state
        if by is TriggerPrice.LAST:
            reached = [(ticks, ticks) for ticks in market.printed]
            market.printed.clear()
        else:
            reached = [prices for prices in (market.reached(by),) if prices is not None]
        for prices in reached:
            for order in market.triggers.woken(by, prices):
                triggered = OrderTriggered(
                    account=order.account,
                    venue_ns=state.now_ns,
                    client_order_id=order.client_order_id,
                    venue_order_id=order.venue_order_id,
                    instrument=market.key,
                )
                state.tape.tell(order.account, triggered)
                entry.wake(state, market, order)

    def _appoint(self, due_ns: int, happen: Callable[[], None]) -> None:
        heappush(self._state.agenda, (due_ns, self._state.number(), happen))

    def _count_down(self, account: str, instrument: str | None, due_ns: int) -> None:
        state = self._state
        # A countdown that was set again, or stopped, has another end.
        if state.countdowns.get((account, instrument)) == due_ns:
            del state.countdowns[account, instrument]
            changes.cancel_all(state, state.account(account), instrument, "countdown")

    def _pay_funding(self, market: Market, due_ns: int) -> None:
        terms = market.funding
        if terms is None or terms.next_ns != due_ns:
            return
        funding.pay(self._state, market)
        liquidation.check_holders(self._state, market)
        self._appoint(terms.next_ns, partial(self._pay_funding, market, terms.next_ns))

    def _tell_prices(self, market: Market) -> None:
        if market.mark is not None:
            mark = MarkPrice(
                instrument=market.key, venue_ns=self._state.now_ns, mark=market.mark, index=market.index
            )
            self._state.tape.publish(mark)

    def _move(self, account: str, atoms: int, currency: str) -> None:
        owner = self._state.account(account)
        owner.wallet[currency] += atoms
        self._state.touch(account, currency)

    def _check_available(self, account: str, money: Money) -> None:
        free = margin.available(self._state.account(account), money.currency)
        if money.atoms > free:
            raise UsageError(f"{account} has {Money(free, money.currency)} available, not {money}")


def _grid(instrument: Instrument) -> tuple[object, ...]:
    return instrument.tick, instrument.lot, instrument.multiplier, instrument.tick_bands


def _positive(price: Number) -> Decimal:
    value = number(price)
    if value <= 0:
        raise UsageError(f"{value} is not a price: expected a number above zero")
    return value


def _amount(money: Money) -> Money:
    if money.atoms <= 0:
        raise UsageError(f"{money} cannot be moved: expected an amount above zero")
    return money
