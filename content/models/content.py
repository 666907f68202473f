"""AR contents and portraits: what a visitor's camera recognises and what staff publish."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from companies.models import Company, FileKind, Project, ProjectStatus, StorageFolder
from companies.models.company import SOON
from companies.models.ownership import audited
from companies.storage.router import TenantStorage, generated_name
from content.models.target import MARKER_FIELDS, ImageTarget, MarkerStatus
from content.models.video import RotationType, Video, VideoStatus


def qr_code_name(instance: "ARContent", filename: str) -> str:
    return generated_name(instance.company, FileKind.QR_CODES, filename)


class Portrait(ImageTarget):
    """A company's reusable picture: several contents may share it and its marker."""

    company_path: ClassVar = "company"

    company = models.ForeignKey(
        Company, on_delete=models.PROTECT, related_name="portraits", verbose_name=_("company")
    )
    unique_id = models.UUIDField(_("unique id"), default=uuid.uuid4, unique=True, editable=False)
    title = models.CharField(_("title"), max_length=255)
    storage_connection = models.ForeignKey(
        "companies.StorageConnection",
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="portraits",
        verbose_name=_("storage connection"),
    )
    storage_folder = models.ForeignKey(
        StorageFolder,
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="portraits",
        verbose_name=_("storage folder"),
    )
    metadata = models.JSONField(_("metadata"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    history = audited("updated_at", *MARKER_FIELDS)

    class Meta(ImageTarget.Meta):
        abstract = False
        verbose_name = _("portrait")
        verbose_name_plural = _("portraits")

    def __str__(self) -> str:
        return self.title


class ARContentQuerySet(models.QuerySet["ARContent"]):
    def published(self, now: datetime) -> "ARContentQuerySet":
        """Contents that a visitor may see at `now`, whatever a scheduler has written."""
        return self.switched_on().filter(
            Q(published_at__isnull=True) | Q(published_at__lte=now),
            Q(expires_at__isnull=True) | Q(expires_at__gt=now),
            project__in=Project.objects.running(now),
            company__in=Company.objects.active(now),
        )

    def switched_on(self) -> "ARContentQuerySet":
        """Contents that staff want to be seen in their time: expiry alone may have stopped them."""
        return self.filter(Q(is_active=True) | Q(is_stopped=True))

    def ending(self, now: datetime) -> "ARContentQuerySet":
        """Contents that visitors see at `now` and soon not any more, by their own or the
        project's expiry."""
        soon = now + SOON
        return self.published(now).filter(
            Q(expires_at__lte=soon) | Q(project__in=Project.objects.ending(now))
        )

    def over(self, now: datetime) -> "ARContentQuerySet":
        """Contents whose own time, or whose project's, has run out at `now`."""
        return self.filter(
            Q(expires_at__lte=now)
            | Q(project__in=Project.objects.over(now))
            | Q(project__status=ProjectStatus.ARCHIVED)
        )

    def not_over(self, now: datetime) -> "ARContentQuerySet":
        return self.exclude(pk__in=ARContent.objects.over(now).values("pk"))

    def gone(self, now: datetime) -> "ARContentQuerySet":
        """Contents that visitors would see at `now`, had not their time, their project's or the
        company's subscription run out: nobody has switched them off."""
        subscription_over = Q(
            company__subscription_expires_at__lte=now,
            project__in=Project.objects.running(now),
        )
        return self.switched_on().filter(
            Q(published_at__isnull=True) | Q(published_at__lte=now),
            Q(pk__in=ARContent.objects.over(now).values("pk")) | subscription_over,
            company__is_active=True,
        )

    def with_marker(self, status: MarkerStatus) -> "ARContentQuerySet":
        """By the state of the marker, which is the portrait's when there is one."""
        return self.filter(
            Q(portrait__isnull=True, marker_status=status) | Q(portrait__marker_status=status)
        )

    def with_failure(self, now: datetime) -> "ARContentQuerySet":
        """Contents whose marker could not be made, or a video that may still play prepared."""
        failed = Video.objects.filter(
            Q(schedule_end__isnull=True) | Q(schedule_end__gt=now),
            ar_content=models.OuterRef("pk"),
            status=VideoStatus.FAILED,
        )
        broken = self.with_marker(MarkerStatus.FAILED).values("pk")
        return self.filter(Q(pk__in=broken.order_by()) | models.Exists(failed))

    def without_video(self, now: datetime) -> "ARContentQuerySet":
        """Contents with no video that may play at `now`."""
        playable = Video.objects.exclude(video="").filter(
            Q(schedule_start__isnull=True) | Q(schedule_start__lte=now),
            Q(schedule_end__isnull=True) | Q(schedule_end__gt=now),
            ar_content=models.OuterRef("pk"),
        )
        return self.filter(~models.Exists(playable))

    def with_public_id(self, unique_id: uuid.UUID) -> "ARContentQuerySet":
        """The content of that id or, of a portrait's id, its contents, newest first."""
        # A sub-query, not a join: only so can a database use both indexes for the OR.
        portrait = Portrait.objects.filter(unique_id=unique_id).values("pk")[:1]
        return self.filter(Q(unique_id=unique_id) | Q(portrait=models.Subquery(portrait))).order_by(
            "-created_at", "-pk"
        )


class ARContent(ImageTarget):
    """A picture with its videos, reached by anyone who knows `unique_id`."""

    company_path: ClassVar = "company"

    company = models.ForeignKey(
        Company,
        on_delete=models.PROTECT,
        related_name="ar_contents",
        editable=False,
        verbose_name=_("company"),
    )
    project = models.ForeignKey(
        Project, on_delete=models.PROTECT, related_name="ar_contents", verbose_name=_("project")
    )
    portrait = models.ForeignKey(
        Portrait,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="ar_contents",
        verbose_name=_("portrait"),
        help_text=_("Use a portrait of the company instead of an own picture."),
    )
    unique_id = models.UUIDField(_("unique id"), default=uuid.uuid4, unique=True, editable=False)
    title = models.CharField(_("title"), max_length=255)
    description = models.TextField(_("description"), blank=True)
    active_video = models.ForeignKey(
        "content.Video",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("active video"),
    )
    # What plays by the last choice, of staff or of a rotation, when no window says otherwise.
    chosen_video = models.ForeignKey(
        "content.Video",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("chosen video"),
    )
    # Empty: before any window opened.
    chosen_at = models.DateTimeField(_("chosen at"), null=True, blank=True, editable=False)
    # Until then nothing but a change by staff makes `active_video` another one.
    plays_until = models.DateTimeField(_("plays until"), null=True, blank=True, editable=False)
    video_rotation_enabled = models.BooleanField(_("video rotation"), default=False)
    video_rotation_type = models.CharField(
        _("rotation type"), max_length=10, choices=RotationType, blank=True
    )
    is_active = models.BooleanField(_("active"), default=True)
    # Switched off with its project, not by staff: it comes back when the project is extended.
    is_stopped = models.BooleanField(_("stopped by expiry"), default=False, editable=False)
    published_at = models.DateTimeField(
        _("published at"), null=True, blank=True, help_text=_("Empty: at once.")
    )
    expires_at = models.DateTimeField(
        _("expires at"), null=True, blank=True, help_text=_("Empty: with its project.")
    )
    qr_code = models.FileField(
        _("QR code"),
        upload_to=qr_code_name,
        storage=TenantStorage(),
        max_length=255,
        blank=True,
        editable=False,
    )
    views_count = models.PositiveIntegerField(_("views"), default=0, editable=False)
    last_viewed_at = models.DateTimeField(
        _("last viewed at"), null=True, blank=True, editable=False
    )
    metadata = models.JSONField(_("metadata"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = ARContentQuerySet.as_manager()
    history = audited(
        "updated_at",
        *MARKER_FIELDS,
        "views_count",
        "last_viewed_at",
        # What the tick writes of the choice, which is recorded itself.
        "active_video",
        "plays_until",
        "is_stopped",
    )

    class Meta(ImageTarget.Meta):
        abstract = False
        verbose_name = _("AR content")
        verbose_name_plural = _("AR contents")
        indexes: ClassVar[list[models.Index]] = [
            # The rotation tick: contents whose next window opens or closes.
            models.Index(fields=["plays_until"], name="idx_ar_content_plays_until"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *ImageTarget.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(image="") | Q(portrait__isnull=False),
                name="%(app_label)s_%(class)s_has_picture",
                violation_error_message=_("Upload a picture or choose a portrait."),
            ),
            models.CheckConstraint(
                condition=Q(video_rotation_type="")
                | Q(video_rotation_type__in=RotationType.values),
                name="%(app_label)s_%(class)s_video_rotation_type_valid",
            ),
            models.CheckConstraint(
                condition=Q(published_at__isnull=True)
                | Q(expires_at__isnull=True)
                | Q(expires_at__gt=models.F("published_at")),
                name="%(app_label)s_%(class)s_expires_after_publication",
                violation_error_message=_("A content expires after it is published."),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def save(self, *args: Any, **kwargs: Any) -> None:
        # The project decides; a content can never belong to another company than its project.
        self.company_id = self.project.company_id
        super().save(*args, **kwargs)

    def clean(self) -> None:
        super().clean()
        if (
            self.project_id
            and self.portrait
            and self.portrait.company_id != self.project.company_id
        ):
            raise ValidationError({"portrait": _("The portrait belongs to another company.")})

    @property
    def is_on(self) -> bool:
        """Whether staff want it to be seen, in its time: expiry alone may have stopped it."""
        return self.is_active or self.is_stopped

    @property
    def target(self) -> "ARContent | Portrait":
        """The row that holds the picture and the marker."""
        return self.portrait or self

    def get_absolute_url(self) -> str:
        return reverse("ar-page", args=[self.unique_id])

    @property
    def ar_url(self) -> str:
        """The address behind the QR code."""
        return f"{settings.PUBLIC_URL}{self.get_absolute_url()}"
