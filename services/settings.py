"""What the environment decides. Read once, in app.py; everything else is handed what it needs."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, HttpUrl, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


def _parted(text: object) -> object:
    return [part.strip() for part in text.split(",") if part.strip()] if isinstance(text, str) else text


# In the environment they stand with commas between them.
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_parted)]


class Settings(BaseSettings):
    """Each field is set by REPARTEE_<NAME> in the environment, or in a file `.env`; an empty value is none."""

    model_config = SettingsConfigDict(
        env_prefix="REPARTEE_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    host: str = Field("127.0.0.1", description="The address to listen on; 0.0.0.0 opens it to the network.")
    port: int = Field(8000, ge=0, le=65535, description="The port to listen on; 0 takes a free one.")
    database_url: str = Field(
        "sqlite+aiosqlite:///data/repartee.db", description="Where everything is kept, as an SQLAlchemy URL."
    )
    engine: Literal["auto", "local", "openai", "builtin"] = Field(
        "auto", description="What writes the replies; `auto` takes the first that can run here."
    )
    engine_url: HttpUrl | None = Field(None, description="An OpenAI-compatible server, up to and with its `/v1`.")
    engine_key: SecretStr | None = Field(None, description="The key for that server, if it wants one.")
    model: str | None = Field(None, description="The model to ask that server for; without it, its first.")
    context_length: int = Field(
        8192, ge=512, description="Tokens of prompt and reply that the model at `ENGINE_URL` can take."
    )
    engine_timeout: float = Field(60, gt=0, description="Seconds without any progress after which a reply fails.")
    max_replies: int = Field(4, ge=1, description="Replies written at once; more wait their turn.")
    local_model: Path | None = Field(
        None, description="A GGUF file for the local engine, instead of the one that comes along."
    )
    builtin_pace: float = Field(20, ge=0, description="Milliseconds that the builtin engine takes for a word.")
    user_name: str = Field("User", min_length=1, description="What `{{user}}` stands for.")
    wait_limit: float = Field(
        55, ge=0, description="Seconds that `replyMode: WAIT` waits for a reply at the most."
    )
    max_message_length: int = Field(100_000, ge=1, description="Characters that one message may have at the most.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="How much is logged.")
    allowed_origins: Names = Field((), description="Origins whose pages may ask, with commas between; `*` is all.")
    trusted_hosts: Names = Field((), description="More names of this server, beside `HOST` and localhost.")
    documents_file: Path | None = Field(None, description="Trusted documents: JSON of ids and texts.")
    documents_only: bool = Field(False, description="Whether only trusted documents are executed.")
    max_document_tokens: int = Field(2000, ge=1, description="Tokens a document may have.")
    max_depth: int = Field(20, ge=1, description="Levels of fields a document may have.")
    max_aliases: int = Field(50, ge=0, description="Aliases, and fields there twice, a document may have.")
    max_directives: int = Field(50, ge=0, description="Directives a document may have.")
    max_cost: int = Field(250_000, ge=1, description="Values an answer may hold, by the page sizes asked for.")
    max_body: int = Field(16 * 1024 * 1024, ge=1, description="Bytes a request or a WebSocket message may have.")
    max_operations: int = Field(100, ge=1, description="Operations that may run on one WebSocket at once.")
    max_sockets: int = Field(10_000, ge=1, description="WebSockets that may be open at once.")
