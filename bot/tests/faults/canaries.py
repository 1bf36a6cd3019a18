"""Look for secrets in everything that is left behind: files, stores and what is packed in them, words, processes."""

from __future__ import annotations

import gzip
import sqlite3
import zlib
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, quote_plus

WINDOW = 12
"""A piece of a secret so long is a leak too."""


class Canaries:
    """Secrets by name, and every way in which one of them may be written."""

    def __init__(self, **secrets: str) -> None:
        self.secrets = secrets
        self.looked = self.bytes = 0
        self._signs: dict[bytes, str] = {}
        for name, secret in secrets.items():
            for sign in signs_of(secret):
                self._signs.setdefault(sign, name)

    def found_in(self, content: bytes) -> list[str]:
        """Name the secrets that stand in some bytes, plain, for a URL, in base64 or in hex, in whole or in part."""
        self.looked += 1
        self.bytes += len(content)
        return sorted({f"{name} as {sign.decode()}" for sign, name in self._signs.items() if sign in content})

    def found_below(self, folder: Path, spared: frozenset[str] = frozenset()) -> list[str]:
        """Name every leak in the files of a folder; `spared` are the names of files that hold the secrets."""
        found: list[str] = []
        for path in sorted(folder.rglob("*")):
            found += [f"name of {path}: {one}" for one in self.found_in(str(path.relative_to(folder)).encode())]
            if path.is_file() and path.name not in spared:
                for part, content in contents_of(path):
                    found += [f"{path.name}{part}: {one}" for one in self.found_in(content)]
        return found


def signs_of(secret: str) -> set[bytes]:
    """Give the ways a secret may be written, and each piece of it that is long enough to tell."""
    plain = secret.encode()
    signs = {secret[start : start + WINDOW] for start in range(len(secret) - WINDOW + 1)}
    signs |= {
        quote(secret, safe=""),
        quote_plus(secret),
        quote(secret, safe="").lower(),
        secret.lower(),
        secret.upper(),
    }
    for before in range(3):
        whole = b64encode(b"\0" * before + plain).decode()
        inner = whole[-(-before * 8 // 6) : (before + len(plain)) * 8 // 6]
        signs |= {inner, inner.replace("+", "-").replace("/", "_")}
    signs |= {plain.hex(), plain.hex().upper()}
    return {sign.encode() for sign in signs}


def contents_of(path: Path) -> Iterator[tuple[str, bytes]]:
    """Give what a file holds as it lies there, and what is packed in it."""
    raw = path.read_bytes()
    yield "", raw
    if raw.startswith(b"SQLite format 3"):
        yield from values_of(path)
    elif raw.startswith(b"\x1f\x8b"):
        yield " unpacked", gzip.decompress(raw)
    else:
        yield from packed_in(raw)


def values_of(path: Path) -> Iterator[tuple[str, bytes]]:
    """Give every value of every table, and what is packed in it."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as store:
        tables = [row[0] for row in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in store.execute(f'SELECT * FROM "{table}"'):
                for value in row:
                    if isinstance(value, bytes):
                        yield f" {table}", value
                        yield from ((f" {table}{part}", content) for part, content in packed_in(value))
                    elif isinstance(value, str):
                        yield f" {table}", value.encode()


def packed_in(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Give what zlib packed anywhere in some bytes."""
    at = raw.find(b"\x78")
    while at >= 0:
        try:
            unpacked = zlib.decompressobj().decompress(raw[at:])
        except zlib.error:
            unpacked = b""
        if unpacked:
            yield f" unpacked at {at}", unpacked
        at = raw.find(b"\x78", at + 1)


def processes_below(number: int) -> dict[int, tuple[bytes, bytes]]:
    """Give the command line and the environment of a process and of every process it started."""
    found: dict[int, tuple[bytes, bytes]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                if int(folder.name) == number or parent == number or parent in found:
                    found[int(folder.name)] = ((folder / "cmdline").read_bytes(), (folder / "environ").read_bytes())
            except OSError:
                continue
    return found
