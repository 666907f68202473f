"""The files of rows: how large they may be, and how they go with their row."""

from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.db import models
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _


def check_size(upload: File[bytes], limit: int) -> None:
    """Raises ValidationError for an empty file and for one of more than `limit` bytes."""
    if not upload.size:
        raise ValidationError(_("The file is empty."), code="empty")
    if upload.size > limit:
        message = _("The file is larger than %(limit)s.")
        raise ValidationError(message, code="large", params={"limit": filesizeformat(limit)})


def discard_files(row: models.Model) -> None:
    """Remove the files of a row that is about to go, once its transaction is committed."""
    for field in row._meta.get_fields():
        if isinstance(field, models.FileField):
            stored = getattr(row, field.name)
            if stored:
                stored.storage.delete(str(stored))
