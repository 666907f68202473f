"""Many contents from one upload: what was asked for, row by row, and what became of it."""

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Count, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from arv.lib.schema import one_of
from companies.models import Company, FileKind, Project
from companies.storage.router import TenantStorage, generated_name
from content.models.content import ARContent


def import_name(instance: "BulkImport", filename: str) -> str:
    return generated_name(instance.company, FileKind.IMPORTS, filename)


class BulkStatus(models.TextChoices):
    CHECKED = "checked", _("checked, not started")
    PENDING = "pending", _("waiting")
    PROCESSING = "processing", _("processing")
    DONE = "done", _("finished")
    FAILED = "failed", _("stopped")


class RowStatus(models.TextChoices):
    PENDING = "pending", _("waiting")
    DONE = "done", _("created")
    FAILED = "failed", _("failed")


class BulkImportQuerySet(models.QuerySet["BulkImport"]):
    def with_counts(self) -> "BulkImportQuerySet":
        """Adds `rows_total`, `rows_done` and `rows_failed`."""
        return self.annotate(
            rows_total=Count("rows"),
            rows_done=Count("rows", filter=Q(rows__status=RowStatus.DONE)),
            rows_failed=Count("rows", filter=Q(rows__status=RowStatus.FAILED)),
        )

    def abandoned(self, before: datetime) -> "BulkImportQuerySet":
        """Checked before `before`, and never started."""
        return self.filter(status=BulkStatus.CHECKED, updated_at__lt=before)


class BulkImport(models.Model):
    """An uploaded archive that becomes contents.

    `status` is the queue of record: checked -> (a person starts it) pending -> processing -> done.
    A worker claims a row by a conditional update and holds it for a lease that starts at
    `claimed_at` and that it renews; the sweeper takes up rows whose lease ran out. A stopped import
    keeps its archive and can be continued; a finished one has none.
    """

    company_path: ClassVar = "company"

    company = models.ForeignKey(
        Company, on_delete=models.PROTECT, related_name="bulk_imports", verbose_name=_("company")
    )
    project = models.ForeignKey(
        Project,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="bulk_imports",
        verbose_name=_("project"),
        help_text=_("For the rows of the table that name no project."),
    )
    create_projects = models.BooleanField(
        _("create missing projects"),
        default=False,
        help_text=_("Projects that the table names and the company does not have."),
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("created by"),
    )
    # Of the person who uploaded it: the rows' errors and the sheet are written in it.
    language = models.CharField(_("language"), max_length=10, default="en", editable=False)
    archive = models.FileField(
        _("archive"),
        upload_to=import_name,
        storage=TenantStorage(),
        max_length=255,
        blank=True,
        editable=False,
    )
    archive_name = models.CharField(_("file"), max_length=255, editable=False)
    sheet = models.FileField(
        _("QR sheet"),
        upload_to=import_name,
        storage=TenantStorage(),
        max_length=255,
        blank=True,
        editable=False,
    )
    status = models.CharField(
        _("status"),
        max_length=12,
        choices=BulkStatus,
        default=BulkStatus.CHECKED,
        editable=False,
    )
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0, editable=False)
    claimed_at = models.DateTimeField(null=True, blank=True, editable=False)
    error = models.TextField(_("error"), blank=True, editable=False)
    started_at = models.DateTimeField(_("started at"), null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = BulkImportQuerySet.as_manager()

    class Meta:
        verbose_name = _("bulk import")
        verbose_name_plural = _("bulk imports")
        ordering: ClassVar[list[str]] = ["-created_at", "-pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [one_of("status", BulkStatus)]

    def __str__(self) -> str:
        return self.archive_name

    @property
    def is_waiting(self) -> bool:
        """Whether a worker is at it, or will be by itself."""
        return self.status in {BulkStatus.PENDING, BulkStatus.PROCESSING}

    @property
    def may_start(self) -> bool:
        return self.status in {BulkStatus.CHECKED, BulkStatus.FAILED} and bool(self.archive)

    @property
    def reason(self) -> str:
        """What is wrong with the import as a whole, in the reader's language."""
        return gettext(self.error) if self.error else ""


class BulkImportRow(models.Model):
    """A row of the table in the archive, as it was written there, and its content.

    `ar_content` is written in the transaction that makes the content, so a row that was worked on
    twice still has one.
    """

    company_path: ClassVar = "bulk_import__company"

    bulk_import = models.ForeignKey(
        BulkImport, on_delete=models.CASCADE, related_name="rows", verbose_name=_("bulk import")
    )
    number = models.PositiveIntegerField(
        _("row"), help_text=_("As a spreadsheet counts: the table's heading is row 1.")
    )
    title = models.CharField(_("title"), max_length=255, blank=True)
    project_name = models.CharField(_("project"), max_length=255, blank=True)
    project = models.ForeignKey(
        Project,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("project"),
    )
    picture = models.CharField(_("picture"), max_length=500, blank=True)
    videos = models.JSONField(_("videos"), default=list, blank=True)
    status = models.CharField(
        _("status"), max_length=12, choices=RowStatus, default=RowStatus.PENDING
    )
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    error = models.TextField(_("error"), blank=True)
    ar_content = models.OneToOneField(
        ARContent,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="bulk_import_row",
        verbose_name=_("AR content"),
    )

    class Meta:
        verbose_name = _("row of a bulk import")
        verbose_name_plural = _("rows of bulk imports")
        ordering: ClassVar[list[str]] = ["number"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["bulk_import", "number"], name="%(app_label)s_%(class)s_unique_number"
            ),
            one_of("status", RowStatus),
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.title}"
