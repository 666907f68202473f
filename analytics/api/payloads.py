"""The bodies that a visitor's page sends: checked field by field before anything is stored."""

import json
import re
import time
from functools import cache, lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db import models

from analytics import devices
from analytics.geo import NOWHERE, Place
from analytics.models import CameraAnswer, CameraReason, DeviceType, TrackingQuality
from analytics.recording import LONGEST_VISIT, Progress, Visit

USER_AGENT_LENGTH = 500
LABEL_LENGTH = devices.LABEL_LENGTH
LARGEST_ID = models.BigAutoField.MAX_BIGINT
LONGEST_FIND = int(LONGEST_VISIT.total_seconds() * 1000)
_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}", re.IGNORECASE)
_labels = devices.Labels()


class InvalidPayload(ValueError):
    """`field` names what is wrong; "" is the body as a whole."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def parse_json(body: bytes) -> dict[str, Any]:
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidPayload("", "The body is not JSON.") from error
    if not isinstance(payload, dict):
        raise InvalidPayload("", "The body must be a JSON object.")
    return payload


class Ids(NamedTuple):
    """What a start event names: a session and, in one way or in several, a content."""

    session_id: UUID
    public_ids: tuple[UUID, ...]
    content_id: int | None

    @property
    def content(self) -> str:
        """The content, as a key for counting: by the id that the event names it with."""
        return str(self.public_ids[0] if self.public_ids else self.content_id)


class Client(NamedTuple):
    """Who sends an event, as far as it may be kept. `network` is the cut address.

    `wants_privacy`, by DNT or Sec-GPC: then neither address, place nor User-Agent is kept.
    """

    user_agent: str
    network: str | None
    place: Place = NOWHERE
    wants_privacy: bool = False


def ids_from(payload: dict[str, Any]) -> Ids:
    session_id = parse_uuid(payload, "session_id")
    if session_id is None:
        raise InvalidPayload("session_id", "This field is required.")
    public_ids = tuple(
        public_id
        for field in ("portrait_id", "ar_content_unique_id")
        if (public_id := parse_uuid(payload, field)) is not None
    )
    content_id = _integer(payload, "ar_content_id")
    if not public_ids and content_id is None:
        raise InvalidPayload(
            "ar_content_unique_id", "Give ar_content_unique_id, portrait_id or ar_content_id."
        )
    return Ids(session_id, public_ids, content_id)


def visit_from(payload: dict[str, Any], ids: Ids, client: Client) -> Visit:
    """The start event in `payload`; unknown fields are ignored, null and "" mean not given.

    Browser, system and device come from the User-Agent unless the payload says, and the
    User-Agent from the request unless the payload has one. Raises InvalidPayload.
    """
    agent = _clean_user_agent(_text(payload, "user_agent") or client.user_agent)
    device = devices.describe(agent)
    now = time.monotonic()
    return Visit(
        session_id=ids.session_id,
        public_ids=ids.public_ids,
        content_id=ids.content_id,
        user_agent="" if client.wants_privacy else agent,
        device_type=_choice(payload, "device_type", DeviceType) or device.device_type,
        browser=_labels.taken(_label(payload, "browser") or device.browser, now=now),
        os=_labels.taken(_label(payload, "os") or device.os, now=now),
        tracking_quality=_choice(payload, "tracking_quality", TrackingQuality),
        video_played=_boolean(payload, "video_played"),
        ip_address=client.network,
        country=client.place.country,
        city=client.place.city,
        is_bot=device.is_bot,
    )


def progress_from(payload: dict[str, Any]) -> Progress:
    """What a later event of the visit tells. Raises InvalidPayload, also when it tells nothing."""
    camera = _choice(payload, "camera", CameraAnswer)
    reason = _choice(payload, "camera_reason", CameraReason)
    if reason and camera != CameraAnswer.DENIED:
        raise InvalidPayload("camera_reason", "A reason goes with a camera that is denied.")
    found_ms = _integer(payload, "found_ms")
    if found_ms is not None and found_ms > LONGEST_FIND:
        raise InvalidPayload("found_ms", f"This may be {LONGEST_FIND} at most.")
    progress = Progress(
        started=_boolean(payload, "started"),
        camera=camera,
        camera_reason=reason or (CameraReason.OTHER.value if camera == CameraAnswer.DENIED else ""),
        found_ms=found_ms,
        video_played=_boolean(payload, "video_played"),
        tracking_quality=_choice(payload, "tracking_quality", TrackingQuality),
    )
    if progress == Progress():
        raise InvalidPayload("", "This tells nothing about the visit.")
    return progress


def duration_from(payload: dict[str, Any]) -> int:
    """`duration_seconds`: whole seconds, zero or more. Raises InvalidPayload."""
    duration = _integer(payload, "duration_seconds")
    if duration is None:
        raise InvalidPayload("duration_seconds", "This field is required.")
    return duration


def parse_uuid(payload: dict[str, Any], field: str) -> UUID | None:
    value = _text(payload, field)
    if not value:
        return None
    # UUID() also reads braces, prefixes and stray hyphens.
    if not _UUID.fullmatch(value):
        raise InvalidPayload(field, "This is not a UUID.")
    return UUID(value)


@lru_cache(maxsize=4096)
def _clean_user_agent(user_agent: str) -> str:
    """As much of a User-Agent as fits: a strange one must not cost the visit."""
    printable = "".join(character for character in user_agent if character.isprintable())
    return printable.strip()[:USER_AGENT_LENGTH]


def _text(payload: dict[str, Any], field: str) -> str:
    value = payload.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidPayload(field, "This must be a string.")
    return value.strip()


def _label(payload: dict[str, Any], field: str) -> str:
    value = _text(payload, field)
    if len(value) > LABEL_LENGTH:
        raise InvalidPayload(field, f"This may have {LABEL_LENGTH} characters.")
    if not value.isprintable():
        raise InvalidPayload(field, "This contains characters that cannot be printed.")
    return value


def _choice(payload: dict[str, Any], field: str, choices: type[models.TextChoices]) -> str:
    value = _text(payload, field)
    if value and value not in _values(choices):
        raise InvalidPayload(field, f"This must be one of {', '.join(choices.values)}.")
    return value


@cache
def _values(choices: type[models.TextChoices]) -> frozenset[str]:
    return frozenset(choices.values)


def _integer(payload: dict[str, Any], field: str) -> int | None:
    value = payload.get(field)
    if value is None:
        return None
    # In Python True is an int.
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidPayload(field, "This must be a whole number.")
    if not 0 <= value <= LARGEST_ID:
        raise InvalidPayload(field, "This number is out of range.")
    return value


def _boolean(payload: dict[str, Any], field: str) -> bool:
    value = payload.get(field)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise InvalidPayload(field, "This must be true or false.")
    return value
