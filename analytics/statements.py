"""SQL that is written once, by the ORM as far as it can, and run again and again.

Building a query costs Django more than all the rest of a visitor's event.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import Field, Model, QuerySet

IS_POSTGRESQL = connection.vendor == "postgresql"
# Only what asks for it is prepared on the server, however often anything else is said.
NEVER = 2**31


@dataclass(frozen=True)
class Statement:
    """`sql` with named placeholders, such as `%(now)s`, some of which have a constant value."""

    sql: str
    constants: Mapping[str, Any] = field(default_factory=dict)

    def rows(self, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run it in autocommit, or in the transaction that is open; the rows that it gives.

        Whether the database is still there is not asked beforehand: what is repeatable is tried
        again instead.
        """
        return self._run(values, fetch=True)[0]

    def count(self, values: Mapping[str, Any]) -> int:
        """As above; how many rows it changed."""
        return self._run(values, fetch=False)[1]

    def _run(self, values: Mapping[str, Any], *, fetch: bool) -> tuple[list[tuple[Any, ...]], int]:
        parameters = {**self.constants, **values}
        # Once: the proxy of it looks it up at every use.
        connection = connections[DEFAULT_DB_ALIAS]
        if not IS_POSTGRESQL:
            with connection.cursor() as cursor:
                cursor.execute(self.sql, parameters)
                return (cursor.fetchall() if fetch else []), cursor.rowcount
        # Planned once for each connection: planning takes PostgreSQL longer than the work itself,
        # and Django's own cursors write the values into the text.
        connection.ensure_connection()
        with connection.wrap_database_errors:
            raw: psycopg.Connection[Any] = connection.connection
            if raw.prepare_threshold is None:
                raw.prepare_threshold = NEVER
            with psycopg.Cursor(raw) as prepared:
                prepared.execute(self.sql, parameters, prepare=True)
                # It answers: what else the request says need not ask whether it does.
                connection.health_check_done = True  # type: ignore[attr-defined]
                return (prepared.fetchall() if fetch else []), prepared.rowcount


def table(model: type[Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def column(of: Field[Any, Any]) -> str:
    return connection.ops.quote_name(str(of.column))


def fields_of(model: type[Model]) -> dict[str, Field[Any, Any]]:
    return {one.name: one for one in model._meta.concrete_fields}


def value_for(of: Field[Any, Any], value: Any) -> Any:
    """The value as the database's driver takes it: psycopg takes Python's own."""
    return value if IS_POSTGRESQL else of.get_db_prep_save(value, connection)


def text_of(
    queryset: QuerySet[Any, Any], examples: Iterable[tuple[str, Field[Any, Any], Any]]
) -> Statement:
    """The text of a queryset that was made with example values.

    Wherever an example (its name, the field that it is compared with, its value) went in, its
    name stands as a placeholder. All else that went in is a constant.
    """
    sql, parameters = queryset.query.sql_with_params()
    names = [(name, of.get_db_prep_value(value, connection)) for name, of, value in examples]
    constants: dict[str, Any] = {}
    placeholders: list[str] = []
    for parameter in parameters:
        name = next((name for name, value in names if value == parameter), "")
        if not name:
            name = f"constant_{len(constants)}"
            constants[name] = parameter.value if isinstance(parameter, Enum) else parameter
        placeholders.append(f"%({name})s")
    parts = sql.split("%s")
    if len(parts) != len(placeholders) + 1:
        raise ValueError(f"Cannot name the placeholders of {sql}")
    text = parts[0] + "".join(
        placeholder + part for placeholder, part in zip(placeholders, parts[1:], strict=True)
    )
    return Statement(text, constants)
