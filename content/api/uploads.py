"""Files that come with a request: checked while nothing has been stored."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from arv.api import TooLarge
from companies.api.errors import translated
from companies.api.fields import RowSerializer
from companies.limits import LimitReached, check_subscription
from companies.models import Company
from companies.quota import QuotaExceeded, check_room

Found = TypeVar("Found")
# The other fields, and what multipart itself takes.
ROOM_FOR_FIELDS = 1024 * 1024


class UploadMixin(APIView):
    """Reads multipart/form-data, and refuses what is too large before any of it is kept."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        most = settings.IMAGE_MAX_BYTES + settings.VIDEO_MAX_BYTES + ROOM_FOR_FIELDS
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdigit() or int(length) > most:
            raise TooLarge
        super().initial(request, *args, **kwargs)


class UploadSerializer(RowSerializer[Any]):
    """A row with files of its own."""

    def check_may_store(self, company: Company, *files: UploadedFile[bytes] | None) -> None:
        """Say no before a video is looked into, which takes seconds."""
        try:
            check_subscription(company, timezone.now())
            check_room(company, sum(file.size or 0 for file in files if file))
        except (LimitReached, QuotaExceeded) as refused:
            # As it is, it would become a mistake in the form.
            raise translated(refused) from refused

    def checked(self, field: str, upload: Any, read: Callable[[Any], Found]) -> Found | None:
        if not isinstance(upload, UploadedFile):
            return None
        try:
            return read(upload)
        except ValidationError as refused:
            raise serializers.ValidationError({field: refused.messages}) from refused
