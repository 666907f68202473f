"""The platform's own refusals as answers of the API: a status, a code, and what helps."""

import logging
from typing import Any

from django.core.exceptions import SuspiciousOperation, ValidationError
from django.db import IntegrityError
from django.db.models import ProtectedError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions, serializers, status
from rest_framework.response import Response

from arv import api
from companies.limits import LimitReached
from companies.people import AlreadyMember, LastOwner
from companies.quota import QuotaExceeded
from companies.storage.backend import StorageUnavailable

logger = logging.getLogger(__name__)


class Conflict(exceptions.APIException):
    """The request is sound, but the state of things forbids it."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"
    default_detail = _("This collides with something that is there already.")


class Unavailable(exceptions.APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "storage_unavailable"


class Refused(exceptions.APIException):
    """A request that no form can say more about than why."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "invalid"
    default_detail = _("The request is not valid.")


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn the platform's refusals into DRF's, and those into the common shape."""
    return api.exception_handler(translated(error), context)


def translated(error: Exception) -> Exception:
    if isinstance(error, (LimitReached, QuotaExceeded, LastOwner, AlreadyMember)):
        return Conflict(" ".join(error.messages), code=error.code)
    if isinstance(error, StorageUnavailable):
        logger.warning("storage_unavailable", exc_info=error)
        reason = gettext("The storage does not answer, so nothing was saved: %(reason)s")
        return Unavailable(reason % {"reason": error})
    if isinstance(error, ProtectedError):
        return Conflict(
            _("Other things still depend on it: delete or move those first."), code="in_use"
        )
    if isinstance(error, IntegrityError):
        logger.warning("integrity_conflict", exc_info=error)
        return Conflict()
    if isinstance(error, ValidationError):
        if hasattr(error, "error_dict"):
            return exceptions.ValidationError(serializers.as_serializer_error(error))
        return Refused(" ".join(error.messages), code=getattr(error, "code", None) or "invalid")
    if isinstance(error, SuspiciousOperation):
        return Refused()
    return error
