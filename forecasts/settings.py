"""Settings, read from the environment (`CALLEDIT_*`)."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from forecasts.errors import InvalidInputError
from forecasts.scalars import Duration, Host, Instant


class Settings(BaseSettings):
    """How this installation runs; every field can be set as an environment variable."""

    model_config = SettingsConfigDict(env_prefix="CALLEDIT_", frozen=True)

    database_url: str = Field(
        default="sqlite:///calledit.db", description="Where the registry lives: SQLite file or PostgreSQL."
    )
    actor: str = Field(default="", description="Who writes, unless --actor says otherwise.")
    dispute_window: Duration = Field(
        default=timedelta(days=7), description="How long a proposed outcome may be disputed."
    )
    tick_seconds: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=60.0, description="How often the scheduler looks for due work."
    )
    fetch_seconds: Annotated[float, Field(gt=0, le=600)] = Field(
        default=30.0, description="The longest one fetch may take from start to end."
    )
    fetch_bytes: Annotated[int, Field(gt=0)] = Field(
        default=20_000_000, description="The largest body, decompressed, that is read."
    )
    allow_hosts: Annotated[tuple[Host, ...], NoDecode] = Field(
        default=(), description="Hosts that may be asked although they are not public, as 127.0.0.1:8080."
    )
    file_roots: Annotated[tuple[Path, ...] | None, NoDecode] = Field(
        default=None, description="The directories whose files alone may be read as a source."
    )
    host_rate: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)] = Field(
        default=1.0, description="Requests a second that one host is sent in the mean; 0 sets no pace."
    )
    clock_seen: Instant | None = Field(
        default=None, description="When somebody last saw that the clock was right, after a long pause."
    )
    public_url: str = Field(
        default="",
        description="Where the public finds the site, as https://scores.example: feeds and paragraphs link there.",
    )
    contact: str = Field(
        default="no contact configured", description="Named in the User-Agent so that a host can reach you."
    )

    @field_validator("allow_hosts", mode="before")
    @classmethod
    def _by_comma(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("file_roots", mode="before")
    @classmethod
    def _by_path_separator(cls, value: object) -> object:
        return [part for part in value.split(os.pathsep) if part] if isinstance(value, str) else value

    @field_validator("public_url")
    @classmethod
    def _an_address(cls, value: str) -> str:
        parts = urlsplit(value)
        beyond = parts.path.rstrip("/") or parts.query or parts.fragment or parts.username
        if value and (parts.scheme not in ("http", "https") or not parts.hostname or beyond):
            raise ValueError("write https:// and the name of the host, as https://scores.example")
        return value.rstrip("/")

    @field_validator("contact")
    @classmethod
    def _fit_for_a_header(cls, value: str) -> str:
        if not (value.isascii() and value.isprintable()):
            raise ValueError(
                "write it on one line without accents or other signs beyond ASCII, as desk@scores.example"
            )
        return value

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if value.startswith(("postgresql://", "postgres://")):
            return "postgresql+psycopg://" + value.split("://", 1)[1]
        if not value.startswith(("sqlite:///", "postgresql+psycopg://")):
            raise ValueError("write sqlite:///FILE or postgresql://USER@HOST/DATABASE")
        return value


def load_settings(**overrides: object) -> Settings:
    """Read the environment; raise `InvalidInputError` that names the variable and the remedy."""
    from pydantic import ValidationError

    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = f"CALLEDIT_{str(first['loc'][0]).upper()}"
        raise InvalidInputError(f"{name}: {first['msg'].removeprefix('Value error, ')}.") from None
