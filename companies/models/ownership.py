"""How a row leads to its company, and the record of who changed it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import models
from simple_history.models import HistoricalRecords


def company_path(model: type[models.Model]) -> str | None:
    """The lookup from a row of `model` to its company, such as `ar_content__company`.

    A model declares it as an attribute of that name; None: its rows belong to the platform.
    """
    path: str | None = getattr(model, "company_path", None)
    return path


def company_id_of(row: models.Model) -> int | None:
    """The company of a row; None when it belongs to the platform."""
    path = company_path(type(row))
    if path is None:
        return None
    *steps, last = path.split("__")
    found: Any = row
    for step in steps:
        found = getattr(found, step)
    company_id: int | None = found.pk if last == "pk" else getattr(found, f"{last}_id")
    return company_id


class CompanyHistory(models.Model):
    """What each history row has besides the copied fields: whose it is, even after a deletion."""

    history_company_id = models.BigIntegerField(null=True, editable=False, db_index=True)
    history_label = models.CharField(max_length=255, editable=False)

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        row = self.instance  # type: ignore[attr-defined]
        self.history_company_id = company_id_of(row)
        self.history_label = str(row)[:255]
        super().save(*args, **kwargs)


def audited(*without: str) -> HistoricalRecords:
    """Records who changed a row, when and how, except in the fields named: secrets and counters."""
    return HistoricalRecords(
        bases=[CompanyHistory],
        excluded_fields=list(without),
        cascade_delete_history=False,
    )


def record_changes(rows: Sequence[models.Model], *, reason: str = "", now: datetime) -> None:
    """A history row, of a change by nobody, for each of the rows of one audited model.

    For rows that were changed many at once, which `save` knows nothing of.
    """
    if not rows:
        return
    history: Any = type(rows[0]).history.model  # type: ignore[attr-defined]
    history.objects.bulk_create(
        [
            history(
                history_date=now,
                history_type="~",
                history_change_reason=reason,
                history_company_id=company_id_of(row),
                history_label=str(row)[:255],
                **{field.attname: getattr(row, field.attname) for field in history.tracked_fields},
            )
            for row in rows
        ]
    )
