"""Uploads in the admin: checked and probed before anything is stored."""

from typing import Any, cast

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminImageFieldWidget,
    UnfoldAdminSelectWidget,
)

from companies.admin.forms import CarefulForm
from companies.limits import check_subscription
from companies.models import Company
from companies.quota import check_room
from content import changes, processing, tasks, videos
from content.admin.uploads import read_once
from content.markers import NormalisedImage
from content.models import ARContent, ImageTarget, Portrait, Video
from content.video_file import Probe


class PictureField(forms.FileField):
    """A picture; cleans to a NormalisedImage."""

    widget = UnfoldAdminImageFieldWidget

    def clean(self, data: Any, initial: Any = None) -> NormalisedImage | None:
        upload = super().clean(data, initial)
        return processing.read_picture(upload) if isinstance(upload, UploadedFile) else None


class TargetForm(CarefulForm):
    """A form of a row with a picture of its own; `store_picture` is for when all is valid."""

    picture = PictureField(
        label=_("Picture"),
        required=False,
        help_text=_("JPEG, PNG or WebP, at least 200 pixels a side: what visitors will scan."),
    )

    def owner(self) -> Company | None:
        raise NotImplementedError

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        picture = self.cleaned_data.get("picture")
        owner = self.owner()
        if owner and (picture or not self.instance.pk):
            # Of what the files' own place refuses anyway, the form tells beside the field.
            field = "picture" if picture else None
            try:
                check_subscription(owner, timezone.now())
                check_room(owner, len(picture.data) if picture else 0)
            except forms.ValidationError as error:
                self.add_error(field, error)
        return cleaned

    def store_picture(self) -> bool:
        """Give the row its new picture, if there is one; True then. The caller saves it."""
        picture = self.cleaned_data.get("picture")
        if picture:
            processing.attach_picture(self.instance, picture)
        return bool(picture)

    def changed_columns(self) -> list[str]:
        columns = super().changed_columns()
        return [*columns, *processing.PICTURE_FIELDS] if self.picture_changes() else columns

    def picture_changes(self) -> bool:
        return bool(self.cleaned_data.get("picture"))

    def has_picture(self) -> bool:
        target: ImageTarget = self.instance
        return bool(self.cleaned_data.get("picture") or target.image)


class ARContentForm(TargetForm):
    watched = ("is_active", "published_at", "expires_at")
    playing = forms.ModelChoiceField(
        Video.objects.none(),
        required=False,
        label=_("Active video"),
        widget=UnfoldAdminSelectWidget,
        help_text=_("One that you choose plays at once, until a window opens or a turn comes."),
        # Only a choice made on this page counts, not one that a colleague has made since.
        show_hidden_initial=True,
    )

    class Meta:
        model = ARContent
        fields = (
            "project",
            "portrait",
            "title",
            "description",
            "is_active",
            "published_at",
            "expires_at",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            # What expiry stopped is still on: the box is what staff want.
            self.initial["is_active"] = self.instance.is_on
            field = cast("forms.ModelChoiceField[Video]", self.fields["playing"])
            field.queryset = self.instance.videos.exclude(video="")
            self.initial["playing"] = self.instance.active_video_id

    def owner(self) -> Company | None:
        project = self.cleaned_data.get("project")
        return project.company if project else None

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        project = self.cleaned_data.get("project")
        if self.instance.pk and project and project.company_id != self.instance.company_id:
            self.add_error("project", _("A content stays with its company."))
        if self.cleaned_data.get("picture") and self.cleaned_data.get("portrait"):
            self.add_error("picture", _("Upload a picture or choose a portrait, not both."))
        self.check_prolonging()
        pictured = self.has_picture() or self.cleaned_data.get("portrait")
        if not pictured and "picture" not in self.errors:
            self.add_error("picture", _("Upload a picture or choose a portrait."))
        return cleaned

    def store_picture(self) -> bool:
        content: ARContent = self.instance
        content.company = content.project.company
        if not content.pk:
            processing.attach_qr_code(content)
        return super().store_picture()

    def check_prolonging(self) -> None:
        """What the workflow that saves refuses is told beside the field."""
        content: ARContent = self.instance
        if not content.pk:
            return
        now = {name: getattr(content, name) for name in self.watched}
        wanted = {name: self.cleaned_data.get(name, now[name]) for name in now}
        for field in changes.prolonged(content, **wanted):
            try:
                check_subscription(content.company, timezone.now())
            except forms.ValidationError as error:
                self.add_error(field, error)


class PortraitForm(TargetForm):
    class Meta:
        model = Portrait
        fields = ("company", "title")

    def owner(self) -> Company | None:
        company: Company | None = self.cleaned_data.get("company") or (
            self.instance.company if self.instance.pk else None
        )
        return company

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if not self.has_picture() and "picture" not in self.errors:
            self.add_error("picture", _("Upload a picture."))
        return cleaned

    def changed_columns(self) -> list[str]:
        columns = super().changed_columns()
        where = ["storage_connection", "storage_folder"] if self.picture_changes() else []
        return [*columns, *where]


class VideoForm(CarefulForm):
    upload = forms.FileField(
        label=_("Video file"),
        required=False,
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": "video/*"}),
        help_text=_("Any video that a phone makes, such as MP4 or MOV. It is made fit for phones."),
    )
    found: Probe | None = None
    is_due = False

    class Meta:
        model = Video
        fields = (
            "ar_content",
            "title",
            "has_alpha",
            "schedule_start",
            "schedule_end",
            "rotation_order",
        )

    def clean_upload(self) -> "UploadedFile[Any] | None":
        upload: UploadedFile[Any] | None = self.cleaned_data.get("upload")
        if not upload:
            if not self.instance.pk:
                raise forms.ValidationError(_("Choose a video file."))
            return None
        return upload

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        upload = self.cleaned_data.get("upload")
        video: Video = self.instance
        content = video.ar_content if video.pk else self.cleaned_data.get("ar_content")
        if upload and "ar_content" not in self.errors:
            try:
                # Before the file is looked into, which takes seconds.
                if content and content.pk:
                    check_subscription(content.company, timezone.now())
                    check_room(content.company, upload.size)
                self.found = read_once(upload)
            except forms.ValidationError as error:
                self.add_error("upload", error)
        return cleaned

    def store_video(self) -> None:
        """Store the new file, if there is one; for when everything is valid."""
        upload = self.cleaned_data.get("upload")
        if upload and self.found:
            videos.attach_upload(self.instance, upload, self.found)

    def have_it_prepared(self) -> None:
        """Wake a worker for what the form changed, once the row is saved."""
        if self.found or self.is_due:
            tasks.request_video(self.instance)

    def write(self) -> None:
        self.is_due = videos.change_video(
            self.instance, changed=self.changed_columns(), now=timezone.now()
        )

    def save(self, commit: bool = True) -> Any:
        if commit and self.instance.pk:
            self.write()
            return self.instance
        return super().save(commit)

    def changed_columns(self) -> list[str]:
        columns = super().changed_columns()
        return [*columns, *videos.UPLOAD_FIELDS] if self.found else columns
