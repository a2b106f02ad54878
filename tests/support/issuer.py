"""An OpenID Connect issuer on a port of its own: it signs what it is told, rotates its keys, and can be down."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

AUDIENCE = "repartee"


class TestIssuer:
    __test__ = False

    def __init__(self) -> None:
        self.url = ""
        self.asked = 0
        self.is_down = False
        self.keys: dict[str, tuple[Any, str]] = {}
        self.rotate("first", "RS256")

    def rotate(self, kid: str, algorithm: str) -> None:
        """Replace all keys by a new one."""
        made = {
            "RS256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
            "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
            "EdDSA": ed25519.Ed25519PrivateKey.generate,
        }
        self.keys = {kid: (made[algorithm](), algorithm)}

    def claims(self, **changed: Any) -> dict[str, Any]:
        """Return good claims, with changes; None leaves one out."""
        moment = int(time.time())
        given = {"iss": self.url, "aud": AUDIENCE, "sub": "42", "iat": moment, "exp": moment + 300} | changed
        return {name: value for name, value in given.items() if value is not None}

    def token(self, headers: dict[str, Any] | None = None, **changed: Any) -> str:
        [(kid, (key, algorithm))] = self.keys.items()
        return jwt.encode(self.claims(**changed), key, algorithm, {"kid": kid} | (headers or {}))

    def signed_by_public_key(self, **changed: Any) -> str:
        """Return a token whose HMAC has the public key as its secret."""
        [(kid, (key, _))] = self.keys.items()
        secret = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        parts = [{"alg": "HS256", "typ": "JWT", "kid": kid}, self.claims(**changed)]
        body = ".".join(base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=").decode() for one in parts)
        return f"{body}.{jwt.algorithms.HMACAlgorithm('sha256').sign(body.encode(), secret).hex()}"

    def _keys(self) -> list[dict[str, Any]]:
        kinds: dict[str, Any] = {
            "RS256": jwt.algorithms.RSAAlgorithm,
            "ES256": jwt.algorithms.ECAlgorithm,
            "EdDSA": jwt.algorithms.OKPAlgorithm,
        }
        return [
            {**kinds[algorithm].to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"}
            for kid, (key, algorithm) in self.keys.items()
        ]

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        self.asked += 1
        if not self.is_down:
            about = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
            body = json.dumps({"keys": self._keys()} if b"/keys" in line else about).encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode() + body)
        writer.close()


@asynccontextmanager
async def issuing() -> AsyncGenerator[TestIssuer, None]:
    issuer = TestIssuer()
    server = await asyncio.start_server(issuer.answer, "127.0.0.1", 0)
    issuer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield issuer
