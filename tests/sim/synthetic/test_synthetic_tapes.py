"""Tapes from a seed: the same each time, on the grid, never crossed, and joined without a seam."""

from decimal import Decimal

import msgspec
import numpy as np
import pytest

from kit.synthetics import HOUR_NS, MINUTE_NS, START_NS, rows_of, tape_of
from xtrade.sim.replay.replay import Reason, Replay
from xtrade.sim.replay.tape import Happening
from xtrade.sim.synthetic.bars import synthetic_funding
from xtrade.sim.synthetic.markets import Asset, Listing, SyntheticMarkets, Venue
from xtrade.sim.synthetic.presets import preset, presets
from xtrade.sim.synthetic.tapes import synthetic_tape, synthetic_tapes

JUMPY = SyntheticMarkets(assets=(Asset(jumps_daily=500, jump_bp=300, volatility_annual=3),))


def test_the_same_seed_makes_the_same_bytes():
    again = synthetic_tape(preset("busy"), seed=7, start_ns=START_NS, duration_ns=HOUR_NS)

    assert again.rows.tobytes() == tape_of("busy").rows.tobytes()


def test_another_seed_makes_another_market():
    one, other = tape_of("calm", seed=1, minutes=10), tape_of("calm", seed=2, minutes=10)

    assert one.rows.tobytes() != other.rows.tobytes()


def test_another_start_moves_times_and_nothing_else():
    later = synthetic_tape(preset("calm"), seed=1, start_ns=START_NS + 5, duration_ns=10 * MINUTE_NS)
    rows = later.rows.copy()
    rows["local_ns"] -= 5
    rows["venue_ns"] -= 5

    assert rows.tobytes() == tape_of("calm", seed=1, minutes=10).rows.tobytes()


@pytest.mark.parametrize("markets", [*map(preset, presets()), JUMPY], ids=[*presets(), "jumpy"])
def test_no_row_ever_leaves_a_book_crossed_or_a_side_empty(markets):
    tape = synthetic_tape(markets, seed=3, start_ns=START_NS, duration_ns=10 * MINUTE_NS)
    assert tape.checked() is tape
    for key in tape.keys:
        books, best, ready = ({}, {}), [0, 2**40], False
        for row in rows_of(tape, key).tolist():
            _, _, lots, ticks, kind, side, _ = row
            if kind == Happening.READY:
                ready = True
            if kind == Happening.LEVEL:
                if lots:
                    books[side][ticks] = lots
                else:
                    assert books[side].pop(ticks), "only what is there is taken away"
                if not lots and ticks == best[side]:
                    best[side] = max(books[0]) if side == 0 else min(books[1])
                elif lots:
                    best[side] = max(best[0], ticks) if side == 0 else min(best[1], ticks)
                assert ticks > 0
                assert best[0] < best[1]
            if kind == Happening.TRADE:
                assert ticks == best[1 - side], "a taker meets the best price first"
                assert 0 < lots <= books[1 - side][ticks]
        assert ready


def test_it_starts_with_a_complete_snapshot():
    kinds = tape_of("calm", minutes=10).rows["kind"]
    ready = int(np.argmax(kinds == Happening.READY))

    assert kinds[:2].tolist() == [Happening.CLEAR] * 2
    assert set(kinds[2:ready].tolist()) == {Happening.LEVEL}
    assert ready > 40


def test_it_ends_in_time():
    tape = tape_of("two-venues", minutes=13)

    assert tape.rows["venue_ns"].max() < START_NS + 13 * MINUTE_NS
    assert tape.rows["venue_ns"].max() > START_NS + 12.9 * MINUTE_NS


@pytest.mark.parametrize("chunk_minutes", [1, 7, 45, 600])
def test_pieces_make_the_whole_without_a_seam(chunk_minutes):
    pieces = list(
        synthetic_tapes(
            preset("spot-and-perpetual"),
            seed=7,
            start_ns=START_NS,
            duration_ns=50 * MINUTE_NS,
            chunk_ns=chunk_minutes * MINUTE_NS,
        )
    )
    whole = tape_of("spot-and-perpetual", minutes=50)

    assert len(pieces) == -(-50 // chunk_minutes)
    assert np.concatenate([piece.rows for piece in pieces]).tobytes() == whole.rows.tobytes()
    for number, piece in enumerate(pieces[:-1]):
        assert piece.rows["local_ns"][-1] < START_NS + (number + 1) * chunk_minutes * MINUTE_NS


def test_a_shorter_tape_is_the_beginning_of_a_longer_one():
    short, long = tape_of("calm", minutes=15), tape_of("calm", minutes=25)

    assert short.rows.tobytes() == long.rows[: len(short.rows)].tobytes()


def test_a_new_venue_and_a_new_asset_change_nothing_elsewhere():
    alone = preset("calm")
    ether = Listing(symbol="ETH/USDT", tick=Decimal("0.1"), lot=Decimal("0.001"))
    joined = msgspec.structs.replace(
        alone,
        assets=(*alone.assets, Asset(name="ETH", price=3000.0)),
        venues=(*alone.venues, Venue(name="sim2", listings=(ether, Listing()), delay_ms=200)),
    )
    tape = synthetic_tape(joined, seed=7, start_ns=START_NS, duration_ns=10 * MINUTE_NS)

    assert rows_of(tape, "sim:BTC/USDT").tobytes() == tape_of("calm", minutes=10).rows.tobytes()


def test_a_feed_takes_its_time_and_its_messages_never_overtake_each_other():
    tape = tape_of("two-venues", minutes=13)
    for key, least_ms in (("sim:BTC/USDT", 5), ("sim2:BTC/USDT", 12)):
        rows = rows_of(tape, key)
        late = (rows["local_ns"] - rows["venue_ns"])[rows["venue_ns"] > START_NS]
        assert late.min() >= least_ms * 1_000_000
        assert least_ms * 1_000_000 < late.mean() < 2 * least_ms * 1_000_000
        assert (np.diff(rows["local_ns"]) >= 0).all()
        assert (np.diff(rows["venue_ns"]) >= 0).all()


def test_funding_falls_due_on_its_interval_at_the_rate_of_the_bars():
    start = START_NS // (8 * HOUR_NS) * 8 * HOUR_NS - 31 * MINUTE_NS - 7
    markets = preset("spot-and-perpetual")
    tape = synthetic_tape(markets, seed=7, start_ns=start, duration_ns=40 * MINUTE_NS)
    (key,) = (key for key in tape.keys if key.endswith(":USDT"))
    rows = rows_of(tape, key)
    funding = rows[rows["kind"] == Happening.FUNDING]
    columns = synthetic_funding(markets, seed=7, start_ns=start, duration_ns=40 * MINUTE_NS)[key]

    assert (funding["venue_ns"] % (8 * HOUR_NS) == 0).all()
    assert len(funding) == 1
    assert funding["venue_ns"].tolist() == columns.time_ns.tolist()
    assert funding["lots"].tolist() == columns.rates.tolist()
    assert np.abs(funding["ticks"] - columns.mark_ticks).max() < 20
    assert (np.abs(funding["lots"]) < 10**10).all(), "below one percent"


def test_the_replay_plays_it_and_trusts_the_book_from_the_snapshot_on():
    tape = tape_of("two-venues", minutes=13)
    replay = Replay(tape)
    for key in tape.keys:
        replay.watch(key, book=True, book_every_ns=MINUTE_NS)
    looks = 0
    while not replay.advance(2**62) & Reason.END:
        for key in tape.keys:
            top = replay.book(key).top
            if replay.book(key).is_trusted and top.bid_ticks and top.ask_ticks:
                assert top.bid_ticks < top.ask_ticks
                looks += 1
    assert looks > 20
