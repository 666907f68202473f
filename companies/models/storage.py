"""Where a company's files are, and what they weigh."""

from pathlib import PurePosixPath
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from arv.lib.encryption import EncryptedJSONField
from arv.lib.schema import one_of
from companies.models.ownership import audited


class FileKind(models.TextChoices):
    PORTRAITS = "portraits", _("portraits")
    VIDEOS = "videos", _("videos")
    MARKERS = "markers", _("markers")
    QR_CODES = "qr-codes", _("QR codes")
    THUMBNAILS = "thumbnails", _("thumbnails")
    IMPORTS = "imports", _("imports")


class StorageTestStatus(models.TextChoices):
    UNTESTED = "untested", _("not tested")
    OK = "ok", _("works")
    FAILED = "failed", _("failed")


class StorageProvider(models.TextChoices):
    LOCAL_DISK = "local_disk", _("local disk")
    MINIO = "minio", _("S3 (MinIO and every S3 API)")
    YANDEX_DISK = "yandex_disk", _("Yandex Disk")


class StorageConnection(models.Model):
    """A disk, bucket or account; one company's own, or the platform's, which lends it out."""

    company_path: ClassVar = "company"

    company = models.ForeignKey(
        "companies.Company",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="own_connections",
        verbose_name=_("company"),
        help_text=_("Only this company may use it; empty: the platform's own."),
    )
    name = models.CharField(_("name"), max_length=255)
    provider = models.CharField(_("provider"), max_length=20, choices=StorageProvider)
    credentials = EncryptedJSONField(_("credentials"), blank=True, default=dict)
    base_path = models.CharField(
        _("base path"),
        max_length=500,
        blank=True,
        help_text=_("Folder below LOCAL_STORAGE_ROOT, or the key prefix inside the bucket."),
    )
    is_default = models.BooleanField(_("default"), default=False)
    is_active = models.BooleanField(_("active"), default=True)
    last_tested_at = models.DateTimeField(_("last tested at"), null=True, blank=True)
    test_status = models.CharField(
        _("test status"),
        max_length=10,
        choices=StorageTestStatus,
        default=StorageTestStatus.UNTESTED,
    )
    test_error = models.CharField(_("test error"), max_length=1000, blank=True)
    metadata = models.JSONField(_("metadata"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("created by"),
    )

    history = audited("updated_at", "credentials", "last_tested_at", "test_status", "test_error")

    class Meta:
        verbose_name = _("storage connection")
        verbose_name_plural = _("storage connections")
        ordering: ClassVar[list[str]] = ["name"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            # Not unique in all: whoever tries names would learn those of other companies.
            models.UniqueConstraint(
                fields=["company", "name"],
                name="%(app_label)s_%(class)s_unique_name",
                violation_error_message=_("There is a connection with this name already."),
            ),
            models.UniqueConstraint(
                fields=["name"],
                condition=models.Q(company__isnull=True),
                name="%(app_label)s_%(class)s_unique_platform_name",
                violation_error_message=_("There is a connection with this name already."),
            ),
            models.UniqueConstraint(
                fields=["is_default"],
                condition=models.Q(is_default=True),
                name="%(app_label)s_%(class)s_one_default",
                violation_error_message=_("There is a default connection already."),
            ),
            one_of("provider", StorageProvider),
            one_of("test_status", StorageTestStatus),
        ]

    def __str__(self) -> str:
        return self.name


class StorageFolder(models.Model):
    """One kind of a company's files in its storage, with their number and weight."""

    company_path: ClassVar = "company"

    company = models.ForeignKey(
        "companies.Company",
        on_delete=models.CASCADE,
        related_name="storage_folders",
        verbose_name=_("company"),
    )
    name = models.CharField(_("name"), max_length=255)
    path = models.CharField(_("path"), max_length=500)
    folder_type = models.CharField(_("kind"), max_length=20, choices=FileKind)
    files_count = models.PositiveIntegerField(_("files"), default=0)
    total_size_bytes = models.PositiveBigIntegerField(_("bytes"), default=0)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("storage folder")
        verbose_name_plural = _("storage folders")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["company", "folder_type"], name="%(app_label)s_%(class)s_unique_kind"
            ),
            one_of("folder_type", FileKind),
        ]

    def __str__(self) -> str:
        return self.path


class StoredFile(models.Model):
    """The ledger of stored files: `Company.storage_used_bytes` is the sum of these rows.

    `name` is the stored name, `<connection id>/<company slug>/<kind>/<uuid>.<extension>`.
    Only names in here are ever served.
    """

    company_path: ClassVar = "company"

    name = models.CharField(_("stored name"), max_length=255, unique=True)
    company = models.ForeignKey(
        "companies.Company",
        on_delete=models.PROTECT,
        related_name="stored_files",
        verbose_name=_("company"),
    )
    connection = models.ForeignKey(
        StorageConnection,
        on_delete=models.PROTECT,
        related_name="stored_files",
        verbose_name=_("storage connection"),
    )
    kind = models.CharField(_("kind"), max_length=20, choices=FileKind)
    size_bytes = models.PositiveBigIntegerField(_("bytes"))
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("stored file")
        verbose_name_plural = _("stored files")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            one_of("kind", FileKind),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def extension(self) -> str:
        return PurePosixPath(self.name).suffix.lstrip(".")
