"""A process that trades with a venue that forgets nothing, and is killed: write, then send, then hear.

    trader.py JOURNAL VENUE SEED

The venue is a file of lines, appended to without buffering: what reached it stays, whatever becomes of us. On standard
output it says `ready` once it is in, and then each number it has durably written and been told of.
"""

import os
import sys
from random import Random

from xtrade.model.errors import AccountHeld
from xtrade.model.events import OrderFilled, OrderSent
from xtrade.model.fills import Fill
from xtrade.model.ids import ClientOrderId
from xtrade.model.orders import OrderIntent, OrderType
from xtrade.model.sides import Side
from xtrade.trading import checkpoints
from xtrade.trading.journal import open_journal

KEY = "binance:BTC/USDT:USDT"


def main(where, venue, seed):
    chance = Random(seed)
    wait = {"wait_s": 60.0} if where.startswith("postgresql") and "--standby" in sys.argv else {}
    try:
        journal = open_journal(where, accounts=["okx"], **wait)
    except AccountHeld as error:
        print(f"held {error}", flush=True)
        return
    from kit.markets import instrument
    from xtrade.trading.ports import InstrumentKnown

    journal.append(InstrumentKnown(instrument=instrument()))
    # Often, so that some deaths come while one is being made.
    checkpoints.KEEP_AFTER = 40
    store = checkpoints.restored(journal.store, keep=True).store
    exchange = os.open(venue, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    there = {int(line) for line in os.pread(exchange, 1 << 30, 0).splitlines() if line}
    # What is in doubt is asked of the venue, and never sent again.
    for state in store.in_doubt():
        number = state.intent.client_order_id
        if number in there:
            journal.append(fill(number))
    number = max([0, *there, *store.orders])
    print("ready", os.getpid(), flush=True)
    while True:
        number += 1
        if number % 9 == 0:
            checkpoints.restored(journal.store, keep=True)
        journal.append(intent(number))
        os.write(exchange, b"%d\n" % number)
        journal.append(OrderSent(client_order_id=ClientOrderId(number)))
        if chance.random() < 0.9:
            journal.append(fill(number))
            print(number, flush=True)


def intent(number):
    return OrderIntent(
        client_order_id=ClientOrderId(number),
        instrument=KEY,
        instrument_version=1,
        side=Side.BUY,
        type=OrderType.MARKET,
        lots=1,
        strategy="one",
    )


def fill(number):
    trade = Fill(trade_id=f"t{number}", side=Side.BUY, ticks=1000, lots=1)
    return OrderFilled(client_order_id=ClientOrderId(number), fill=trade)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
