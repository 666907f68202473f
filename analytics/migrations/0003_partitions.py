"""PostgreSQL keeps visits in a partition for each month, so that old months can be dropped.

The model does not change, and neither does SQLite's table. All rows are copied, in one transaction:
with millions of them it takes minutes, during which no visit is taken.
"""

from typing import ClassVar

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.utils import timezone

from analytics.partitions import DEFAULT, MONTHS_AHEAD, Month, add_partition, add_unique_index

TABLE = "analytics_arviewsession"
WHOLE = f"{TABLE}_whole"
SEQUENCE = f"{TABLE}_id_seq"


def to_partitions(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _rebuild(apps, schema_editor, partitioned=True)


def to_one_table(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Of a session's visits of one content in two partitions, the first one stays."""
    _rebuild(apps, schema_editor, partitioned=False)


def _rebuild(apps: Apps, schema_editor: BaseDatabaseSchemaEditor, *, partitioned: bool) -> None:
    if schema_editor.connection.vendor != "postgresql":
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute(f"ALTER TABLE {TABLE} RENAME TO {WHOLE}")
        cursor.execute(f"ALTER SEQUENCE {SEQUENCE} RENAME TO {WHOLE}_id_seq")
        cursor.execute(
            f"CREATE TABLE {TABLE} (LIKE {WHOLE} INCLUDING DEFAULTS INCLUDING CONSTRAINTS"
            f" INCLUDING IDENTITY){' PARTITION BY RANGE (created_at)' if partitioned else ''}"
        )
        if partitioned:
            cursor.execute(f"CREATE TABLE {DEFAULT} PARTITION OF {TABLE} DEFAULT")
            add_unique_index(cursor, DEFAULT)
            cursor.execute(f"SELECT DISTINCT date_trunc('month', created_at, 'UTC') FROM {WHOLE}")  # noqa: S608
            this = Month.of(timezone.now())
            months = {this.after(number) for number in range(MONTHS_AHEAD + 1)}
            for month in sorted(months | {Month.of(moment) for (moment,) in cursor.fetchall()}):
                add_partition(cursor, month)
            first = ""
        else:
            # A content that is gone is nobody's twin.
            first = "DISTINCT ON (session_id, coalesce(ar_content_id, -id))"
        cursor.execute(
            "SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
            [WHOLE],
        )
        [columns] = cursor.fetchone()
        order = " ORDER BY session_id, coalesce(ar_content_id, -id), created_at" if first else ""
        cursor.execute(
            f"INSERT INTO {TABLE} ({columns}) SELECT {first} {columns} FROM {WHOLE}{order}"  # noqa: S608
        )
        cursor.execute(f"SELECT setval('{SEQUENCE}', last_value, is_called) FROM {WHOLE}_id_seq")  # noqa: S608
        cursor.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = %s::regclass AND contype = 'f'",
            [WHOLE],
        )
        foreign_keys = cursor.fetchall()
        # The indexes below take the names of its own.
        cursor.execute(f"DROP TABLE {WHOLE}")
        key = "id, created_at" if partitioned else "id"
        cursor.execute(f"ALTER TABLE {TABLE} ADD PRIMARY KEY ({key})")
        for name, definition in foreign_keys:
            cursor.execute(f'ALTER TABLE {TABLE} ADD CONSTRAINT "{name}" {definition}')
        if not partitioned:
            cursor.execute(
                f"ALTER TABLE {TABLE} ADD CONSTRAINT {TABLE}_counted_once"
                " UNIQUE (session_id, ar_content_id)"
            )
    model = apps.get_model("analytics", "ARViewSession")
    for index in model._meta.indexes:
        schema_editor.add_index(model, index)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("analytics", "0002_visits_and_rollups")]
    operations: ClassVar[list[Operation]] = [migrations.RunPython(to_partitions, to_one_table)]
