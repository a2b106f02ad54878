"""nginx and Caddy in front of servers: the README's own lines, on a free port, with a certificate made here."""

import asyncio
import datetime
import os
import re
import shutil
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.asyncio.client import connect

from tests.support.client import PROTOCOL, Client
from tests.support.makers import until

README = (Path(__file__).parents[2] / "README.md").read_text()
NAME = "chat.example.org"
SERVER = "127.0.0.1:8000"
# Where Debian has nginx is not in everybody's PATH.
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])


def block(language: str) -> str:
    """Returns the README's only block of the language."""
    [found] = re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    return str(found)


def changed(text: str, **others: tuple[str, str]) -> str:
    """Returns the text with each part, which it must have once, replaced by the other."""
    for part, other in others.values():
        assert text.count(part) == 1, part
        text = text.replace(part, other)
    return text


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def make_certificate(folder: Path) -> None:
    """Makes a certificate of the name, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    moment = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(moment - datetime.timedelta(1)).not_valid_after(
        moment + datetime.timedelta(9)
    )
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
    certificate = builder.sign(key, hashes.SHA256())
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "cert.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))


def nginx(folder: Path, port: int, servers: Sequence[str]) -> list[str]:
    """Writes the configuration; returns the command."""
    lines = changed(
        block("nginx"),
        servers=(f"    server {SERVER};\n", "".join(f"    server {server};\n" for server in servers)),
        port=("listen 443 ", f"listen 127.0.0.1:{port} "),
        certificate=(f"/etc/ssl/{NAME}.pem", f"{folder}/cert.pem"),
        key=(f"/etc/ssl/{NAME}.key", f"{folder}/key.pem"),
    )
    (folder / "repartee.conf").write_text(lines)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    # Its processes shall have the rights of the test, whose folder nobody else may read.
    user = "user root;\n" if os.getuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user}daemon off;\nworker_processes 1;\npid {folder}/pid;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}include repartee.conf;\n}}\n"
    )
    return ["nginx", "-p", str(folder), "-c", f"{folder}/nginx.conf", "-e", "stderr"]


def caddy(folder: Path, port: int, servers: Sequence[str]) -> list[str]:
    """Writes the configuration; returns the command."""
    site = f"https://{NAME}:{port} {{\n    bind 127.0.0.1\n    tls {folder}/cert.pem {folder}/key.pem\n"
    lines = changed(
        block("caddy"),
        site=(f"{NAME} {{\n", site),
        servers=(f"reverse_proxy {SERVER} {{", f"reverse_proxy {' '.join(servers)} {{"),
    )
    own = f"{{\n    admin off\n    auto_https disable_redirects\n    storage file_system {folder}/storage\n}}\n"
    (folder / "Caddyfile").write_text(own + lines)
    return ["caddy", "run", "--config", f"{folder}/Caddyfile", "--adapter", "caddyfile"]


PROXIES: dict[str, Callable[[Path, int, Sequence[str]], list[str]]] = {"nginx": nginx, "caddy": caddy}


class ProxiedClient(Client):
    """A client that has found the proxy's address by its name, like any in the internet."""

    def __init__(self, http: httpx2.AsyncClient, port: int, certificate: Path, token: str) -> None:
        super().__init__(http, f"https://127.0.0.1:{port}/graphql", token)
        self.port = port
        self._certificate = certificate

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._certificate)

    def connected(self, **options: Any) -> connect:
        address: dict[str, Any] = {"host": "127.0.0.1", "port": self.port, "ssl": self.trust()}
        return connect(f"wss://{NAME}/graphql", subprotocols=[PROTOCOL], **address, **options)


@asynccontextmanager
async def proxied(kind: str, folder: Path, token: str, *clients: Client) -> AsyncIterator[ProxiedClient]:
    """Start the proxy before the servers of these clients, and give a client of the proxy; or skip."""
    if shutil.which(kind, path=PATH) is None:
        pytest.skip(f"{kind} is not installed")
    folder = folder / kind
    folder.mkdir()
    make_certificate(folder)
    port, servers = free_port(), [httpx2.URL(client.url).netloc.decode() for client in clients]
    command = PROXIES[kind](folder, port, servers)
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=log, stderr=log, env=os.environ | {"PATH": PATH, "HOME": str(folder)}
        )
    try:
        await until(lambda: process.returncode is not None or answers(port))
        assert process.returncode is None, (folder / "log").read_text()
        certificate = folder / "cert.pem"
        async with httpx2.AsyncClient(
            timeout=60,
            verify=ssl.create_default_context(cafile=certificate),
            headers={"host": NAME, "authorization": f"Bearer {token}"},
            event_hooks={"request": [name_server]},
        ) as http:
            yield ProxiedClient(http, port, certificate, token)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def name_server(request: httpx2.Request) -> None:
    request.extensions["sni_hostname"] = NAME


def answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
