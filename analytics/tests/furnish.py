"""Companies with a row for everything that the front page counts, and for what it leaves out."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from analytics.models import ARViewSession
from companies.models import Company, ProjectStatus, StorageFolder, StorageTestStatus
from companies.tests.factories import ProjectFactory, StorageConnectionFactory
from content.models import (
    ARContent,
    MarkerStatus,
    Notification,
    NotificationType,
    VideoStatus,
)
from content.tests.factories import ARContentFactory, PortraitFactory, VideoFactory

DAY = timedelta(days=1)


def visit(content: ARContent, at: datetime | None = None, **fields: Any) -> ARViewSession:
    """One of the content, by a session of its own unless one is given; now, unless `at` is."""
    return ARViewSession.objects.create(
        **{"session_id": uuid.uuid4(), **fields},
        ar_content=content,
        project=content.project,
        company=content.company,
        created_at=at or timezone.now(),
    )


def furnish(company: Company, *, name: str, times: int = 1) -> None:
    """Everything that a figure counts, and beside it what it must not count, `times` over."""
    now = timezone.now()
    Company.objects.filter(pk=company.pk).update(
        storage_used_bytes=10_240 * times, telegram_problem="chat not found"
    )
    StorageFolder.objects.filter(company=company, folder_type="videos").update(
        files_count=times, total_size_bytes=10_240 * times
    )
    for _number in range(times):
        project, ending, over, archived = (
            ProjectFactory.create(
                company=company,
                name=f"{name} {status} {days}",
                status=status,
                expires_at=now + days * DAY,
            )
            for days, status in [
                (31, ProjectStatus.ACTIVE),
                (29, ProjectStatus.ACTIVE),
                (-1, ProjectStatus.ACTIVE),
                (-1, ProjectStatus.ARCHIVED),
            ]
        )
        failed: dict[str, Any] = {
            "marker_status": MarkerStatus.FAILED,
            "marker_error": "It has no detail.",
        }
        portrait = PortraitFactory.create(company=company, title=f"{name} portrait", **failed)
        contents = [
            ARContentFactory.create(title=f"{name} content", **fields)
            for fields in (
                {"project": project},
                {"project": project, "expires_at": now + 30 * DAY},
                {"project": project, "expires_at": now - DAY},
                {"project": project, "is_active": False, **failed},
                {"project": project, "portrait": portrait, "image": ""},
                {"project": ending},
                {"project": over},
                {"project": archived, **failed},
            )
        ]
        for content in contents[1:]:
            VideoFactory.create(ar_content=content)
        # Of these the first alone has nothing to play, and of the failed ones two are over.
        VideoFactory.create(ar_content=contents[0], video="", status=VideoStatus.PENDING)
        for content, ends in ((contents[5], None), (contents[1], now - DAY), (contents[6], None)):
            VideoFactory.create(
                ar_content=content,
                title=f"{name} video",
                video="",
                status=VideoStatus.FAILED,
                error="The video is damaged and cannot be played.",
                schedule_end=ends,
            )
        shared = uuid.uuid4()
        visit(contents[0], now, session_id=shared)
        visit(contents[1], now - DAY, session_id=shared)
        visit(contents[0], now - 29 * DAY)
        visit(contents[0], now - 30 * DAY - timedelta(minutes=1))
        for email, telegram, error in [
            (True, True, ""),
            (True, False, ""),
            (True, False, "chat not found"),
            (False, False, ""),
        ]:
            Notification.objects.create(
                company=company,
                notification_type=NotificationType.TEST,
                subject=f"{name} notice",
                message="-",
                email_sent=email,
                telegram_sent=telegram,
                telegram_error=error,
            )
        StorageConnectionFactory.create(
            company=company,
            name=f"{name} disk {uuid.uuid4()}",
            test_status=StorageTestStatus.FAILED,
            test_error="no answer",
        )
    StorageConnectionFactory.create(company=company, name=f"{name} sound disk")
