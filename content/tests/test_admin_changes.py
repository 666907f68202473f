"""Changing a content in the admin: all or nothing, and nobody else's work is undone."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from companies.models import Company, Project, StoredFile, User
from content import processing, videos
from content.admin.forms import ARContentForm
from content.markers import normalise_image
from content.models import ARContent, MarkerStatus, Portrait, Video
from content.playback import choose
from content.tests.factories import PortraitFactory
from content.tests.media import clip, photograph
from content.tests.test_processing import make_content

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def staff(client: Client, superuser: User) -> Client:
    client.force_login(superuser)
    return client


@pytest.fixture
def content(project: Project) -> ARContent:
    content = make_content(project)
    assert processing.generate_marker("content.arcontent", content.pk, now=timezone.now())
    assert videos.prepare_video(content.videos.get().pk, now=timezone.now())
    return ARContent.objects.get(pk=content.pk)


def change(content: ARContent, **changes: Any) -> dict[str, Any]:
    """The change form as the page would post it, with `changes`."""
    [video] = content.videos.all()
    return {
        "project": content.project_id,
        "portrait": content.portrait_id or "",
        "title": content.title,
        "description": content.description,
        "is_active": "on",
        "playing": content.active_video_id,
        "initial-playing": content.active_video_id,
        "videos-TOTAL_FORMS": 2,
        "videos-INITIAL_FORMS": 1,
        "videos-0-id": video.pk,
        "videos-0-ar_content": content.pk,
        "videos-0-title": video.title,
        "videos-0-rotation_order": video.rotation_order,
        "videos-1-ar_content": content.pk,
        "videos-1-rotation_order": 0,
        **changes,
    }


def url(content: ARContent) -> str:
    return f"/admin/content/arcontent/{content.pk}/change/"


def picture(name: str = "coffee") -> SimpleUploadedFile:
    return SimpleUploadedFile("p.jpg", photograph(name, 320))


def ledger() -> set[str]:
    return set(StoredFile.objects.values_list("name", flat=True))


def row(content: ARContent) -> dict[str, Any]:
    return dict(ARContent.objects.filter(pk=content.pk).values().get())


def test_an_invalid_video_beside_a_new_picture_changes_nothing(
    staff: Client, content: ARContent
) -> None:
    before, files = row(content), ledger()
    junk = {"videos-1-upload": SimpleUploadedFile("v.mp4", b"junk"), "picture": picture()}
    answer = staff.post(url(content), change(content, **junk))
    assert answer.status_code == 200
    assert answer.context["inline_admin_formsets"][0].formset.errors[1]["upload"]
    assert row(content) == before
    assert ledger() == files
    assert content.image.storage.exists(str(content.image))


def test_a_new_picture_replaces_the_old_one_and_its_marker(
    staff: Client, content: ARContent
) -> None:
    old = {str(content.image), str(content.thumbnail), str(content.marker)}
    answer = staff.post(url(content), change(content, picture=picture()))
    assert answer.status_code == 302
    fresh = ARContent.objects.get(pk=content.pk)
    assert fresh.marker_status == MarkerStatus.PENDING
    assert not fresh.marker
    assert not old & ledger()
    assert str(fresh.image) in ledger()


def test_what_a_worker_wrote_meanwhile_survives_a_change_of_title(
    staff: Client, content: ARContent, monkeypatch: pytest.MonkeyPatch
) -> None:
    processing.renew_marker(content)
    real = ARContentForm.is_valid

    def a_worker_comes_in_between(form: ARContentForm) -> bool:
        processing.generate_marker("content.arcontent", content.pk, now=timezone.now())
        ARContent.objects.filter(pk=content.pk).update(views_count=41)
        return real(form)

    monkeypatch.setattr(ARContentForm, "is_valid", a_worker_comes_in_between)
    assert staff.post(url(content), change(content, title="Renamed")).status_code == 302
    fresh = ARContent.objects.get(pk=content.pk)
    assert (fresh.title, fresh.views_count) == ("Renamed", 41)
    assert fresh.marker_status == MarkerStatus.READY
    assert str(fresh.marker) in ledger()


def test_a_stale_page_does_not_undo_a_colleagues_activation(
    staff: Client, content: ARContent
) -> None:
    posted = change(content)
    second = Video(ar_content=content, video=str(content.videos.get().video))
    second.save()
    choose(second, now=timezone.now())
    assert staff.post(url(content), posted).status_code == 302
    assert ARContent.objects.get(pk=content.pk).active_video == second


def test_a_video_is_replaced_and_removed_in_the_inline(staff: Client, content: ARContent) -> None:
    [video] = content.videos.all()
    first, old = str(video.original), {str(video.video), str(video.thumbnail)}
    new = SimpleUploadedFile("v.mp4", clip(size=(160, 120)))
    assert staff.post(url(content), change(content, **{"videos-0-upload": new})).status_code == 302
    # Visitors keep what a worker has made, until it has made the new one.
    assert first not in ledger()
    assert old <= ledger()
    assert videos.prepare_video(video.pk, now=timezone.now())
    video.refresh_from_db()
    assert (video.width, video.is_active) == (160, True)
    assert not old & ledger()
    gone = change(content, **{"videos-0-DELETE": "on", "playing": "", "initial-playing": ""})
    assert staff.post(url(content), gone).status_code == 302
    assert not content.videos.exists()
    assert not any("/videos/" in name for name in ledger())


def test_deleting_the_active_video_lets_the_next_one_play(
    staff: Client, content: ARContent
) -> None:
    [first] = content.videos.all()
    staff.post(
        url(content), change(content, **{"videos-1-upload": SimpleUploadedFile("v.mp4", clip())})
    )
    second = content.videos.exclude(pk=first.pk).get()
    assert videos.prepare_video(second.pk, now=timezone.now())
    staff.post(f"/admin/content/video/{first.pk}/delete/", {"post": "yes"})
    assert ARContent.objects.get(pk=content.pk).active_video == second


def test_choosing_a_portrait_gives_up_the_own_picture(
    staff: Client, content: ARContent, company: Company
) -> None:
    portrait = Portrait(company=company, title="Face")
    processing.attach_picture(portrait, normalise_image(photograph("chelsea", 320)))
    portrait.save()
    own = {str(content.image), str(content.thumbnail), str(content.marker)}
    both = change(content, portrait=portrait.pk, picture=picture())
    assert staff.post(url(content), both).context["adminform"].form.errors["picture"]
    assert own <= ledger()
    assert staff.post(url(content), change(content, portrait=portrait.pk)).status_code == 302
    fresh = ARContent.objects.get(pk=content.pk)
    assert (fresh.target, bool(fresh.image)) == (portrait, False)
    assert not own & ledger()


def test_visitors_keep_the_marker_while_it_is_made_again(staff: Client, content: ARContent) -> None:
    staff.post(
        "/admin/content/arcontent/",
        {"action": "regenerate_markers", "_selected_action": [content.pk]},
    )
    assert ARContent.objects.get(pk=content.pk).marker_status == MarkerStatus.PENDING
    body = staff.get(f"/api/ar/{content.unique_id}/content").json()
    assert body["marker_url"] == f"/media/{content.marker}"
    assert processing.generate_marker("content.arcontent", content.pk, now=timezone.now())
    fresh = ARContent.objects.get(pk=content.pk)
    assert fresh.marker_status == MarkerStatus.READY
    assert str(content.marker) not in ledger()


@pytest.mark.parametrize(
    "posted",
    [
        {},
        {"project": "999999", "title": "x"},
        {"project": "x", "title": "", "playing": "7"},
        {"videos-TOTAL_FORMS": "x", "videos-INITIAL_FORMS": "-1"},
        {"videos-TOTAL_FORMS": 1, "videos-INITIAL_FORMS": 0, "videos-0-upload-clear": "on"},
        {"videos-TOTAL_FORMS": 1, "videos-INITIAL_FORMS": 0, "videos-0-rotation_order": "-1"},
    ],
)
def test_an_odd_post_is_a_form_error(staff: Client, posted: dict[str, Any]) -> None:
    assert staff.post("/admin/content/arcontent/add/", posted).status_code == 200
    assert not ARContent.objects.exists()


def test_a_portrait_without_a_project_is_a_form_error(staff: Client, company: Company) -> None:
    portrait = PortraitFactory.create(company=company, title="Face")
    posted = {"portrait": portrait.pk, "title": "x"}
    posted |= {"videos-TOTAL_FORMS": 0, "videos-INITIAL_FORMS": 0}
    answer = staff.post("/admin/content/arcontent/add/", posted)
    assert answer.context["adminform"].form.errors["project"]


def test_a_full_quota_fails_the_marker_at_once_and_says_so(content: ARContent) -> None:
    processing.renew_marker(content)
    Company.objects.update(storage_quota_gb=0)
    assert processing.generate_marker("content.arcontent", content.pk, now=timezone.now())
    fresh = ARContent.objects.get(pk=content.pk)
    assert (fresh.marker_status, fresh.marker_attempts) == (MarkerStatus.FAILED, 1)
    assert "quota" in fresh.marker_reason
    assert fresh.marker.storage.open(str(fresh.marker)).read(1)
