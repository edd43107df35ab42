"""What is told once, at the end of a call: books that changed, then accounts that changed."""

from __future__ import annotations

from collections import defaultdict

from xtrade.model.events import BalanceReport, BookDelta, BookSnapshot, PositionReport
from xtrade.model.money import Money
from xtrade.sim.matching.accounts import Account
from xtrade.sim.matching.margin import tied_up
from xtrade.sim.matching.markets import Market
from xtrade.sim.matching.state import State
from xtrade.sim.matching.tape import Feed

__all__ = ["balance", "position", "snapshot", "tell_accounts", "tell_books", "unaccounted"]


def tell_books(state: State) -> None:
    """Tell everybody which levels changed, once for each book."""
    for market in state.touched_markets.values():
        if not market.book.changed:
            continue
        if Feed.LEVELS not in state.feeds:
            market.book.changed.clear()
            continue
        bids, asks = market.book.take_changes()
        market.sequence += 1
        state.tape.publish(
            BookDelta(
                instrument=market.key,
                venue_ns=state.now_ns,
                sequence=market.sequence,
                previous_sequence=market.sequence - 1,
                bids=bids,
                asks=asks,
            )
        )
    state.touched_markets.clear()


def snapshot(state: State, market: Market) -> BookSnapshot:
    """The whole book as the deltas up to its sequence number have made it."""
    return BookSnapshot(
        instrument=market.key,
        venue_ns=state.now_ns,
        sequence=market.sequence,
        bids=market.book.bids.depth(),
        asks=market.book.asks.depth(),
    )


def tell_accounts(state: State) -> None:
    """Tell each account its balances and positions that changed."""
    if Feed.ACCOUNTS in state.feeds:
        for name, what in state.touched_accounts:
            account = state.accounts[name]
            market = state.markets.get(what)
            event = balance(state, account, what) if market is None else position(state, account, market)
            state.tape.tell(name, event)
    state.touched_accounts.clear()


def balance(state: State, account: Account, currency: str) -> BalanceReport:
    """What an account has of a currency, and how much of that is tied up."""
    return BalanceReport(
        account=account.name,
        venue_ns=state.now_ns,
        total=Money(account.wallet[currency], currency),
        held=Money(tied_up(account, currency), currency),
    )


def position(state: State, account: Account, market: Market) -> PositionReport:
    """What an account holds of a contract."""
    held = account.holding(market).position
    return PositionReport(
        account=account.name,
        venue_ns=state.now_ns,
        instrument=market.key,
        lots=held.lots,
        entry_price=held.entry_price(market.instrument),
    )


def unaccounted(state: State, deposited: dict[str, int]) -> tuple[Money, ...]:
    """What all wallets, pots and purses hold, less what open positions cost, beyond what was brought in."""
    totals: defaultdict[str, int] = defaultdict(int)
    for account in state.accounts.values():
        for currency, atoms in account.wallet.items():
            totals[currency] += atoms
        for holding in account.holdings.values():
            totals[holding.market.settle] += holding.pot - holding.position.cost.atoms
    for purse in (state.house.fees, state.house.insurance, state.house.rounding):
        for currency, atoms in purse.items():
            totals[currency] += atoms
    for currency, atoms in deposited.items():
        totals[currency] -= atoms
    return tuple(Money(atoms, currency) for currency, atoms in sorted(totals.items()) if atoms)
