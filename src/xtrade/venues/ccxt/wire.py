"""One exchange of ccxt's, with the desk's own plumbing under it.

    wire = Wire("bybit", name="bybit", secrets={"api_key": ..., "api_secret": ...})
    await wire.open()
    book = await wire.ask("book", "fetch_order_book", "BTC/USDT", priority=Priority.DATA)

ccxt knows how a venue is spoken to; it does not know what left this machine, and waits and logs in its own way. So
what it wants to send goes through our HTTP session (once, no redirects, the truth about what left) and our rate
limiter (cancels first), its numbers are Figures, its time and its chance are the loop's, and every failure comes out as
one of our errors, without addresses, signatures or keys. Its WebSockets are its own, on a session of ours.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from contextlib import AsyncExitStack
from contextvars import ContextVar
from decimal import localcontext
from importlib import import_module
from typing import Any, Final

import aiohttp

from xtrade.model.errors import ConfigError, RateLimited, Unavailable, did_you_mean
from xtrade.model.instruments import Kind
from xtrade.net.http import HttpOptions, HttpSession, Request, connector
from xtrade.net.limiter import RateLimiter
from xtrade.net.limits import NOTHING_KEPT, Cost, Pool, Priority, Window
from xtrade.net.usage import retry_after_ns
from xtrade.runtime import chance, clock
from xtrade.runtime.extras import require
from xtrade.runtime.secrets import Secret
from xtrade.venues.ccxt.figures import Figure
from xtrade.venues.ccxt.verdicts import Errand, Exchanged, verdict

__all__ = ["CREDENTIALS", "Wire"]

MS_NS: Final = 1_000_000
_POOL: Final = "requests"
# ccxt's costs may be fractions of a request.
_UNITS: Final = 100
_WINDOW_MS_MIN: Final = 1_000

CREDENTIALS: Final[Mapping[str, str]] = {
    "api_key": "apiKey",
    "api_secret": "secret",
    "passphrase": "password",
    "memo": "uid",
    "account_id": "accountId",
    "private_key": "privateKey",
    "wallet": "walletAddress",
    "login": "login",
    "token": "token",
}
"""What ccxt calls the parts of a key, by our names."""

# What ccxt asks its users to acknowledge before it does what its name says.
_OPTIONS: Final[Mapping[str, Mapping[str, object]]] = {"bybit": {"fetchOrder": {"acknowledged": True}}}

_errand: ContextVar[Errand | None] = ContextVar("errand", default=None)


class Wire:
    """One exchange of ccxt's. `address` stands for all of its hosts: a box, or a test's own server."""

    def __init__(
        self,
        exchange_id: str,
        *,
        name: str,
        secrets: Mapping[str, Secret] | None = None,
        testnet: bool = False,
        address: str | None = None,
        options: Mapping[str, object] | None = None,
        http: HttpOptions | None = None,
        streams: bool = True,
    ) -> None:
        self.name = name
        self.http = http or HttpOptions()
        self._has_type = "defaultType" in (options or {})
        self.exchange = self._made(exchange_id, {**_OPTIONS.get(exchange_id, {}), **(options or {})}, streams)
        if testnet:
            self._use_testnet()
        if address is not None:
            self.exchange.urls["api"] = _moved(self.exchange.urls["api"], address.rstrip("/"))
        self._sign_with(secrets or {})
        self._session = HttpSession(name, self.http)
        self._open = AsyncExitStack()
        self._is_open = False
        window_ms = max(_WINDOW_MS_MIN, round(10 * self.exchange.rateLimit))
        self._units_max = max(_UNITS, round(_UNITS * window_ms / max(self.exchange.rateLimit, 1)))
        self.limiter = RateLimiter(
            name, (Pool(_POOL, (Window(self._units_max, ms=window_ms),), kept=NOTHING_KEPT),)
        )

    async def open(self) -> None:
        """Bring the sessions up, unless they are; nothing is connected yet."""
        if self._is_open:
            return
        self._is_open = True
        await self._open.enter_async_context(self._session)
        self.exchange.asyncio_loop = asyncio.get_running_loop()
        self.exchange.session = await self._open.enter_async_context(
            aiohttp.ClientSession(
                connector=connector(self.http),
                cookie_jar=aiohttp.DummyCookieJar(),
                proxy=self.http.proxy.reveal() if self.http.proxy is not None else None,
            )
        )

    async def close(self) -> None:
        """End every connection."""
        if not self._is_open:
            return
        self._is_open = False
        await self.exchange.close()
        await self._open.aclose()

    def prefer(self, type_: str, kind: Kind) -> None:
        """Let what is asked without a market be about this type of market, unless the user's options say otherwise."""
        if not self._has_type:
            self._has_type = True
            self.exchange.options["defaultType"] = type_
            if kind is not Kind.SPOT:
                self.exchange.options["defaultSubType"] = kind.value

    def can(self, ability: str) -> bool:
        """Say whether the venue does this itself, by ccxt's name of it; what ccxt only emulates it does not."""
        return self.exchange.has.get(ability) is True

    def can_somehow(self, ability: str) -> bool:
        """Say whether it can be asked for at all: for questions, in which an emulation does no harm."""
        return bool(self.exchange.has.get(ability))

    async def ask(self, what: str, method: str, *arguments: Any, priority: Priority, **named: Any) -> Any:
        """Ask the venue something, or wait for what it tells. A failure leaves nothing in doubt."""
        return await self._call(Errand(priority, acts=False), what, method, arguments, named)

    async def act(
        self, what: str, method: str, *arguments: Any, priority: Priority, until_ns: int | None = None
    ) -> Any:
        """Have the venue do something, once, and not if it cannot leave before `until_ns`."""
        return await self._call(Errand(priority, acts=True, until_ns=until_ns), what, method, arguments, {})

    # -- what ccxt calls ------------------------------------------------------------------------------------------

    async def send(self, url: str, method: str, headers: Any, body: Any) -> Any:
        """Send one request of ccxt's, and let it read the answer."""
        exchange = self.exchange
        sent = dict(exchange.prepare_request_headers(headers))
        note = Exchanged(method)
        if (errand := _errand.get()) is not None:
            errand.exchanged.append(note)
        if isinstance(body, Mapping):
            raise Unavailable(
                f"{self.name}: ccxt wants to send a form in parts, which is not supported here",
                venue=self.name,
                request=method,
            )
        data = body.encode() if isinstance(body, str) else body or b""
        named = tuple((str(name), str(value)) for name, value in sent.items())
        reply = await self._session.send(Request(method, url, named, data))
        note.status, note.text = reply.status, reply.body.decode(errors="replace")
        note.wait_ns = retry_after_ns(reply.headers, clock.now_ns()) or 0
        told = dict(reply.headers)
        read = exchange.parse_json(note.text)
        exchange.last_http_response, exchange.last_response_headers = note.text, told
        exchange.handle_errors(reply.status, "", url, method, told, note.text, read, sent, body)
        exchange.handle_http_status_code(reply.status, "", url, method, note.text)
        return note.text if read is None else read

    async def take_turn(self, cost: float | None) -> None:
        """Wait until the rate limit lets a request out: by priority, in parts where it costs more than there is."""
        errand = _errand.get()
        left = max(1, round((1.0 if cost is None else cost) * _UNITS))
        while left > 0:
            part = Cost(_POOL, min(left, self._units_max))
            async with self.limiter.grant((part,), errand.priority if errand else Priority.DATA):
                left -= part.weight
        if errand is not None and errand.until_ns is not None and clock.now_ns() > errand.until_ns:
            raise Unavailable(
                "its validity ended while it waited for the rate limit; nothing was sent",
                venue=self.name,
                request="place",
            )

    # -- how ------------------------------------------------------------------------------------------------------

    async def _call(
        self, errand: Errand, what: str, method: str, arguments: tuple[Any, ...], named: Mapping[str, Any]
    ) -> Any:
        before = _errand.set(errand)
        try:
            # ccxt changes how decimals are rounded in whatever context it finds.
            with localcontext():
                return await getattr(self.exchange, method)(*arguments, **named)
        except Exception as error:  # noqa: BLE001  (whatever ccxt raises: the verdict says what is known)
            found = verdict(error, errand, venue=self.name, request=what)
        finally:
            _errand.reset(before)
        if isinstance(found, RateLimited):
            self.limiter.ban((_POOL,), found.retry_after_ns)
        # The cause may quote the whole address, signature and all.
        raise found from None

    def _made(self, exchange_id: str, options: Mapping[str, object], streams: bool) -> Any:
        require("ccxt", extra="ccxt")
        live, plain = import_module("ccxt.pro"), import_module("ccxt.async_support")
        if exchange_id not in plain.exchanges:
            raise ConfigError(
                f"ccxt knows no exchange {exchange_id!r}: its own list is ccxt.exchanges."
                f"{did_you_mean(exchange_id, plain.exchanges)}"
            )
        base = getattr(live if streams and exchange_id in live.exchanges else plain, exchange_id)
        kind = type(f"Bridged_{exchange_id}", (_Bridge, base), {"wire": self})
        return kind({"options": dict(options), "enableRateLimit": True})

    def _use_testnet(self) -> None:
        try:
            self.exchange.set_sandbox_mode(True)
        except Exception as error:
            raise ConfigError(f"{self.name}: ccxt knows no test system of this venue") from error

    def _sign_with(self, secrets: Mapping[str, Secret]) -> None:
        for name, secret in secrets.items():
            field = CREDENTIALS.get(name, name)
            if field not in self.exchange.requiredCredentials:
                raise ConfigError(
                    f"{self.name}: a key has no part {name!r}: expected some of {', '.join(CREDENTIALS)}"
                )
            # ccxt signs by itself, and so has to hold the key; it is in no log and no error of ours.
            setattr(self.exchange, field, secret.reveal())
        if not secrets:
            return
        missing = [
            name
            for name, field in CREDENTIALS.items()
            if self.exchange.requiredCredentials.get(field) and not getattr(self.exchange, field, None)
        ]
        if missing:
            raise ConfigError(f"{self.name}: the key lacks {', '.join(missing)}")


class _Bridge:
    """Stands before a class of ccxt's, and answers for it where plumbing, chance or numbers are asked for."""

    wire: Wire
    number = Figure

    async def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        return await self.wire.send(url, method, headers, body)

    async def throttle(self, cost: float | None = None) -> None:
        await self.wire.take_turn(cost)

    def client(self, url: str) -> Any:
        """A socket's messages wait for their turn as requests do."""
        found = super().client(url)  # type: ignore[misc]
        found.throttle = self.wire.take_turn
        return found

    def on_json_response(self, response_body: str) -> Any:
        return json.loads(response_body, parse_float=str, parse_int=str)

    @staticmethod
    def uuid() -> str:
        digits = _hex(32)
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    @staticmethod
    def uuid22(length: int = 22) -> str:
        return _hex(length)

    @staticmethod
    def uuid16(length: int = 16) -> str:
        return _hex(length)

    @staticmethod
    def random_bytes(length: int) -> str:
        return _hex(2 * length)


def _hex(digits: int) -> str:
    return f"{chance.stream('venues/ccxt').getrandbits(4 * digits):0{digits}x}"


def _moved(urls: Any, address: str) -> Any:
    """Put one address in the place of every host, and leave the paths."""
    if isinstance(urls, Mapping):
        return {name: _moved(each, address) for name, each in urls.items()}
    if not isinstance(urls, str):
        return urls
    found = re.match(r"(https?|wss?)://[^/]*", urls)
    if found is None:
        return urls
    here = address.replace("http", "ws", 1) if found[1].startswith("ws") else address
    return here + urls[found.end() :]
