"""Which services answer: PostgreSQL, NATS and Redis, at their usual address here or where the environment says.

Each is greeted with the first bytes of its own protocol, so that something else on the port is not taken for it. None
is needed by a single node, so a missing one is no fault, unless the environment names it.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Iterable, Mapping
from threading import Thread
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from xtrade.app.doctor import Finding

__all__ = ["SERVICES", "Service", "examine_service", "services"]

TIMEOUT_S: Final = 0.7
PATIENCE_S: Final = 2.0


class Service(NamedTuple):
    """One service: where it is looked for, how it is greeted, and what it is for."""

    name: str
    port: int
    variables: tuple[str, ...]
    greeting: bytes
    read_answer: Callable[[bytes], str | None]
    purpose: str


def services(environment: Mapping[str, str]) -> list[Finding]:
    """Ask all services at once, each in its own thread: a name that does not resolve must not hold up the rest."""
    found: dict[str, Finding] = {}

    def ask(service: Service) -> None:
        found[service.name] = examine_service(service, environment)

    threads = [Thread(target=ask, args=(service,), daemon=True) for service in SERVICES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    return [found.get(service.name) or _no_answer(service, "its address", named=True) for service in SERVICES]


def examine_service(service: Service, environment: Mapping[str, str]) -> Finding:
    """Connect to one service and greet it."""
    host, port, named = _address(service, environment)
    where = f"{host}:{port}"
    try:
        with socket.create_connection((host, port), timeout=TIMEOUT_S) as connection:
            connection.settimeout(TIMEOUT_S)
            connection.sendall(service.greeting)
            answer = connection.recv(4096)
    except TimeoutError:
        return _no_answer(service, where, named=named)
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno and error.errno > 0 else str(error)
        return _no_answer(service, f"{where} ({reason})" if named else where, named=named)
    said = service.read_answer(answer)
    if said is None:
        return Finding(
            area="Services",
            name=service.name,
            verdict="note",
            finding=f"something answers at {where}, but not as {service.name} does",
            advice=f"set {service.variables[0]} if {service.name} is elsewhere",
        )
    return Finding(area="Services", name=service.name, verdict="ok", finding=f"answers at {where}{said}")


def _no_answer(service: Service, where: str, *, named: bool) -> Finding:
    return Finding(
        area="Services",
        name=service.name,
        verdict="note" if named else "absent",
        finding=f"no answer at {where}" if named else f"none at {where}: not needed unless {service.purpose}",
        advice=f"start it, or correct {' / '.join(service.variables)}" if named else None,
    )


# What else stands where a host should (libpq's `host=... password=...`) may hold a password, and is not shown.
_HOST: Final = re.compile(r"[A-Za-z0-9._:/-]+")


def _address(service: Service, environment: Mapping[str, str]) -> tuple[str, int, bool]:
    """Return (host, port, whether the environment names it). What is not an address counts as not named."""
    for variable in service.variables:
        value = environment.get(variable, "")
        if not value:
            continue
        if variable == "PGHOST" and _HOST.fullmatch(value):
            port = environment.get("PGPORT", "")
            return value, int(port) if port.isdecimal() else service.port, True
        try:
            # A URL may hold a password: only its host and port leave this function.
            parts = urlsplit(value if "://" in value else f"//{value}")
            if parts.hostname and _HOST.fullmatch(parts.hostname):
                return parts.hostname, parts.port or service.port, True
        except ValueError:
            continue
    return "127.0.0.1", service.port, False


def _postgres(answer: bytes) -> str | None:
    return {b"S": ", with TLS", b"N": ", without TLS"}.get(answer[:1])


def _nats(answer: bytes) -> str | None:
    import msgspec

    if not answer.startswith(b"INFO "):
        return None
    try:
        info = msgspec.json.decode(answer[5:].split(b"\r\n")[0])
    except msgspec.DecodeError:
        return ""
    return f", version {info['version']}" if isinstance(info, dict) and "version" in info else ""


def _redis(answer: bytes) -> str | None:
    if answer.startswith(b"+PONG"):
        return ""
    return ", and asks for a password" if answer.startswith((b"-NOAUTH", b"-DENIED")) else None


def _known() -> Iterable[Service]:
    # PostgreSQL's first message asks whether it speaks TLS: length 8, code 80877103; one byte comes back.
    tls_request = (8).to_bytes(4, "big") + (80_877_103).to_bytes(4, "big")
    yield Service(
        "PostgreSQL",
        5432,
        ("PGHOST", "DATABASE_URL"),
        tls_request,
        _postgres,
        "several machines share a journal",
    )
    yield Service("NATS", 4222, ("NATS_URL",), b"", _nats, "market data is fanned out to several machines")
    yield Service("Redis", 6379, ("REDIS_URL",), b"PING\r\n", _redis, "your own strategies use it")


SERVICES: Final = tuple(_known())
