"""The official SDK signs what we sign, and trades on our box: `uv run --with lighter-sdk==1.1.8 pytest …`."""

import asyncio
import base64
import ctypes
import json
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings, strategies as st

from xtrade.venues.box.serving import Box
from xtrade.venues.box.worlds import world_of
from xtrade.venues.lighter.auth import LighterKey
from xtrade.venues.lighter.server import LighterServer
from xtrade.venues.lighter.signing import schnorr
from xtrade.venues.lighter.transactions import TransactionType, text_hash, transaction_hash

lighter = pytest.importorskip(
    "lighter", reason="lighter-sdk is not installed: uv run --with lighter-sdk==1.1.8"
)
pytestmark = pytest.mark.filterwarnings("ignore")  # the SDK's own

KEYS = st.binary(min_size=40, max_size=40).filter(any)
ACCOUNTS = st.integers(1, 2**47 - 1)
SMALL = st.integers(0, 254)
SIZES = st.integers(1, 2**48 - 1)
PRICES = st.integers(1, 2**31 - 1)
NONCES = st.integers(0, 2**46)
FLAGS = st.integers(0, 1)


class OrderForm(ctypes.Structure):
    """One order of a group, as the library takes it."""

    _fields_ = [
        ("market", ctypes.c_int64), ("client", ctypes.c_int64), ("base", ctypes.c_int64), ("price", ctypes.c_uint32),
        ("is_ask", ctypes.c_uint8), ("type", ctypes.c_uint8), ("tif", ctypes.c_uint8), ("reduce", ctypes.c_uint8),
        ("trigger", ctypes.c_uint32), ("expiry", ctypes.c_int64),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def library():
    """The library inside of the SDK, called by its own names: a wrong count of arguments would go unnoticed."""
    from lighter import signer_client

    found = signer_client.get_signer()
    lng, num, byte = ctypes.c_longlong, ctypes.c_int, ctypes.c_uint8
    group = ctypes.POINTER(OrderForm)
    found.SignUpdateMargin.argtypes = [lng, lng, num, byte, lng, num, lng]
    found.SignCreateGroupedOrders.argtypes = [
        byte,
        group,
        num,
        lng,
        num,
        num,
        byte,
        byte,
        byte,
        lng,
        num,
        lng,
    ]
    for each in (found.SignUpdateMargin, found.SignCreateGroupedOrders):
        each.restype = found.SignCreateOrder.restype
    return found


@st.composite
def transactions(draw):
    """A function of the library, and its arguments but for the account's."""
    market, skip, nonce = draw(SMALL), draw(FLAGS), draw(NONCES)
    match draw(st.sampled_from(["create", "cancel", "cancel all", "modify", "leverage", "margin", "group"])):
        case "create":
            form = (
                draw(SIZES),
                draw(SIZES),
                draw(PRICES),
                draw(FLAGS),
                0,
                draw(st.integers(1, 2)),
                draw(FLAGS),
            )
            self_trade = (draw(st.integers(0, 2)), draw(FLAGS))
            return "SignCreateOrder", (market, *form, 0, 1_800_000_000_000, 0, 0, 0, *self_trade, skip, nonce)
        case "cancel":
            return "SignCancelOrder", (market, draw(st.integers(1, 2**60 - 1)), skip, nonce)
        case "cancel all":
            return "SignCancelAllOrders", (0, 0, draw(st.sampled_from([255, 0, 3])), skip, nonce)
        case "modify":
            form = (draw(st.integers(1, 2**60 - 1)), draw(SIZES), draw(PRICES))
            return "SignModifyOrder", (market, *form, 0, 0, 0, 0, 0, 0, skip, nonce, draw(st.integers(0, 9)))
        case "leverage":
            return "SignUpdateLeverage", (market, draw(st.integers(1, 10_000)), draw(FLAGS), skip, nonce)
        case "margin":
            return "SignUpdateMargin", (market, draw(st.integers(1, 2**60 - 1)), draw(FLAGS), skip, nonce)
        case _:
            trigger, expiry = draw(PRICES), 1_800_000_000_000
            stops = [
                OrderForm(market, 0, 1000, draw(PRICES), 1, kind, 0, 1, trigger, expiry) for kind in (2, 4)
            ]
            return "SignCreateGroupedOrders", (2, (OrderForm * 2)(*stops), 2, 0, 0, 0, 0, 0, skip, nonce)


@settings(max_examples=150)
@given(
    key=KEYS,
    account=ACCOUNTS,
    index=st.integers(4, 254),
    chain=st.sampled_from([300, 304]),
    tx=transactions(),
)
def test_the_library_and_we_agree_on_every_hash_and_signature(library, key, account, index, chain, tx):
    made = library.CreateClient(b"http://127.0.0.1:1", key.hex().encode(), chain, index, account)
    assert not made
    ours = LighterKey.from_key(
        {"account_index": str(account), "api_key_index": str(index), "private_key": key.hex()}
    )
    name, arguments = tx
    signed = getattr(library, name)(*arguments, index, account)
    assert not signed.err, ctypes.string_at(signed.err)
    info = json.loads(ctypes.string_at(signed.txInfo))
    message = transaction_hash(chain, TransactionType(signed.txType), info)

    assert schnorr.hash_bytes(message).hex() == ctypes.string_at(signed.txHash).decode()
    assert schnorr.verify(ours.public_key, message, base64.b64decode(info["Sig"]))

    token = ctypes.string_at(library.CreateAuthToken(1_900_000_000, index, account).str).decode()
    text, _, signature = token.rpartition(":")
    assert schnorr.verify(ours.public_key, text_hash(text), bytes.fromhex(signature))


@asynccontextmanager
async def trader():
    symbols = ["ETH/USDC:USDC", "ETH/USDC"]
    async with Box(LighterServer, world_of({"lighter": LighterServer}, symbols), seed=3, past_s=60) as box:
        key = box.accounts[0].key
        client = lighter.SignerClient(
            url=box.address,
            account_index=int(key["account_index"]),
            api_private_keys={int(key["api_key_index"]): key["private_key"].removeprefix("0x")},
        )
        try:
            yield box, client, int(key["account_index"])
        finally:
            await client.close()


def test_it_trades_on_the_box():
    async def main():
        async with trader() as (box, client, account):
            orders, accounts = lighter.OrderApi(client.api_client), lighter.AccountApi(client.api_client)
            assert await asyncio.to_thread(client.check_client) is None
            details = await orders.order_book_details(filter="all")
            assert [each.symbol for each in details.order_book_details] == ["ETH"]
            assert [each.symbol for each in details.spot_order_book_details] == ["ETH/USDC"]
            book = await orders.order_book_orders(market_id=0, limit=5)
            bid = int(book.bids[0].price.replace(".", ""))
            assert (await orders.recent_trades(market_id=0, limit=10)).trades
            name = box.accounts[0].name

            form = {"market_index": 0, "base_amount": 1000, "is_ask": False}
            waits = {**form, "order_type": 0, "time_in_force": 1, "reduce_only": False, "trigger_price": 0}
            _, _, error = await client.create_order(**waits, client_order_index=11, price=bid * 97 // 100)
            assert error is None
            token, error = client.create_auth_token_with_expiry()
            assert error is None
            (open_order,) = (
                await orders.account_active_orders(authorization=token, account_index=account)
            ).orders
            slip = box.floor.find(name, text="11")
            assert (open_order.status, open_order.base_price, open_order.base_size) == (
                "open",
                slip.ticks,
                slip.lots,
            )

            changed = {"market_index": 0, "order_index": 11, "base_amount": 1500, "price": bid * 96 // 100}
            assert (await client.modify_order(**changed, trigger_price=0))[-1] is None
            assert (slip.lots, slip.ticks) == (1500, bid * 96 // 100)
            assert (await client.cancel_order(market_index=0, order_index=11))[-1] is None
            assert not slip.is_open

            worst = {"avg_execution_price": bid * 103 // 100}
            assert (await client.create_market_order(**form, **worst, client_order_index=12))[-1] is None
            found = await orders.trades(
                sort_by="timestamp", limit=10, authorization=token, account_index=account
            )
            assert sum(float(each.size) for each in found.trades) == 0.1
            ended = await orders.account_inactive_orders(authorization=token, account_index=account, limit=10)
            assert [(each.client_order_index, each.status) for each in ended.orders] == [
                (12, "filled"),
                (11, "canceled"),
            ]
            (there,) = (await accounts.account(by="index", value=str(account))).accounts
            assert [(each.symbol, each.sign, each.position) for each in there.positions] == [
                ("ETH", 1, "0.1000")
            ]

            assert (await client.update_leverage(0, client.CROSS_MARGIN_MODE, 5))[-1] is None
            small = await client.create_order(
                **{**waits, "base_amount": 10}, client_order_index=13, price=bid
            )
            assert "21706" in str(small[-1])
            assert (await client.cancel_all_orders(time_in_force=0, timestamp_ms=0))[-1] is None

    asyncio.run(main())


def test_its_socket_keeps_the_book():
    async def main():
        async with trader() as (box, _, account):
            books, news, enough = [], [], asyncio.Event()

            def heard(kept, what):
                kept.append(what)
                if len(books) >= 20 and news:
                    enough.set()

            socket = lighter.WsClient(
                ws_url=box.address.replace("http", "ws") + "/stream",
                order_book_ids=[0],
                account_ids=[account],
                on_order_book_update=lambda _, book: heard(books, book),
                on_account_update=lambda _, message: heard(news, message),
            )
            listening = asyncio.get_running_loop().create_task(socket.run_async())
            await asyncio.wait_for(enough.wait(), 60)
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            best = max(float(each["price"]) for each in books[-1]["bids"])
            assert best < min(float(each["price"]) for each in books[-1]["asks"])
            assert news[0]["assets"]

    asyncio.run(main())
