"""A position worked by hand: two buys, a partial close, a flip, with fees in three currencies and a funding payment.

uv run python examples/position_by_hand.py
"""

from decimal import Decimal

from xtrade import Fill, Instrument, Kind, Money, Position, Side

PERP = Instrument(
    venue="okx",
    symbol="BTC/USDT:USDT",
    native="BTC-USDT-SWAP",
    kind=Kind.LINEAR,
    base="BTC",
    quote="USDT",
    settle="USDT",
    tick=Decimal("0.1"),
    lot=Decimal("0.1"),
    multiplier=Decimal("0.01"),
)


def fill(side: Side, base: str, price: str, fee: str) -> Fill:
    """A fill as a person would say it; exact, or an error."""
    return Fill(
        trade_id=f"{side} {base} at {price}",
        side=side,
        ticks=PERP.ticks(price),
        lots=PERP.lots_of_base(base),
        fee=Money.parse(fee),
    )


def main() -> None:
    """Book the story and say, after each line, what is held and earned."""
    position = Position.flat(PERP)
    for traded in (
        fill(Side.BUY, "0.05", "95000.1", "2.375 USDT"),
        fill(Side.BUY, "0.02", "94000", "0.0021 BNB"),
        fill(Side.SELL, "0.03", "96500.5", "-0.29 USDT"),
        fill(Side.SELL, "0.10", "96000", "0.00003 BTC"),
    ):
        position = position.after_fill(PERP, traded)
        held = PERP.base_amount(ticks=traded.ticks, lots=position.lots)
        print(
            f"{traded.trade_id:<22} held {held!s:>9}  entry {position.entry_price(PERP)}  earned {position.realised}"
        )
    position = position.after_funding(Money.of("0.288", "USDT"))
    print("closing at 95 500 would add", position.unrealised(PERP, "95500"))
    print("fees paid:", ", ".join(map(str, position.fees)), "| funding received:", *position.funding)


if __name__ == "__main__":
    main()
