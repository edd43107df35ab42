"""TLS and proxies, on real sockets: what cannot be had in memory."""

import asyncio
import datetime as dt
import ipaddress
import ssl

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from net.test_websocket import Feed, echo, venue
from net.wires import HOST, answering, read_request, reply_with, serving
from xtrade.model.errors import Unavailable
from xtrade.net.http import HttpOptions, HttpSession, Request
from xtrade.net.websocket import WebSocketOptions, connect
from xtrade.runtime import real
from xtrade.runtime.secrets import Secret


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that nobody has signed but itself; where it lies, and a server's context."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "acme")])
    begin = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + dt.timedelta(days=36_500))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    pem, key_file = folder / "acme.pem", folder / "acme.key"
    pem.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem, key_file)
    return str(pem), context


async def hello(_request):
    return web.Response(text="hello")


def test_http_over_tls_trusts_whom_it_was_told_to_trust_and_nobody_else(certificate):
    pem, context = certificate

    async def main():
        async with serving(web.get("/", hello), tls=context) as port:
            request = Request("GET", f"https://{HOST}:{port}/")
            async with HttpSession("acme", HttpOptions(ca_file=pem)) as http:
                body = (await http.send(request)).body
            async with HttpSession("acme") as http:
                with pytest.raises(Unavailable, match="self-signed certificate.*nothing was sent"):
                    await http.send(request)
        return body

    assert real.run(main) == b"hello"


def test_websocket_over_tls_trusts_whom_it_was_told_to_trust_and_nobody_else(certificate):
    pem, context = certificate

    async def main():
        async with serving(venue(echo), tls=context) as port:
            address = f"wss://{HOST}:{port}/ws"
            feed = Feed(first="x")
            socket = await connect("acme", address, feed, WebSocketOptions(ca_file=pem))
            await feed.wait_for(1)
            await socket.close()
            with pytest.raises(Unavailable, match="nothing was sent"):
                await connect("acme", address, Feed())
        return feed.heard

    assert real.run(main) == [b"echo x"]


def test_http_goes_through_the_proxy_and_its_password_stays_inside():
    seen = []
    password = "pr0xy-pa55w0rd-of-acme"

    async def proxy(reader, writer):
        head, _ = await read_request(reader)
        seen.extend(head)
        writer.write(reply_with(b"by proxy"))

    async def main():
        async with answering(proxy) as port:
            options = HttpOptions(proxy=Secret(f"http://desk:{password}@{HOST}:{port}"))
            async with HttpSession("acme", options) as http:
                body = (await http.send(Request("GET", "http://venue.invalid/time"))).body
        async with HttpSession("acme", options) as http:
            with pytest.raises(Unavailable) as caught:
                await http.send(Request("GET", "http://venue.invalid/time"))
        return body, f"{caught.value} {options}"

    body, shown = real.run(main)

    assert body == b"by proxy"
    assert seen[0] == "GET http://venue.invalid/time HTTP/1.1"
    assert any(line.startswith("Proxy-Authorization: Basic") for line in seen)
    assert password not in shown


def test_a_websocket_goes_through_the_proxy():
    asked = []

    async def proxy(reader, writer):
        head, _ = await read_request(reader)
        asked.append(head[0])
        host, _, port = head[0].split()[1].partition(":")
        there, back = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

        async def pump(source, sink):
            while data := await source.read(65_536):
                sink.write(data)
            sink.close()

        await asyncio.gather(pump(reader, back), pump(there, writer))

    async def main():
        feed = Feed(first="x")
        async with serving(venue(echo)) as port, answering(proxy) as proxy_port:
            options = WebSocketOptions(proxy=Secret(f"http://{HOST}:{proxy_port}"))
            socket = await connect("acme", f"ws://{HOST}:{port}/ws", feed, options)
            await feed.wait_for(1)
            await socket.close()
            return port, feed.heard

    port, heard = real.run(main)

    assert heard == [b"echo x"]
    assert asked == [f"CONNECT {HOST}:{port} HTTP/1.1"]


def test_a_proxy_that_will_not_is_unavailable():
    async def proxy(reader, writer):
        await read_request(reader)
        writer.write(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n")

    async def main():
        async with answering(proxy) as port:
            secret = Secret(f"http://{HOST}:{port}")
            with pytest.raises(Unavailable, match="nothing was sent"):
                await connect("acme", f"ws://{HOST}:1/ws", Feed(), WebSocketOptions(proxy=secret))
            async with HttpSession("acme", HttpOptions(proxy=secret)) as http:
                with pytest.raises(Unavailable, match="nothing was sent"):
                    await http.send(Request("GET", f"https://{HOST}:1/"))

    real.run(main)
