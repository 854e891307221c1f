"""What is known of mutants, in a database file: an interrupted run resumes."""

from __future__ import annotations

import json
import pathlib
import sqlite3
from typing import Any

import platformdirs

from .. import UsageError


def default_path() -> pathlib.Path:
    return platformdirs.user_cache_path("crosscheck") / "mutants.sqlite"


class Store:
    """JSON values by key. Each is written at once, whole or not at all."""

    def __init__(self, path: pathlib.Path):
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.database = sqlite3.connect(path, isolation_level=None, timeout=60)
            self.database.execute("PRAGMA journal_mode = WAL")
            self.database.execute("CREATE TABLE IF NOT EXISTS known (key TEXT PRIMARY KEY, value TEXT NOT NULL)")
        except (sqlite3.Error, OSError) as error:
            raise UsageError(f"the results of earlier runs cannot be used: {path}: {error}") from None

    def __getitem__(self, key: str) -> Any:
        """The value, or None."""
        row = self.database.execute("SELECT value FROM known WHERE key = ?", (key,)).fetchone()
        return json.loads(row[0]) if row else None

    def __setitem__(self, key: str, value: Any) -> None:
        self.database.execute("INSERT OR REPLACE INTO known VALUES (?, ?)", (key, json.dumps(value)))

    def close(self) -> None:
        self.database.close()
