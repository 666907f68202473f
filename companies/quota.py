"""A company's room for files: charged, released, and always the sum of its ledger.

A ledger row is written or deleted at once; `Company.storage_used_bytes` and the folders'
counters follow at the end of the same transaction, by conditional updates. A company's row is
so locked for the last milliseconds alone, while the files of a form may travel for minutes.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import F
from django.db.models.functions import Cast
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _

from companies.models import Company, StorageFolder, StoredFile
from companies.models.company import GIGABYTE
from companies.provisioning import provision

# All in 64 bits: 2 GB overflow PostgreSQL's integer, and Django's lookups on one.
BYTES_LEFT = models.ExpressionWrapper(
    Cast(F("storage_quota_gb"), models.BigIntegerField()) * GIGABYTE - F("storage_used_bytes"),
    output_field=models.BigIntegerField(),
)


class QuotaExceeded(ValidationError):
    """Files do not fit into what is left of the company's quota. Sizes in bytes."""

    def __init__(self, *, size: int, left: int) -> None:
        super().__init__(
            _("%(size)s are needed, but the company's storage quota has only %(left)s left."),
            code="quota_exceeded",
            params={"size": filesizeformat(size), "left": filesizeformat(max(left, 0))},
        )


class _Change(NamedTuple):
    """A file that was charged or released, and whether the ledger had it before that."""

    file: StoredFile
    was_there: bool


_changes: ContextVar[dict[str, _Change] | None] = ContextVar("ledger_changes", default=None)


@contextmanager
def settled_together() -> Iterator[dict[str, _Change]]:
    """Within a transaction: what is charged and released meanwhile reaches the counters at the end.

    Raises QuotaExceeded there when it does not fit: of a race for the last room, one wins. May be
    nested; the outermost settles.
    """
    outer = _changes.get()
    if outer is not None:
        yield outer
        return
    changes: dict[str, _Change] = {}
    token = _changes.set(changes)
    try:
        yield changes
        if not transaction.get_rollback():
            _settle(changes)
    finally:
        _changes.reset(token)


def room(company: Company) -> int:
    """Bytes left, as this transaction knows it now; negative when a quota was made smaller."""
    unsettled = _unsettled(_changes.get() or {})
    return _left(company.pk) - sum(
        sign * file.size_bytes for sign, file in unsettled if file.company_id == company.pk
    )


def check_room(company: Company, size: int) -> None:
    """Raises QuotaExceeded when `size` bytes would not fit now. Promises nothing for later."""
    left = room(company)
    if size > left:
        raise QuotaExceeded(size=size, left=left)


@transaction.atomic
def charge(company: Company, *, name: str, connection_id: int, kind: str, size: int) -> None:
    """Take `size` bytes of the company's room for a file, or raise QuotaExceeded.

    Within `settled_together()` the refusal comes at its end.
    """
    with settled_together() as changes:
        file = StoredFile.objects.create(
            name=name,
            company=company,
            connection_id=connection_id,
            kind=kind,
            size_bytes=size,
        )
        changes[name] = _Change(file, was_there=False)


@transaction.atomic
def release(name: str) -> bool:
    """Give a file's room back; False when the ledger does not have it (any more)."""
    with settled_together() as changes:
        # The lock makes a second, parallel release wait, and then find nothing.
        file = StoredFile.objects.select_for_update().filter(name=name).first()
        if file is None:
            return False
        file.delete()
        changes.setdefault(name, _Change(file, was_there=True))
        return True


def _unsettled(changes: dict[str, _Change]) -> list[tuple[int, StoredFile]]:
    """Files that came (1) or went (-1). The ledger is asked: a savepoint may have undone some."""
    if not changes:
        return []
    there = set(StoredFile.objects.filter(name__in=changes).values_list("name", flat=True))
    return [
        (1 if name in there else -1, change.file)
        for name, change in changes.items()
        if change.was_there != (name in there)
    ]


def _settle(changes: dict[str, _Change]) -> None:
    files: Counter[tuple[int, str]] = Counter()
    sizes: Counter[tuple[int, str]] = Counter()
    companies: Counter[int] = Counter()
    for sign, file in _unsettled(changes):
        files[file.company_id, file.kind] += sign
        sizes[file.company_id, file.kind] += sign * file.size_bytes
        companies[file.company_id] += sign * file.size_bytes
    # Always in this order: two transactions may then wait for each other, but never both.
    for company_id in sorted(companies):
        _take(company_id, companies[company_id])
    for company_id, kind in sorted(files):
        _count(company_id, kind, files=files[company_id, kind], size=sizes[company_id, kind])


def _take(company_id: int, size: int) -> None:
    """Move a company's counter, and up only as far as there is room: look and write are one."""
    rows = Company.objects.filter(pk=company_id)
    if size > 0:
        rows = rows.alias(left=BYTES_LEFT).filter(left__gte=size)
    if rows.update(storage_used_bytes=F("storage_used_bytes") + size) != 1:
        raise QuotaExceeded(size=size, left=_left(company_id))


def _count(company_id: int, kind: str, *, files: int, size: int) -> None:
    def count() -> int:
        return StorageFolder.objects.filter(company=company_id, folder_type=kind).update(
            files_count=F("files_count") + files,
            total_size_bytes=F("total_size_bytes") + size,
        )

    if not count():
        provision(Company.objects.get(pk=company_id))
        count()


def _left(company_id: int) -> int:
    quota_gb, used = Company.objects.values_list("storage_quota_gb", "storage_used_bytes").get(
        pk=company_id
    )
    return quota_gb * GIGABYTE - used
