"""The bodies that a visitor's page sends: checked field by field before anything is stored."""

import json
from typing import Any
from uuid import UUID

from django.db import models

from analytics import devices
from analytics.models import DeviceType, TrackingQuality
from analytics.recording import Visit

USER_AGENT_LENGTH = 500
LARGEST_ID = models.BigAutoField.MAX_BIGINT


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


def visit_from(payload: dict[str, Any], *, user_agent: str, ip_address: str | None) -> Visit:
    """The start event in `payload`; unknown fields are ignored, null and "" mean not given.

    `user_agent` is the request header's, for a payload without one. Browser, system and device
    come from the User-Agent unless the payload says. Raises InvalidPayload.
    """
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
    agent = _clean_user_agent(_text(payload, "user_agent") or user_agent)
    device = devices.describe(agent)
    return Visit(
        session_id=session_id,
        public_ids=public_ids,
        content_id=content_id,
        user_agent=agent,
        device_type=_choice(payload, "device_type", DeviceType) or device.device_type,
        browser=_label(payload, "browser") or device.browser,
        os=_label(payload, "os") or device.os,
        tracking_quality=_choice(payload, "tracking_quality", TrackingQuality),
        video_played=_boolean(payload, "video_played"),
        ip_address=ip_address,
    )


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
    try:
        parsed = UUID(value)
    except ValueError as error:
        raise InvalidPayload(field, "This is not a UUID.") from error
    # UUID() also reads braces, prefixes and stray hyphens.
    if value.lower() not in {str(parsed), parsed.hex}:
        raise InvalidPayload(field, "This is not a UUID.")
    return parsed


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
    if len(value) > devices.LABEL_LENGTH:
        raise InvalidPayload(field, f"This may have {devices.LABEL_LENGTH} characters.")
    if not value.isprintable():
        raise InvalidPayload(field, "This contains characters that cannot be printed.")
    return value


def _choice(payload: dict[str, Any], field: str, choices: type[models.TextChoices]) -> str:
    value = _text(payload, field)
    if value and value not in choices.values:
        raise InvalidPayload(field, f"This must be one of {', '.join(choices.values)}.")
    return value


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
