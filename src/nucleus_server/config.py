"""Settings: one table of names, environment variables, defaults and help; CLI and docs read the same."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nucleus_server.media_settings import Bucket, load_buckets, parse_origins

MEDIA_FILE = "media.toml"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting that an operator can make."""

    name: str
    env: str
    default: str
    help: str


SETTINGS: tuple[Setting, ...] = (
    Setting("data_dir", "NUCLEUS_DATA_DIR", "./nucleus-data", "Folder of the database, the media and the secrets."),
    Setting(
        "database_url",
        "NUCLEUS_DATABASE_URL",
        "DATA_DIR/nucleus.db",
        "sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME.",
    ),
    Setting(
        "public_url", "NUCLEUS_PUBLIC_URL", "the address of the request", "Address that users reach the server at."
    ),
    Setting(
        "secret_key",
        "NUCLEUS_SECRET_KEY",
        "DATA_DIR/secret.key",
        "Secret behind key hashes, cookies and signed URLs; the same for all processes of one installation.",
    ),
    Setting(
        "bootstrap_key",
        "NUCLEUS_BOOTSTRAP_KEY",
        "generated, kept in DATA_DIR/admin.key",
        "API key of the first admin.",
    ),
    Setting(
        "media_origins",
        "NUCLEUS_MEDIA_ORIGINS",
        "none",
        "Origins whose images pages may show, such as https://images.example.com, separated by blanks.",
    ),
    Setting(
        "media_buckets",
        "NUCLEUS_MEDIA_BUCKETS",
        "DATA_DIR/media.toml if it is there",
        "TOML file of the S3-compatible buckets whose images pages may show, with a credential for each.",
    ),
)


@dataclass(frozen=True, slots=True, repr=False)
class Settings:
    """The settings in force; has no repr, because it holds secrets."""

    data_dir: Path
    database_url: str
    public_url: str | None
    secret: bytes
    bootstrap_key: str | None
    media_origins: tuple[str, ...] = ()
    buckets: tuple[Bucket, ...] = ()

    @property
    def admin_key_file(self) -> Path:
        """Where a generated first admin key is kept."""
        return self.data_dir / "admin.key"

    @property
    def media_dir(self) -> Path:
        """Where files are kept."""
        return self.data_dir / "media"


def load_settings(
    *,
    data_dir: str | Path | None = None,
    database_url: str | None = None,
    public_url: str | None = None,
    env: Mapping[str, str] = os.environ,
) -> Settings:
    """Settings from arguments, then from the environment, then defaults; makes the data folder and its secret.

    Raises:
        InvalidInput: Media origins or buckets are not as expected; the message names which, never a secret.
        OSError: The data folder cannot be used.
    """
    folder = Path(data_dir or env.get("NUCLEUS_DATA_DIR") or "nucleus-data").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    secret = env.get("NUCLEUS_SECRET_KEY")
    chosen_url = public_url or env.get("NUCLEUS_PUBLIC_URL")
    return Settings(
        data_dir=folder,
        database_url=database_url or env.get("NUCLEUS_DATABASE_URL") or f"sqlite:///{folder / 'nucleus.db'}",
        public_url=chosen_url.rstrip("/") if chosen_url else None,
        secret=(secret or _kept_secret(folder / "secret.key")).encode(),
        bootstrap_key=env.get("NUCLEUS_BOOTSTRAP_KEY"),
        media_origins=parse_origins(env.get("NUCLEUS_MEDIA_ORIGINS", "")),
        buckets=_buckets(folder, env),
    )


def _buckets(folder: Path, env: Mapping[str, str]) -> tuple[Bucket, ...]:
    chosen = env.get("NUCLEUS_MEDIA_BUCKETS")
    path = Path(chosen) if chosen else folder / MEDIA_FILE
    return load_buckets(path, env) if chosen or path.exists() else ()


def _kept_secret(path: Path) -> str:
    if not path.exists():
        # If another process of this installation was first, its secret counts.
        with contextlib.suppress(FileExistsError):
            write_private(path, secrets.token_urlsafe(32))
    return path.read_text().strip()


def write_private(path: Path, text: str) -> None:
    """Create a file that only its owner can read; FileExistsError if it is there."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
