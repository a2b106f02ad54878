"""Settings from the environment. Read once, in app.py, which hands each part what it needs."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, HttpUrl, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


def _split(text: object) -> object:
    return [part.strip() for part in text.split(",") if part.strip()] if isinstance(text, str) else text


# In the environment they are separated by commas.
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


class Settings(BaseSettings):
    """Each field is set by REPARTEE_<NAME> in the environment or in a file `.env`; an empty value is unset."""

    model_config = SettingsConfigDict(
        env_prefix="REPARTEE_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    host: str = Field(
        "127.0.0.1", description="The address to listen on; 0.0.0.0 opens the server to the network."
    )
    port: int = Field(8000, ge=0, le=65535, description="The port to listen on; 0 takes a free one.")
    access: Literal["open", "token", "accounts"] | None = Field(
        None,
        description="Who may use the server: everybody (`open`), whoever has the token (`token`), or users "
        "(`accounts`); `open` on loopback and `token` elsewhere, unless it is set.",
    )
    token: SecretStr | None = Field(
        None, min_length=16, description="The token for `ACCESS=token`; without it, each start makes a new one."
    )
    database_url: str = Field(
        "sqlite+aiosqlite:///data/repartee.db", description="The database, as an SQLAlchemy URL."
    )
    broker_url: SecretStr | None = Field(
        None,
        description="Redis or Valkey, by which several processes tell each other what has changed: `redis://…` or "
        "`rediss://…`. If it is unset, PostgreSQL's NOTIFY is used.",
    )
    broker_prefix: str = Field(
        "repartee:", max_length=20, description="What the names of the broker's channels begin with."
    )
    engine: Literal["auto", "local", "openai", "builtin"] = Field(
        "auto", description="The engine that writes replies; `auto` takes the first one that can run here."
    )
    engine_url: HttpUrl | None = Field(
        None, description="The URL of an OpenAI-compatible server, including its `/v1`."
    )
    engine_key: SecretStr | None = Field(None, description="The API key for that server, if it needs one.")
    model: str | None = Field(
        None, description="The model to request from that server; defaults to its first one."
    )
    context_length: int = Field(
        8192, ge=512, description="Context length, in tokens, of the model at `ENGINE_URL`."
    )
    engine_timeout: float = Field(60, gt=0, description="Seconds without progress after which a reply fails.")
    max_replies: int = Field(4, ge=1, description="Replies written at the same time; further ones wait.")
    local_model: Path | None = Field(
        None, description="A GGUF file for the local engine, instead of the bundled model."
    )
    builtin_pace: float = Field(20, ge=0, description="Milliseconds per word of the builtin engine.")
    titles: Literal["auto", "on", "off"] = Field(
        "auto",
        description="Whether the model names conversations that have no title; `auto`: only the engine `openai`.",
    )
    user_name: str = Field("User", min_length=1, description="The value of the macro `{{user}}`.")
    wait_limit: float = Field(55, ge=0, description="Maximum seconds that `replyMode: WAIT` waits for a reply.")
    grace: float = Field(
        3, ge=0, description="Seconds that running replies get to end when the server is told to stop."
    )
    drain_delay: float = Field(
        0,
        ge=0,
        description="Seconds for which a server that is told to stop goes on answering, with `/ready` at 503, "
        "so that load balancers notice.",
    )
    max_message_length: int = Field(
        100_000, ge=1, description="Maximum characters of a message that is sent, edited or generated."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="The log level.")
    log_format: Literal["text", "json"] = Field(
        "text", description="The form of the log's lines: `text` for people, `json` for programs."
    )
    metrics_port: int | None = Field(
        None, ge=0, le=65535, description="The port of the metrics for Prometheus; without it there are none."
    )
    metrics_host: str = Field("127.0.0.1", description="The address that the metrics' port listens on.")
    allowed_origins: Names = Field(
        (), description="Origins whose pages may send requests, separated by commas; `*` allows all."
    )
    trusted_hosts: Names = Field(
        (), description="Further names of this server, beside `HOST` and localhost, separated by commas."
    )
    trusted_proxies: Names = Field(
        (),
        description="Addresses or networks of proxies that are believed who and how asks, separated by commas.",
    )
    proxy_user_header: str | None = Field(
        None, description="The header in which such a proxy names the user, of a server with accounts."
    )
    jwt_issuer: str | None = Field(
        None, description="The URL of an OpenID Connect issuer whose tokens sign in, of a server with accounts."
    )
    jwt_audience: str | None = Field(None, description="The audience (`aud`) that its tokens must have.")
    documents_file: Path | None = Field(None, description="A JSON file of trusted documents: ids and texts.")
    documents_only: bool = Field(False, description="Whether only trusted documents are executed.")
    max_document_tokens: int = Field(2000, ge=1, description="Maximum tokens of a document.")
    max_depth: int = Field(20, ge=1, description="Maximum depth of a document, in levels of fields.")
    max_aliases: int = Field(50, ge=0, description="Maximum aliases and repeated fields of a document.")
    max_directives: int = Field(50, ge=0, description="Maximum directives of a document.")
    max_cost: int = Field(
        125_000,
        ge=10,
        description="Maximum values of an answer, by the page sizes that it requests; an event: a tenth of it.",
    )
    max_body: int = Field(
        16 * 1024 * 1024,
        ge=1,
        description="Maximum bytes of a request or WebSocket message with a chat history.",
    )
    max_request: int = Field(
        1024 * 1024, ge=1, description="Maximum bytes of any other request or WebSocket message."
    )
    max_answer: int = Field(32 * 1024 * 1024, ge=1, description="Maximum bytes of an answer or an event.")
    operations_a_minute: int = Field(
        600,
        ge=1,
        description="Maximum operations of one user a minute, of a server with accounts; each process counts "
        "alone, unless `BROKER_URL` is set.",
    )
    max_operations: int = Field(100, ge=1, description="Maximum operations at the same time on one WebSocket.")
    max_backlog: int = Field(
        16 * 1024 * 1024,
        ge=1,
        description="Maximum bytes of results that wait until the client of one WebSocket reads; others fail.",
    )
    max_connections: int = Field(10_000, ge=1, description="Maximum open WebSockets and streams over HTTP.")
    read_timeout: float = Field(
        20, gt=0, description="Seconds for a request or a WebSocket message to arrive; long ones get more."
    )
    send_timeout: float = Field(
        60, gt=0, description="Seconds after which a client that reads nothing is disconnected."
    )

    def writes_titles(self, engine: str) -> bool:
        """Returns whether the engine names conversations: the small ones would do it slowly and badly."""
        return self.titles == "on" or (self.titles == "auto" and engine == "openai")
