"""hftbacktest plays the same markets, scripts and maker; what it reports of its orders is written down.

It must be installed (benchmarks/run sees to that); it is imported when it is used.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from agreement.markets import (
    BUY,
    CLEAR,
    LEVEL,
    MS,
    QUEUES,
    SELL,
    STYLES,
    TRADE,
    WIDTH,
    Data,
    Do,
    Fill,
    Model,
    quote,
    reported,
)


def their_rows(data: Data) -> np.ndarray:
    """Return their events: first the venue's in its order, then those that are heard in theirs."""
    import hftbacktest as hft

    kinds = {LEVEL: hft.DEPTH_EVENT, TRADE: hft.TRADE_EVENT, CLEAR: hft.DEPTH_CLEAR_EVENT}
    told = [row for row in data.rows if row[2] in kinds and not (row[2] == CLEAR and row[3] == SELL)]
    found = np.zeros(len(told), hft.event_dtype)
    for at, (local_ns, venue_ns, kind, side, ticks, lots) in enumerate(told):
        # Both sides are cleared by one event without a side.
        sided = 0 if kind == CLEAR else hft.BUY_EVENT if side == BUY else hft.SELL_EVENT
        row = (kinds[kind] | sided, venue_ns, local_ns, ticks * data.tick, lots * data.lot, 0, 0, 0.0)
        found[at] = row
    there = found[np.argsort(found["exch_ts"], kind="stable")]
    heard = found.copy()
    there["ev"] |= hft.EXCH_EVENT
    heard["ev"] |= hft.LOCAL_EVENT
    return np.concatenate([there, heard])


def their_world(data: Data, rows: np.ndarray, model: Model, measured: np.ndarray):
    from hftbacktest import BacktestAsset, ROIVectorMarketDepthBacktest

    ticks = [row[4] for row in data.rows if row[2] in {LEVEL, TRADE}]
    asset = BacktestAsset().data(rows).linear_asset(1.0).trading_value_fee_model(0.0, 0.0)
    asset = asset.tick_size(data.tick).lot_size(data.lot)
    asset = asset.roi_lb((min(ticks) - 1000) * data.tick).roi_ub((max(ticks) + 1000) * data.tick)
    queue, name = QUEUES[model.queue]
    asset = getattr(asset, name)(*([queue.exponent] if model.queue.startswith("power") else []))
    asset = asset.partial_fill_exchange() if model.partial else asset.no_partial_fill_exchange()
    if model.latency == "recorded":
        asset = asset.intp_order_latency(measured, 0)
    else:
        delay = MS if model.latency == "constant" else 0
        asset = asset.constant_order_latency(delay, delay)
    return ROIVectorMarketDepthBacktest([asset])


def their_players():  # noqa: PLR0915  (three functions that are compiled when hftbacktest is there)
    """Compile what plays a script there, what plays the maker, and what both write down of each report they hear."""
    from hftbacktest import EXPIRED, FILLED, GTC, GTX, LIMIT
    from hftbacktest.order import CANCELED, IOC

    gtx, gtc, ioc, limit = GTX, GTC, IOC, LIMIT
    expired, filled, canceled = EXPIRED, FILLED, CANCELED

    @njit
    def look(hbt, live, lefts, count, fills, lot, partial, record):
        """Write down what the orders that live have been filled since the last look."""
        place = 0
        while place < count:
            order = hbt.orders(0).get(live[place])
            maker = order.arr[0].maker
            left = round(order.leaves_qty / lot)
            if left != lefts[place]:
                record[fills, 0] = live[place]
                record[fills, 1] = hbt.current_timestamp
                record[fills, 2] = order.exch_timestamp
                record[fills, 3] = order.exec_price_tick
                record[fills, 4] = lefts[place] - left
                record[fills, 5] = maker
                fills += 1
                lefts[place] = left
            if order.status == filled and partial and maker:
                # An order that was filled to the lot stays in their book, and stops them when it is met again.
                hbt.cancel(0, live[place], False)
            if order.status in (filled, expired, canceled):
                count -= 1
                live[place] = live[count]
                lefts[place] = lefts[count]
            else:
                place += 1
        return count, fills

    @njit
    def play(hbt, script, tick, lot, partial, record):
        live = np.zeros(4096, np.int64)
        lefts = np.zeros(4096, np.int64)
        count = fills = at = 0
        hbt.elapse(0)
        while True:
            until = script[at, 0] if at < len(script) else 2**62
            status = hbt.wait_next_feed(True, until - hbt.current_timestamp)
            if status != 2:
                count, fills = look(hbt, live, lefts, count, fills, lot, partial, record)
            if status not in (0, 2, 3):
                return fills, status, hbt.current_timestamp
            while at < len(script) and script[at, 0] <= hbt.current_timestamp:
                name = script[at, 2]
                if script[at, 1]:
                    order = hbt.orders(0).get(name)
                    if order is not None and order.cancellable:
                        hbt.cancel(0, name, False)
                else:
                    style = gtc if script[at, 6] == 0 else gtx if script[at, 6] == 1 else ioc
                    price, lots = script[at, 4] * tick, script[at, 5] * lot
                    if script[at, 3] == 0:
                        hbt.submit_buy_order(0, name, price, lots, style, limit, False)
                    else:
                        hbt.submit_sell_order(0, name, price, lots, style, limit, False)
                    live[count] = name
                    lefts[count] = script[at, 5]
                    count += 1
                at += 1

    @njit
    def make(hbt, first_ns, step_ns, record):
        live = np.zeros(4096, np.int64)
        lefts = np.zeros(4096, np.int64)
        quotes = np.zeros(2 * WIDTH, np.int64)
        count = fills = name = 0
        now = first_ns
        hbt.elapse(0)
        while True:
            now += step_ns
            status = 2
            while hbt.current_timestamp < now and status != 1:
                status = hbt.wait_next_feed(True, now - hbt.current_timestamp)
                if status != 2:
                    count, fills = look(hbt, live, lefts, count, fills, 1.0, False, record)
            if status == 1:
                return fills, status, hbt.current_timestamp
            bid, ask = hbt.depth(0).best_bid_tick, hbt.depth(0).best_ask_tick
            for place in range(2 * WIDTH):
                order = hbt.orders(0).get(quotes[place]) if quotes[place] else None
                if order is not None and order.cancellable:
                    hbt.cancel(0, quotes[place], False)
                quotes[place] = 0
            if bid < -(2**60) or ask > 2**60:
                continue
            held = round(hbt.position(0))
            for place in range(2 * WIDTH + 1):
                side, ticks, lots, takes = quote(place, held, bid, ask)
                if lots == 0:
                    continue
                name += 1
                style = ioc if takes else gtx
                if side == 0:
                    hbt.submit_buy_order(0, name, float(ticks), float(lots), style, limit, False)
                else:
                    hbt.submit_sell_order(0, name, float(ticks), float(lots), style, limit, False)
                if not takes:
                    quotes[place] = name
                live[count] = name
                lefts[count] = lots
                count += 1

    return play, make


def theirs(play, data: Data, rows: np.ndarray, doings: list[Do], model: Model, measured: np.ndarray):
    """Return their fills, and when they stopped (they stop at an error of their own), or None."""
    script = np.array(
        [
            (do.ns, do.what == "cancel", do.name, do.side, do.ticks, do.lots, STYLES[do.style])
            for do in doings
        ],
        np.int64,
    )
    world = their_world(data, rows, model, measured)
    record = np.zeros((1 << 16, 6), np.int64)
    count, status, ns = play(world, script, data.tick, data.lot, model.partial, record)
    world.close()
    fills = reported([Fill(*row[:5], bool(row[5])) for row in record[:count].tolist()])
    return fills, None if status == 1 else int(ns)
