"""Database constraints and indexes that several models share."""

from django.db import models


def one_of(field: str, choices: type[models.TextChoices]) -> models.CheckConstraint:
    """Constrain a column to the values of its `choices`, in the database too."""
    return models.CheckConstraint(
        condition=models.Q(**{f"{field}__in": choices.values}),
        name=f"%(app_label)s_%(class)s_{field}_valid",
    )


class LongNamedIndex(models.Index):
    """An index whose name may have the 63 characters of PostgreSQL.

    Django stops at 30 for the sake of Oracle, and the names of the documented schema are longer.
    """

    max_name_length = 63
