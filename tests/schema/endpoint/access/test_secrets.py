"""Every secret that is issued is searched in everything that the server writes: log, database, errors, exports."""

import sqlite3
from contextlib import closing
from pathlib import Path

import httpx2

from services.access.secrets import digest
from tests.support.accounts import PASSWORD
from tests.support.client import Client, signed_in
from tests.support.credentials import TRIES, bearer
from tests.support.processes import command, program

TOKEN = """mutation { createToken(input: {name: "Bot", scopes: [WRITE]}) {
    token credential { id } userErrors { message } } }"""
NEW_USER = 'mutation { createUser(input: {name: "Bob"}) { setupCode userErrors { message } } }'
SAME = {"sec-fetch-site": "same-origin"}


async def sign_in(client: Client, code: str) -> dict[str, str]:
    """Return the secrets of a user who signs in by each way there is, and tries some that there are not."""
    url = client.url.replace("graphql", "session")
    first = await client.http.post(url, json={"setupCode": code, "newPassword": PASSWORD})
    with_name = {"name": "Ada", "password": PASSWORD}
    second = await client.http.post(url, json={**with_name, "cookie": True}, headers=SAME)
    await client.http.post(url, json={**with_name, "password": "a wrong password of ours"})
    await client.http.post(url, content=b'{"name": "Ada", "password": "half a password of o', headers=JSON)
    cookie = second.headers["set-cookie"].partition("=")[2].partition(";")[0]
    return {"session": first.json()["token"], "cookie": cookie}


JSON = {"content-type": "application/json"}


async def test_no_secret_is_written_anywhere(tmp_path: Path) -> None:
    settings = {"ACCESS": "accounts", "LOG_LEVEL": "debug"}
    said = await command(tmp_path, "user", "add", "Ada", "--admin", **settings)
    code = said.strip().splitlines()[-1]
    log = tmp_path / "log"
    with log.open("wb") as errors:
        async with program(tmp_path, errors, **settings) as (process, lines):
            [url] = [line.split()[1] for line in lines if line.split()[:1] == ["open"]]
            async with httpx2.AsyncClient() as http:
                server = Client(http, url.rstrip("/").removesuffix("/graphql") + "/graphql")
                issued = {"setup code": code, "password": PASSWORD, **await sign_in(server, code)}
                async with signed_in(server, issued["session"]) as client:
                    issued["token"] = (await client.run(TOKEN))["createToken"]["token"]
                    issued["other setup code"] = (await client.run(NEW_USER))["createUser"]["setupCode"]
                    export = await client.http.get(server.url.replace("graphql", "export"))
                    broken = await client.http.get(f"{server.url}?query=%7Bnothing%7D")
                for attempt in TRIES.values():
                    await attempt(server, **bearer(issued["token"]))
                    await attempt(server, **bearer(issued["token"][:-1]))
            process.terminate()
            await process.wait()
    assert min(map(len, issued.values())) >= 22
    written = {"log": log.read_bytes(), "printed": "".join(lines).encode(), "error": broken.content}
    written |= {"export": export.content, "database": stored(tmp_path)}
    for name, secret in issued.items():
        for place, content in written.items():
            assert secret.encode() not in content, f"{name} is in the {place}"
            assert secret.replace("-", "").encode() not in content, f"{name} is in the {place}"
    for name in ("session", "token"):
        assert digest(issued[name]).encode() in written["database"]


def stored(folder: Path) -> bytes:
    """Return all that is stored, the pages that no table uses any more too."""
    [path] = folder.glob("*.db")
    with closing(sqlite3.connect(path)) as file:
        dumped = "\n".join(file.iterdump()).encode()
    return dumped + b"".join(one.read_bytes() for one in folder.glob("*.db*"))
