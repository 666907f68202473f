"""Uploaded videos on pages that save them: looked into before a transaction is open."""

from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone

from companies.admin.base import ArvModelAdmin, is_key
from companies.admin.zones import company_of
from companies.limits import check_subscription
from companies.quota import check_room
from companies.tenancy import access_of
from content import videos
from content.video_file import Probe

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile

M = TypeVar("M", bound=Model)
FIELD = "upload"


def read_once(upload: "UploadedFile[Any]") -> Probe:
    """`videos.read_video`, whose answer stays with the upload; raises what that has raised."""
    answer: Probe | ValidationError | None = getattr(upload, "answer", None)
    if answer is None:
        try:
            answer = videos.read_video(upload)
        except ValidationError as refused:
            answer = refused
        upload.answer = answer  # type: ignore[attr-defined]
    if isinstance(answer, ValidationError):
        raise answer
    return answer


class VideoUploads(ArvModelAdmin[M]):
    """Looks into the videos of a form while nobody waits for a lock; `VideoForm` tells the answer.

    `belongs_to` is the field of a new row that says whose it is.
    """

    belongs_to: str

    def before_saving(self, request: HttpRequest, object_id: str | None) -> None:
        uploads = [
            file
            for name in request.FILES
            if name.rpartition("-")[2] == FIELD
            for file in request.FILES.getlist(name)
        ]
        row = self._row_of(request, object_id) if uploads else None
        company = company_of(row) if row else None
        if company is None:
            return
        try:
            check_subscription(company, timezone.now())
            check_room(company, sum(upload.size or 0 for upload in uploads))
            for upload in uploads:
                read_once(upload)
        except ValidationError:
            # The form finds the same, and tells it beside the field.
            return

    def _row_of(self, request: HttpRequest, object_id: str | None) -> Model | None:
        """The row, or what a new one will belong to, if the caller may change it."""
        if object_id is not None:
            row = self.get_object(request, unquote(object_id))
            return row if row and self.has_change_permission(request, row) else None
        key = request.POST.get(self.belongs_to, "")
        related: Any = self.model._meta.get_field(self.belongs_to).related_model
        rows = access_of(request).rows(related._default_manager.all(), self.role_to_change)
        found: Model | None = rows.filter(pk=key).first() if is_key(key) else None
        return found
