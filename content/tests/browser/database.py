"""A database for one platform: beside the tests' own, on the same server."""

import os
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql
from psycopg.rows import dict_row


@dataclass(frozen=True)
class Database:
    """`url`: for DATABASE_URL. `query`: runs a statement with %s for values; gives its rows."""

    url: str
    query: Callable[..., list[dict[str, Any]]]


@contextmanager
def own_database(folder: Path) -> Iterator[Database]:
    """On the PostgreSQL server of DATABASE_URL when it names one, else on SQLite in `folder`."""
    surrounding = os.environ.get("DATABASE_URL", "")
    if not surrounding.startswith("postgres"):
        path = folder / "arv.sqlite3"
        yield Database(f"sqlite:///{path}", lambda *request: _query_sqlite(path, *request))
        return
    name = f"browser_{uuid.uuid4().hex[:12]}"
    url = urlsplit(surrounding)._replace(path=f"/{name}").geturl()
    with psycopg.connect(surrounding, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield Database(url, lambda *request: _query_postgres(url, *request))
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _query_sqlite(path: Path, statement: str, *values: object) -> list[dict[str, Any]]:
    # As Django stores moments there: in UTC, without saying so.
    stored = [
        value.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
        if isinstance(value, datetime)
        else value
        for value in values
    ]
    with closing(sqlite3.connect(path, timeout=20)) as database, database:
        database.row_factory = sqlite3.Row
        rows = database.execute(statement.replace("%s", "?"), stored)
        return [dict(row) for row in rows]


def _query_postgres(url: str, statement: str, *values: object) -> list[dict[str, Any]]:
    with psycopg.connect(url, row_factory=dict_row) as database:
        done = database.execute(statement.encode(), values)
        return done.fetchall() if done.description else []


def own_broker() -> str:
    """REDIS_URL with a database that no other test process uses; empty when there is none."""
    surrounding = os.environ.get("REDIS_URL", "")
    return urlsplit(surrounding)._replace(path="/15").geturl() if surrounding else ""
