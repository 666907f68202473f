from content.models.bulk import BulkImport, BulkImportRow, BulkStatus, RowStatus
from content.models.content import ARContent, Portrait
from content.models.notification import Notification, NotificationType
from content.models.target import ImageTarget, MarkerStatus
from content.models.video import (
    RotationItem,
    RotationType,
    Video,
    VideoRotationSchedule,
)

__all__ = [
    "ARContent",
    "BulkImport",
    "BulkImportRow",
    "BulkStatus",
    "ImageTarget",
    "MarkerStatus",
    "Notification",
    "NotificationType",
    "Portrait",
    "RotationItem",
    "RotationType",
    "RowStatus",
    "Video",
    "VideoRotationSchedule",
]
