"""The visitor's events in the description of the API: plain views, which nothing describes."""

from typing import Any

from analytics.api.payloads import LABEL_LENGTH, LONGEST_FIND, USER_AGENT_LENGTH
from analytics.models import CameraAnswer, CameraReason, DeviceType, TrackingQuality
from companies.api.schema import ERRORS

START = "/api/analytics/ar-session"
VISIT = f"{START}/{{session_id}}"
END = f"{VISIT}/end"
STATUSES = ("400", "404", "413", "415", "429", "503")
AGAIN = " May be sent again at any time. The body may also come as text/plain, as beacons do."


def _uuid(description: str = "") -> dict[str, Any]:
    return {"type": "string", "format": "uuid", "description": description}


def _one_of(choices: list[str]) -> dict[str, Any]:
    return {"type": "string", "nullable": True, "enum": [*choices, "", None]}


def _optional(kind: str, **limits: Any) -> dict[str, Any]:
    return {"type": kind, "nullable": True, **limits}


_CONTENT = {**_uuid("Its unique id."), "nullable": True}
_QUALITY = _one_of(TrackingQuality.values)
_BODIES: dict[str, dict[str, Any]] = {
    "VisitRequest": {
        "type": "object",
        "required": ["session_id"],
        "description": "One of the three that name a content is needed; all that are given must"
        " name the same.",
        "properties": {
            "session_id": _uuid("Made up by the page: one for each time that it is opened."),
            "ar_content_unique_id": _CONTENT,
            "portrait_id": {**_uuid("Of a portrait or of a content."), "nullable": True},
            "ar_content_id": _optional("integer", minimum=0),
            "user_agent": _optional(
                "string", description=f"The header's if not given; {USER_AGENT_LENGTH} are kept."
            ),
            "device_type": _one_of(DeviceType.values),
            "browser": _optional("string", maxLength=LABEL_LENGTH),
            "os": _optional("string", maxLength=LABEL_LENGTH),
            "tracking_quality": _QUALITY,
            "video_played": _optional("boolean"),
        },
    },
    "VisitProgressRequest": {
        "type": "object",
        "description": "At least one thing that has happened.",
        "properties": {
            "ar_content_unique_id": _CONTENT,
            "started": _optional("boolean"),
            "camera": _one_of(CameraAnswer.values),
            "camera_reason": _one_of(CameraReason.values),
            "found_ms": _optional("integer", minimum=0, maximum=LONGEST_FIND),
            "tracking_quality": _QUALITY,
            "video_played": _optional("boolean"),
        },
    },
    "VisitEndRequest": {
        "type": "object",
        "required": ["duration_seconds"],
        "properties": {
            "duration_seconds": {"type": "integer", "minimum": 0},
            "ar_content_unique_id": _CONTENT,
        },
    },
}
_TRACKED = {
    "type": "object",
    "required": ["status"],
    "properties": {"status": {"type": "string", "enum": ["tracked"]}},
}
_OPERATIONS = [
    (START, "post", "visit_start", "VisitRequest", "A visitor has opened a content's page."),
    (VISIT, "patch", "visit_progress", "VisitProgressRequest", "How far the visitor has come."),
    (VISIT, "post", "visit_progress_post", "VisitProgressRequest", "The same, for beacons."),
    (
        END,
        "post",
        "visit_end",
        "VisitEndRequest",
        "How long the page was looked at: the longest counts.",
    ),
]


def describe_events(result: dict[str, Any], **others: Any) -> dict[str, Any]:
    """Add them; one of drf-spectacular's postprocessing hooks."""
    schemas = result["components"]["schemas"]
    schemas |= {**_BODIES, "Tracked": _TRACKED}
    for path, method, name, body, description in _OPERATIONS:
        operation: dict[str, Any] = {
            "operationId": name,
            "description": description + AGAIN,
            "tags": ["analytics"],
            "security": [{}],
            "requestBody": {"required": True, "content": _json(body)},
            "responses": {
                "200": {"description": "", "content": _json("Tracked")},
                **{
                    status: {"description": str(ERRORS[status]), "content": _json("Error")}
                    for status in STATUSES
                },
            },
        }
        if "{" in path:
            operation["parameters"] = [
                {"in": "path", "name": "session_id", "required": True, "schema": _uuid()}
            ]
        result["paths"].setdefault(path, {})[method] = operation
    result["paths"] = dict(sorted(result["paths"].items()))
    return result


def _json(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
