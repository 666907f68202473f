"""The pages of contents, portraits and notices: what they show, and in whose time."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from companies.models import Company, Project, User
from content import processing
from content.markers import normalise_image
from content.models import (
    ARContent,
    Delivery,
    Notification,
    NotificationType,
    Portrait,
)
from content.tests.factories import ARContentFactory, VideoFactory
from content.tests.media import photograph
from content.tests.test_processing import make_content
from content.views import SESSION_PATH

pytestmark = pytest.mark.django_db

CONTENTS = "/admin/content/arcontent/"
PORTRAITS = "/admin/content/portrait/"
VIDEOS = "/admin/content/video/"
NOTICES = "/admin/content/notification/"
SVG = "image/svg+xml"


@pytest.fixture
def staff(client: Client, editor: User) -> Client:
    client.force_login(editor)
    return client


@pytest.fixture
def content(project: Project) -> ARContent:
    content: ARContent = ARContentFactory.create(project=project, title="Grandmother")
    return content


def test_staff_who_open_the_live_page_are_no_visitors(staff: Client, content: ARContent) -> None:
    page = body(staff, f"{CONTENTS}{content.pk}/change/")
    assert f"<p>{content.ar_url}</p>" in page
    assert f'href="{content.ar_url}"' not in page
    [link] = re.findall(rf'href="({content.get_absolute_url()}[^"]*)"', page)
    assert '"sessionUrl": null' in body(staff, link)
    assert f'"sessionUrl": "{SESSION_PATH}"' in body(staff, content.get_absolute_url())


def body(client: Client, url: str, **query: str) -> str:
    answer = client.get(url, query)
    assert answer.status_code == 200
    return answer.content.decode()


def last_message(answer: Any) -> str:
    return str(list(get_messages(answer.wsgi_request))[-1])


def add_visits(content: ARContent, number: int) -> None:
    model = content.view_sessions.model
    model.objects.bulk_create(
        [
            model(
                session_id=uuid.uuid4(),
                ar_content=content,
                project=content.project,
                company=content.company,
            )
            for _ in range(number)
        ],
        batch_size=2000,
    )


def add_notice(company: Company, **fields: Any) -> Notification:
    texts = {"subject": "S", "message": "M"}
    kind = NotificationType.TEST
    return Notification.objects.create(
        company=company, notification_type=kind, **{**texts, **fields}
    )


def test_a_made_marker_has_its_map_its_sheet_and_its_code(
    staff: Client, project: Project, stranger: User
) -> None:
    content = make_content(project)
    base = f"{CONTENTS}{content.pk}"
    assert staff.get(f"{base}/features.svg").status_code == 404
    assert processing.generate_marker("content.arcontent", content.pk, now=timezone.now())
    page = body(staff, f"{base}/change/")
    assert f"{base}/features.svg" in page
    assert content.ar_url in page
    answer = staff.get(f"{base}/features.svg")
    assert answer["Content-Type"] == SVG
    assert answer.content.count(b"h0") == ARContent.objects.get().marker_points
    sheet = staff.get(f"{base}/print-sheet.pdf")
    assert sheet["Content-Type"] == "application/pdf"
    assert sheet.content.startswith(b"%PDF")
    staff.force_login(stranger)
    for name in ("features.svg", "print-sheet.pdf", "qr.svg", "qr.png", "marker/"):
        assert staff.get(f"{base}/{name}").status_code == 404
    assert staff.post(f"{base}/marker/").status_code == 404


def test_a_portraits_map_is_shown_at_its_contents_too(staff: Client, project: Project) -> None:
    portrait = Portrait(company=project.company, title="Face")
    processing.attach_picture(portrait, normalise_image(photograph("chelsea", 320)))
    portrait.save()
    assert processing.generate_marker("content.portrait", portrait.pk, now=timezone.now())
    content = ARContentFactory.create(project=project, image="", marker="", portrait=portrait)
    for url in (f"{PORTRAITS}{portrait.pk}", f"{CONTENTS}{content.pk}"):
        assert staff.get(f"{url}/features.svg")["Content-Type"] == SVG
    page = body(staff, f"{PORTRAITS}{portrait.pk}/change/")
    assert f"{CONTENTS}{content.pk}/change/" in page
    assert content.title in body(staff, CONTENTS, q=str(portrait.unique_id))


def test_a_lost_file_is_no_error_page(staff: Client, content: ARContent) -> None:
    base = f"{CONTENTS}{content.pk}"
    assert staff.get(f"{base}/features.svg").status_code == 404
    answer = staff.get(f"{base}/print-sheet.pdf")
    assert answer.status_code == 302
    assert "cannot be read" in last_message(answer)


def test_the_calendar_flags_a_gap_in_the_companys_time(
    staff: Client, company: Company, content: ARContent
) -> None:
    Company.objects.update(time_zone="Asia/Tokyo")
    now = timezone.now()
    closes = (now + timedelta(days=2)).replace(hour=18, minute=30)
    VideoFactory.create(ar_content=content, title="Until then", schedule_end=closes)
    page = body(staff, f"{CONTENTS}{content.pk}/change/")
    assert "Until then" in page
    assert "arv-gap" in page
    assert "there is a time when visitors get nothing" in page
    # 18:30 UTC is half past three in the morning of the next day in Tokyo.
    assert "3:30 a.m." in page
    assert "Asia/Tokyo" in page


def test_times_are_read_and_shown_in_the_companys_time_zone(
    staff: Client, content: ARContent
) -> None:
    Company.objects.update(time_zone="Asia/Tokyo")
    video = VideoFactory.create(ar_content=content)
    posted = {
        "title": "V",
        "rotation_order": 0,
        "schedule_start_0": "2030-01-02",
        "schedule_start_1": "03:30",
    }
    assert staff.post(f"{VIDEOS}{video.pk}/change/", posted).status_code == 302
    video.refresh_from_db()
    assert str(video.schedule_start) == "2030-01-01 18:30:00+00:00"
    page = body(staff, f"{VIDEOS}{video.pk}/change/")
    assert 'value="03:30:00"' in page
    assert "Asia/Tokyo" in page


def test_the_views_of_the_last_thirty_days_are_counted(staff: Client, content: ARContent) -> None:
    add_visits(content, 3)
    old = content.view_sessions.first()
    assert old
    content.view_sessions.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=31))
    assert "<strong>2</strong> in the last 30 days" in body(
        staff, f"{CONTENTS}{content.pk}/change/"
    )


def test_notices_are_read_as_sent_with_the_state_of_each_channel(
    staff: Client, company: Company
) -> None:
    Company.objects.update(contact_email="a@example.org", telegram_chat_id="1")
    add_notice(
        company,
        subject="Ends soon",
        message="First line\nsecond <b>",
        email_sent=True,
        email_sent_at=timezone.now(),
        telegram_error="chat not found",
    )
    just_made = add_notice(company, subject="Just made")
    Delivery.objects.create(notification=just_made, channel="email")
    page = body(staff, NOTICES)
    assert all(word in page for word in ("sent", "failed", "on its way"))
    failed = Notification.objects.get(subject="Ends soon")
    detail = body(staff, f"{NOTICES}{failed.pk}/change/")
    assert "chat not found" in detail
    assert "First line<br>second &lt;b&gt;" in detail
    assert staff.get(f"{NOTICES}add/").status_code == 403
    assert staff.post(f"{NOTICES}{failed.pk}/delete/", {"post": "yes"}).status_code == 403
