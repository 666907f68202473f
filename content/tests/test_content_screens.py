"""The pages of contents, portraits, videos and notices as staff of each role meet them."""

import time
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from companies.limits import LimitReached
from companies.models import Company, Membership, Project, Role, StoredFile, User
from companies.tests.factories import ProjectFactory
from content import processing
from content.markers import normalise_image
from content.models import (
    ARContent,
    MarkerStatus,
    Notification,
    NotificationType,
    Portrait,
    Video,
)
from content.tests.factories import ARContentFactory, PortraitFactory, VideoFactory
from content.tests.media import photograph
from content.tests.test_processing import make_content
from content.video_file import VideoFile

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


def body(client: Client, url: str, **query: str) -> str:
    answer = client.get(url, query)
    assert answer.status_code == 200
    return answer.content.decode()


def titles(client: Client, **query: str) -> set[str]:
    answer = client.get(CONTENTS, query)
    return {row.title for row in answer.context["cl"].queryset}


def last_message(answer: Any) -> str:
    return str(list(get_messages(answer.wsgi_request))[-1])


# --- the panels -------------------------------------------------------------------------------


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
    assert titles(staff, q=str(portrait.unique_id)) == {content.title}


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


# --- lists ------------------------------------------------------------------------------------


def test_the_list_hides_what_is_over_and_shows_it_in_one_click(
    staff: Client, project: Project, content: ARContent
) -> None:
    past = timezone.now() - timedelta(days=1)
    ARContentFactory.create(project=project, title="Old", expires_at=past)
    ended = ProjectFactory.create(company=project.company, expires_at=past)
    ARContentFactory.create(project=ended, title="Ended")
    assert titles(staff) == {"Grandmother"}
    assert titles(staff, state="all") == {"Grandmother", "Old", "Ended"}
    assert 'href="?state=all"' in body(staff, CONTENTS)
    assert 'href="?q=O&amp;state=all"' in body(staff, CONTENTS, q="O", p="1")


def test_contents_are_found_by_title_project_and_the_address_in_their_code(
    staff: Client, project: Project, content: ARContent
) -> None:
    ARContentFactory.create(project=ProjectFactory.create(company=project.company), title="Other")
    for words in ("grandm", content.ar_url, content.unique_id.hex, project.name):
        assert "Grandmother" in titles(staff, q=words)
    assert titles(staff, q=content.ar_url) == {"Grandmother"}
    assert titles(staff, q=str(uuid.uuid4())) == set()
    assert titles(staff, project__id__exact=str(project.pk)) == {"Grandmother"}


def test_who_works_for_one_company_is_not_told_which_in_every_row(
    staff: Client, superuser: User, editor: User, content: ARContent, stranger_company: Company
) -> None:
    lists = {CONTENTS: "company", PORTRAITS: "company", NOTICES: "company", VIDEOS: "company_name"}
    VideoFactory.create(ar_content=content)

    def shows_company(url: str) -> bool:
        return lists[url] in staff.get(url).context["cl"].list_display

    assert not any(map(shows_company, lists))
    Membership.objects.create(user=editor, company=stranger_company, role=Role.VIEWER)
    assert all(map(shows_company, lists))
    staff.force_login(superuser)
    assert all(map(shows_company, lists))


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


def add_rows(company: Company, number: int) -> None:
    for _ in range(number):
        project = ProjectFactory.create(company=company)
        portrait = PortraitFactory.create(company=company)
        content = ARContentFactory.create(project=project)
        VideoFactory.create(ar_content=content)
        ARContentFactory.create(project=project, image="", marker="", portrait=portrait)
        add_notice(company, project=project)
        add_visits(content, 1)


@pytest.mark.parametrize("url", [CONTENTS, PORTRAITS, VIDEOS, NOTICES])
@pytest.mark.parametrize("person", ["viewer", "editor", "superuser"])
def test_a_list_of_fifty_asks_no_more_than_a_list_of_one(
    client: Client, request: pytest.FixtureRequest, company: Company, url: str, person: str
) -> None:
    client.force_login(request.getfixturevalue(person))
    add_rows(company, 1)
    client.get(url)
    with CaptureQueriesContext(connection) as one:
        client.get(url)
    add_rows(company, 24)
    with CaptureQueriesContext(connection) as many:
        client.get(url)
    assert len(many) == len(one), [query["sql"] for query in many]


def test_a_content_with_fifty_videos_asks_no_more_than_one_with_one(
    staff: Client, content: ARContent
) -> None:
    url = f"{CONTENTS}{content.pk}/change/"
    VideoFactory.create(ar_content=content)
    staff.get(url)
    with CaptureQueriesContext(connection) as one:
        staff.get(url)
    VideoFactory.create_batch(18, ar_content=content)
    with CaptureQueriesContext(connection) as some:
        staff.get(url)
    assert len(some) == len(one)
    VideoFactory.create_batch(31, ar_content=content)
    with CaptureQueriesContext(connection) as many:
        page = body(staff, url)
    # One more: how many are left out.
    assert len(many) <= len(one) + 1
    assert 'name="videos-19-title"' in page
    assert 'name="videos-20-title"' not in page
    assert "30 more videos are not shown here" in page


# --- roles ------------------------------------------------------------------------------------


def test_a_viewer_reads_every_page_and_changes_nothing(
    client: Client, viewer: User, company: Company, content: ARContent
) -> None:
    client.force_login(viewer)
    video = VideoFactory.create(ar_content=content)
    portrait = PortraitFactory.create(company=company)
    notice = add_notice(company)
    rows: list[ARContent | Video | Portrait | Notification] = [content, video, portrait, notice]
    for row in rows:
        base = f"/admin/content/{row._meta.model_name}/{row.pk}"
        page = body(client, f"{base}/change/")
        for forbidden in ('name="_save"', 'type="file"', "formaction", 'name="title"', "delete/"):
            assert forbidden not in page
        assert client.post(f"{base}/change/", {"title": "Mine"}).status_code == 403
        assert client.post(f"{base}/delete/", {"post": "yes"}).status_code == 403
    for url, action, row in (
        (CONTENTS, "switch_off", content),
        (CONTENTS, "regenerate_markers", content),
        (VIDEOS, "activate", video),
    ):
        client.post(url, {"action": action, "_selected_action": [row.pk]})
    assert client.post(f"{CONTENTS}{content.pk}/marker/").status_code == 403
    assert client.post(f"{VIDEOS}{video.pk}/activate/").status_code == 403
    fresh = ARContent.objects.get()
    assert (fresh.title, fresh.is_active) == ("Grandmother", True)
    assert (fresh.marker_status, fresh.active_video) == (MarkerStatus.READY, None)


def test_a_viewer_elsewhere_does_not_widen_what_an_editor_may_change(
    staff: Client, editor: User, content: ARContent, stranger_company: Company
) -> None:
    Membership.objects.create(user=editor, company=stranger_company, role=Role.VIEWER)
    foreign = ARContentFactory.create(project=ProjectFactory.create(company=stranger_company))
    both = {"_selected_action": [content.pk, foreign.pk]}
    staff.post(CONTENTS, {"action": "switch_off", **both})
    assert set(ARContent.objects.filter(is_active=False)) == {content}
    answer = staff.post(CONTENTS, {"action": "delete_selected", "post": "yes", **both})
    assert answer.status_code == 403
    assert ARContent.objects.count() == 2


def test_an_editors_buttons_make_the_marker_again_and_choose_the_video(
    staff: Client, content: ARContent
) -> None:
    first, second = VideoFactory.create_batch(2, ar_content=content)
    first.activate()
    page = body(staff, f"{CONTENTS}{content.pk}/change/")
    assert f'formaction="{CONTENTS}{content.pk}/marker/"' in page
    assert staff.post(f"{CONTENTS}{content.pk}/marker/").status_code == 302
    assert ARContent.objects.get().marker_status == MarkerStatus.PENDING
    assert f'formaction="{VIDEOS}{second.pk}/activate/"' in body(
        staff, f"{VIDEOS}{second.pk}/change/"
    )
    assert staff.get(f"{VIDEOS}{second.pk}/activate/").status_code == 405
    assert staff.post(f"{VIDEOS}{second.pk}/activate/").status_code == 302
    assert ARContent.objects.get().active_video == second


def test_contents_are_switched_off_and_on_again_and_the_history_knows_who(
    staff: Client, editor: User, content: ARContent
) -> None:
    chosen = {"_selected_action": [content.pk]}
    answer = staff.post(CONTENTS, {"action": "switch_off", **chosen})
    assert "nothing is lost" in last_message(answer)
    assert not ARContent.objects.published(timezone.now()).exists()
    staff.post(CONTENTS, {"action": "switch_on", **chosen})
    assert ARContent.objects.get().is_active
    assert {record.history_user for record in content.history.all()[:2]} == {editor}
    answer = staff.post(CONTENTS, {"action": "switch_on", **chosen})
    assert "already" in last_message(answer)


def test_a_new_content_starts_with_the_only_project(staff: Client, project: Project) -> None:
    assert project.name in body(staff, f"{CONTENTS}add/")
    other = ProjectFactory.create(company=project.company, name="Second project")
    page = body(staff, f"{CONTENTS}add/")
    assert project.name not in page
    assert other.name in body(staff, f"{CONTENTS}add/", project=str(other.pk))


# --- losses -----------------------------------------------------------------------------------


def test_a_deletion_counts_ten_thousand_visits_instead_of_listing_them(
    staff: Client, content: ARContent
) -> None:
    VideoFactory.create_batch(2, ar_content=content)
    add_visits(content, 10_000)
    url = f"{CONTENTS}{content.pk}/delete/"
    started = time.process_time()
    with CaptureQueriesContext(connection) as queries:
        page = body(staff, url)
    assert time.process_time() - started < 2
    assert "10,000" in page
    assert "Videos: 2" in page
    # The picture, the marker and two video files.
    assert "Files: 4" in page
    assert len(page) < 200_000
    assert len(queries) < 20
    assert staff.post(url, {"post": "yes"}).status_code == 302
    assert not content.view_sessions.model.objects.exists()


def test_a_portrait_in_use_is_kept_and_says_by_whom(
    staff: Client, project: Project, company: Company
) -> None:
    portrait = PortraitFactory.create(company=company)
    ARContentFactory.create_batch(25, project=project, image="", marker="", portrait=portrait)
    url = f"{PORTRAITS}{portrait.pk}/delete/"
    page = body(staff, url)
    assert page.count("AR content: ") == 20
    assert "and more" in page
    assert staff.post(url, {"post": "yes"}).status_code == 200
    assert Portrait.objects.exists()


# --- what a company may still do --------------------------------------------------------------


def with_picture(**fields: Any) -> dict[str, Any]:
    return {"picture": ContentFile(photograph(side=300), name="p.jpg"), **fields}


def content_form(project: Project, **fields: Any) -> dict[str, Any]:
    management = {"videos-TOTAL_FORMS": 0, "videos-INITIAL_FORMS": 0}
    return {"project": project.pk, "title": "New", "is_active": "on", **management, **fields}


@pytest.mark.parametrize("closed", ["over", "off"])
def test_a_closed_company_makes_nothing_new_and_is_told_why(
    staff: Client, company: Company, project: Project, content: ARContent, closed: str
) -> None:
    if closed == "over":
        Company.objects.update(subscription_expires_at=timezone.now())
    else:
        Company.objects.update(is_active=False)
    portrait = PortraitFactory.create(company=company)
    posts = [
        (f"{CONTENTS}add/", content_form(project, **with_picture())),
        (f"{CONTENTS}add/", content_form(project, portrait=portrait.pk)),
        (f"{CONTENTS}{content.pk}/change/", content_form(project, **with_picture())),
        (f"{PORTRAITS}add/", with_picture(company=company.pk, title="New")),
    ]
    reason = "run out" if closed == "over" else "switched off"
    for url, posted in posts:
        answer = staff.post(url, posted)
        assert answer.status_code == 200
        assert reason in str(answer.context["adminform"].form.errors)
    assert not StoredFile.objects.exists()
    assert ARContent.objects.get() == content
    # What is there can still be looked after.
    assert (
        staff.post(
            f"{CONTENTS}{content.pk}/change/", content_form(project, title="Renamed")
        ).status_code
        == 302
    )
    assert ARContent.objects.get().title == "Renamed"


def test_the_files_own_place_refuses_too(project: Project, content: ARContent) -> None:
    Company.objects.update(is_active=False)
    content = ARContent.objects.get()
    picture = normalise_image(photograph(side=300))
    found = VideoFile(1.0, 64, 64, "video/mp4", b"")
    with pytest.raises(LimitReached):
        processing.attach_picture(content, picture)
    with pytest.raises(LimitReached):
        processing.attach_qr_code(content)
    with pytest.raises(LimitReached):
        processing.attach_video(Video(ar_content=content), ContentFile(b"v", name="v.mp4"), found)


def test_a_portrait_of_another_company_is_refused_in_words(
    client: Client, superuser: User, project: Project, stranger_company: Company
) -> None:
    client.force_login(superuser)
    foreign = PortraitFactory.create(company=stranger_company)
    answer = client.post(f"{CONTENTS}add/", content_form(project, portrait=foreign.pk))
    errors = answer.context["adminform"].form.errors
    assert errors["portrait"] == ["The portrait belongs to another company."]
    assert not ARContent.objects.exists()


# --- notices ----------------------------------------------------------------------------------


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
    add_notice(company, subject="Just made")
    page = body(staff, NOTICES)
    assert all(word in page for word in ("sent", "failed", "waiting"))
    failed = Notification.objects.get(subject="Ends soon")
    detail = body(staff, f"{NOTICES}{failed.pk}/change/")
    assert "chat not found" in detail
    assert "First line<br>second &lt;b&gt;" in detail
    assert staff.get(f"{NOTICES}add/").status_code == 403
    assert staff.post(f"{NOTICES}{failed.pk}/delete/", {"post": "yes"}).status_code == 403
