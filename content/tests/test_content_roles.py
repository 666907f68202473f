"""What viewers and editors may do with contents, and what a closed company may not."""

import io
import time
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from companies.limits import LimitReached
from companies.models import Company, Membership, Project, Role, StoredFile, User
from companies.tests.factories import ProjectFactory
from content import processing, videos
from content.markers import normalise_image
from content.models import (
    ARContent,
    MarkerStatus,
    Notification,
    Portrait,
    Video,
)
from content.playback import choose
from content.tests.factories import ARContentFactory, PortraitFactory, VideoFactory
from content.tests.media import clip, photograph
from content.tests.test_content_screens import (
    CONTENTS,
    PORTRAITS,
    VIDEOS,
    add_notice,
    add_visits,
    body,
    last_message,
)
from content.video_file import probe

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("calm")]


@pytest.fixture
def staff(client: Client, editor: User) -> Client:
    client.force_login(editor)
    return client


@pytest.fixture
def content(project: Project) -> ARContent:
    content: ARContent = ARContentFactory.create(project=project, title="Grandmother")
    return content


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
    choose(first, now=timezone.now())
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
    visits = content.view_sessions.model.objects
    assert visits.filter(company=content.company, ar_content=None).count() == 10_000


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


def test_a_closed_company_shows_nothing_longer(
    staff: Client, project: Project, content: ARContent
) -> None:
    now = timezone.now()
    dates = {"published_at": now + timedelta(days=5), "expires_at": now + timedelta(days=9)}
    ARContent.objects.update(is_active=False, **dates)
    Company.objects.update(subscription_expires_at=now)
    url = f"{CONTENTS}{content.pk}/change/"
    shown = {"initial-is_active": "False"}
    for name, date in dates.items():
        shown |= {f"initial-{name}_0": f"{date:%Y-%m-%d}", f"initial-{name}_1": f"{date:%H:%M:%S}"}
    # On, at once and without end.
    answer = staff.post(url, content_form(project, **shown))
    found = answer.context["adminform"].form.errors
    assert found.keys() == {"is_active", "published_at", "expires_at"}
    for data in ({"action": "switch_on"}, {"action": "regenerate_markers"}):
        answer = staff.post(CONTENTS, {**data, "_selected_action": [content.pk]})
        assert "run out" in last_message(answer)
    assert "run out" in last_message(staff.post(f"{CONTENTS}{content.pk}/marker/"))
    content = ARContent.objects.get()
    assert (content.is_active, content.marker_status) == (False, MarkerStatus.READY)


def test_a_stale_page_does_not_switch_a_content_on_again(
    staff: Client, project: Project, content: ARContent
) -> None:
    shown = content_form(project, title="Renamed", **{"initial-is_active": "True"})
    ARContent.objects.update(is_active=False)
    url = f"{CONTENTS}{content.pk}/change/"
    assert staff.post(url, shown).status_code == 302
    content = ARContent.objects.get()
    assert (content.title, content.is_active) == ("Renamed", False)


def test_the_files_own_place_refuses_too(project: Project, content: ARContent) -> None:
    Company.objects.update(is_active=False)
    content = ARContent.objects.get()
    picture = normalise_image(photograph(side=300))
    found = probe(io.BytesIO(clip()))
    with pytest.raises(LimitReached):
        processing.attach_picture(content, picture)
    with pytest.raises(LimitReached):
        processing.attach_qr_code(content)
    with pytest.raises(LimitReached):
        videos.attach_upload(Video(ar_content=content), ContentFile(b"v", name="v.mp4"), found)


def test_a_portrait_of_another_company_is_refused_in_words(
    client: Client, superuser: User, project: Project, stranger_company: Company
) -> None:
    client.force_login(superuser)
    foreign = PortraitFactory.create(company=stranger_company)
    answer = client.post(f"{CONTENTS}add/", content_form(project, portrait=foreign.pk))
    errors = answer.context["adminform"].form.errors
    assert errors["portrait"] == ["The portrait belongs to another company."]
    assert not ARContent.objects.exists()
