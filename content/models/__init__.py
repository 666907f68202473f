from content.models.bulk import BulkImport, BulkImportRow, BulkStatus, RowStatus
from content.models.content import ARContent, Portrait
from content.models.notification import (
    Channel,
    Delivery,
    DeliveryState,
    Notification,
    NotificationType,
)
from content.models.target import ImageTarget, MarkerStatus
from content.models.video import (
    RotationItem,
    RotationType,
    Video,
    VideoRotationSchedule,
    VideoStatus,
)

__all__ = [
    "ARContent",
    "BulkImport",
    "BulkImportRow",
    "BulkStatus",
    "Channel",
    "Delivery",
    "DeliveryState",
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
    "VideoStatus",
]
