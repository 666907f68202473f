"""A company's room for files: charged, released, and always the sum of its ledger.

`Company.storage_used_bytes` and the folders' counters change only here, by conditional updates
in the transaction that writes the ledger row.
"""

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
    """A file does not fit into what is left of the company's quota. Sizes in bytes."""

    def __init__(self, *, size: int, left: int) -> None:
        super().__init__(
            _("The file needs %(size)s, but the company's storage quota has only %(left)s left."),
            code="quota_exceeded",
            params={"size": filesizeformat(size), "left": filesizeformat(max(left, 0))},
        )


def room(company: Company) -> int:
    """Bytes left, as the database knows it now; negative when a quota was made smaller."""
    quota_gb, used = Company.objects.values_list("storage_quota_gb", "storage_used_bytes").get(
        pk=company.pk
    )
    return quota_gb * GIGABYTE - used


def check_room(company: Company, size: int) -> None:
    """Raises QuotaExceeded when `size` bytes would not fit now. Promises nothing for later."""
    left = room(company)
    if size > left:
        raise QuotaExceeded(size=size, left=left)


@transaction.atomic
def charge(company: Company, *, name: str, connection_id: int, kind: str, size: int) -> None:
    """Take `size` bytes of the company's room for a file, or raise QuotaExceeded."""
    charged = (
        Company.objects.alias(left=BYTES_LEFT)
        .filter(pk=company.pk, left__gte=size)
        .update(storage_used_bytes=F("storage_used_bytes") + size)
    )
    if charged != 1:
        raise QuotaExceeded(size=size, left=room(company))
    if not _count(company.pk, kind, files=1, size=size):
        provision(company)
        _count(company.pk, kind, files=1, size=size)
    StoredFile.objects.create(
        name=name,
        company=company,
        connection_id=connection_id,
        kind=kind,
        size_bytes=size,
    )


@transaction.atomic
def release(name: str) -> bool:
    """Give a file's room back; False when the ledger does not have it (any more)."""
    # The lock makes a second, parallel release wait, and then find nothing.
    row = StoredFile.objects.select_for_update().filter(name=name).first()
    if row is None:
        return False
    row.delete()
    Company.objects.filter(pk=row.company_id).update(
        storage_used_bytes=F("storage_used_bytes") - row.size_bytes
    )
    _count(row.company_id, row.kind, files=-1, size=-row.size_bytes)
    return True


def _count(company_id: int, kind: str, *, files: int, size: int) -> int:
    return StorageFolder.objects.filter(company=company_id, folder_type=kind).update(
        files_count=F("files_count") + files,
        total_size_bytes=F("total_size_bytes") + size,
    )
