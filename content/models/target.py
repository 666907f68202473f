"""What an AR content and a portrait have in common: a picture that a camera can track."""

from typing import TYPE_CHECKING, ClassVar, Protocol

from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from arv.lib.schema import one_of
from companies.models import Company, FileKind
from companies.storage.router import TenantStorage, generated_name
from content.markers import Weakness

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class OwnedByCompany(Protocol):
    company: Company


def image_name(instance: OwnedByCompany, filename: str) -> str:
    return generated_name(instance.company, FileKind.PORTRAITS, filename)


def thumbnail_name(instance: OwnedByCompany, filename: str) -> str:
    return generated_name(instance.company, FileKind.THUMBNAILS, filename)


def marker_name(instance: OwnedByCompany, filename: str) -> str:
    return generated_name(instance.company, FileKind.MARKERS, filename)


class MarkerStatus(models.TextChoices):
    PENDING = "pending", _("pending")
    PROCESSING = "processing", _("processing")
    READY = "ready", _("ready")
    FAILED = "failed", _("failed")


ADVICE = [
    (
        Weakness.LITTLE_DETAIL.value,
        _("The picture has little detail: choose one with more edges and shapes."),
    ),
    (
        Weakness.LOW_CONTRAST.value,
        _("The picture is low in contrast: strengthen its light and dark."),
    ),
    (
        Weakness.EMPTY_AREAS.value,
        _("Large areas are empty: crop to the lively part, or fill the empty one."),
    ),
    (
        Weakness.REPEATED_PATTERN.value,
        _("The same pattern repeats: add something that makes each part distinct."),
    ),
    (
        Weakness.FINE_DETAIL.value,
        _("The detail is too fine for a phone's camera: use larger shapes or print it larger."),
    ),
    (
        Weakness.FEW_TRACKING_POINTS.value,
        _("There are few strong corners to hold on to: add clear shapes with sharp edges."),
    ),
    (
        Weakness.UNEVEN_COVERAGE.value,
        _("The detail sits in one part of the picture: spread it more evenly."),
    ),
]


# What the workers write: no person's change, so not in the history.
MARKER_FIELDS = (
    "marker",
    "marker_status",
    "marker_progress",
    "marker_attempts",
    "marker_claimed_at",
    "marker_generated_at",
    "marker_error",
    "marker_bytes",
    "marker_points",
    "stars",
    "weakest_factor",
    "trackability",
)


class ImageTarget(models.Model):
    """A picture, its thumbnail and its compiled marker.

    `marker_status` is the queue of record: pending -> processing -> ready or failed. A worker
    claims a row by a conditional update and holds it for a lease that starts at
    `marker_claimed_at`; the sweeper takes up rows whose lease ran out.
    """

    image = models.FileField(
        _("picture"), upload_to=image_name, storage=TenantStorage(), max_length=255, blank=True
    )
    image_width = models.PositiveIntegerField(_("picture width"), default=0, editable=False)
    image_height = models.PositiveIntegerField(_("picture height"), default=0, editable=False)
    thumbnail = models.FileField(
        _("thumbnail"),
        upload_to=thumbnail_name,
        storage=TenantStorage(),
        max_length=255,
        blank=True,
        editable=False,
    )
    marker = models.FileField(
        _("marker"),
        upload_to=marker_name,
        storage=TenantStorage(),
        max_length=255,
        blank=True,
        editable=False,
    )
    marker_status = models.CharField(
        _("marker status"),
        max_length=12,
        choices=MarkerStatus,
        default=MarkerStatus.PENDING,
        editable=False,
    )
    marker_generated_at = models.DateTimeField(
        _("marker generated at"), null=True, blank=True, editable=False
    )
    marker_progress = models.PositiveSmallIntegerField(
        _("marker progress, %"), default=0, editable=False
    )
    marker_attempts = models.PositiveSmallIntegerField(
        _("marker attempts"), default=0, editable=False
    )
    marker_claimed_at = models.DateTimeField(null=True, blank=True, editable=False)
    marker_error = models.TextField(_("marker error"), blank=True, editable=False)
    marker_bytes = models.PositiveIntegerField(_("marker size, bytes"), default=0, editable=False)
    marker_points = models.PositiveIntegerField(_("marker points"), default=0, editable=False)
    stars = models.FloatField(_("trackability, stars"), null=True, blank=True, editable=False)
    weakest_factor = models.CharField(
        _("weakest factor"),
        max_length=20,
        choices=ADVICE,
        blank=True,
        editable=False,
    )
    trackability = models.JSONField(_("trackability"), default=dict, blank=True, editable=False)

    class Meta:
        abstract = True
        constraints: ClassVar[list[models.BaseConstraint]] = [
            one_of("marker_status", MarkerStatus),
            models.CheckConstraint(
                condition=models.Q(stars__isnull=True) | models.Q(stars__gte=0, stars__lte=5),
                name="%(app_label)s_%(class)s_stars_range",
            ),
        ]

    @property
    def marker_reason(self) -> str:
        """Why the marker failed, in the reader's language."""
        return gettext(self.marker_error) if self.marker_error else ""

    @property
    def verdict(self) -> "StrOrPromise":
        """The stars in words."""
        if self.stars is None:
            return ""
        if self.stars <= 1:
            return _("will not work")
        if self.stars <= 2.5:
            return _("works close up and in good light")
        return _("good") if self.stars <= 3.5 else _("very good")

    @property
    def has_marker(self) -> bool:
        """Whether visitors can be given a marker; it may be being made anew."""
        return bool(self.marker)
