"""Uploads through the admin's own forms: the main job, and files that must not come in."""

import io
import os
import socket
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from PIL import Image

from companies.models import Company, Project, StorageProvider, StoredFile, User
from companies.tests.factories import ProjectFactory
from content import processing, videos
from content.models import ARContent, Portrait, Video
from content.tests.media import clip, photograph

pytestmark = pytest.mark.django_db(transaction=True)
ADD = "/admin/content/arcontent/add/"


@pytest.fixture
def staff(client: Client, superuser: User) -> Client:
    client.force_login(superuser)
    return client


def form(
    project: Project, picture: bytes | None, video: bytes | None, **more: Any
) -> dict[str, Any]:
    videos = int(video is not None)
    posted: dict[str, Any] = {
        "project": project.pk,
        "title": "Grandmother",
        "description": "",
        "is_active": "on",
        "videos-TOTAL_FORMS": videos,
        "videos-INITIAL_FORMS": 0,
        **more,
    }
    if picture is not None:
        posted["picture"] = SimpleUploadedFile("grandma.jpg", picture, "image/jpeg")
    if video is not None:
        posted["videos-0-upload"] = SimpleUploadedFile("grandma.mp4", video, "video/mp4")
        posted["videos-0-rotation_order"] = 0
    return posted


def test_a_picture_and_a_video_become_a_content(staff: Client, project: Project) -> None:
    response = staff.post(ADD, form(project, photograph(side=400), clip(sound=True)), follow=True)
    assert response.status_code == 200
    content = ARContent.objects.get()
    assert content.company == project.company
    assert content.qr_code
    video = content.videos.get()
    assert videos.prepare_video(video.pk, now=timezone.now())
    content.refresh_from_db()
    assert content.active_video == video
    assert processing.generate_marker("content.arcontent", content.pk, now=timezone.now())
    change = staff.get(f"/admin/content/arcontent/{content.pk}/change/").content.decode()
    assert "of 5 stars" in change
    assert content.ar_url in change
    assert "320×240" in change
    changelist = staff.get("/admin/content/arcontent/?q=Grand").content.decode()
    assert "Grandmother" in changelist


def test_the_qr_code_downloads_as_png_and_svg(staff: Client, project: Project) -> None:
    staff.post(ADD, form(project, photograph(side=300), clip()))
    content = ARContent.objects.get()
    base = f"/admin/content/arcontent/{content.pk}"
    png, svg = staff.get(f"{base}/qr.png?download"), staff.get(f"{base}/qr.svg?download")
    assert png.content.startswith(b"\x89PNG")
    assert b"<svg" in svg.content
    assert f'filename="arv-{content.pk}.png"' in png["Content-Disposition"]


def test_the_marker_panel_reports_progress(staff: Client, project: Project) -> None:
    staff.post(ADD, form(project, photograph(side=300), clip()))
    content = ARContent.objects.get()
    ARContent.objects.update(marker_status="processing", marker_progress=40)
    panel = staff.get(f"/admin/content/arcontent/{content.pk}/marker/").content.decode()
    assert 'value="40"' in panel
    assert "data-waiting" in panel


def png_header(width: int, height: int) -> bytes:
    """A well-formed PNG whose header promises more than its data hold."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


def eps() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (300, 300), "red").save(out, "EPS")
    return out.getvalue()


def one_pixel() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (1, 1)).save(out, "PNG")
    return out.getvalue()


def busy_seconds() -> float:
    """Processor time of this process and its children: what a busy machine does not move."""
    return sum(os.times()[:4])


HOSTILE_PICTURES: dict[str, Callable[[], bytes]] = {
    "bomb": lambda: png_header(12_000, 12_000),
    "EPS named .png": eps,
    "truncated JPEG": lambda: photograph(side=500)[:9000],
    "0 bytes": lambda: b"",
    "1 px": one_pixel,
    "12,001 px side": lambda: png_header(12_001, 300),
    "text": lambda: b"hello",
}


@pytest.mark.parametrize("kind", HOSTILE_PICTURES)
def test_a_hostile_picture_is_a_form_error_within_two_seconds(
    staff: Client, project: Project, kind: str
) -> None:
    posted = form(project, HOSTILE_PICTURES[kind](), clip())
    started = busy_seconds()
    response = staff.post(ADD, posted)
    assert busy_seconds() - started < 2
    assert response.status_code == 200
    assert response.context["adminform"].form.errors["picture"]
    assert not ARContent.objects.exists()
    assert not StoredFile.objects.exists()


@pytest.fixture
def dead_endpoint() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


HOSTILE_VIDEOS = {
    "text named .mp4": b"ffconcat version 1.0\nfile /etc/hostname\n",
    "0 bytes": b"",
    "truncated": clip(seconds=2)[:4000],
    "a picture": photograph(side=300),
}


@pytest.mark.parametrize("kind", HOSTILE_VIDEOS)
def test_a_hostile_video_is_a_form_error_within_two_seconds(
    staff: Client, project: Project, kind: str
) -> None:
    posted = form(project, photograph(side=300), HOSTILE_VIDEOS[kind])
    started = busy_seconds()
    response = staff.post(ADD, posted)
    assert busy_seconds() - started < 2
    assert response.status_code == 200
    assert response.context["inline_admin_formsets"][0].formset.errors[0]["upload"]
    assert not ARContent.objects.exists()
    assert not StoredFile.objects.exists()


def test_a_content_without_a_picture_is_a_form_error(staff: Client, project: Project) -> None:
    response = staff.post(ADD, form(project, None, clip()))
    assert response.context["adminform"].form.errors["picture"]
    assert not StoredFile.objects.exists()


def test_a_full_company_is_told_so_and_nothing_is_stored(staff: Client, project: Project) -> None:
    Company.objects.update(storage_quota_gb=0)
    response = staff.post(ADD, form(project, photograph(side=300), clip()))
    assert response.status_code == 200
    assert response.context["adminform"].form.errors["picture"]
    assert not ARContent.objects.exists()
    assert not StoredFile.objects.exists()


def test_a_content_may_use_a_portrait_of_its_company_only(
    staff: Client, project: Project, stranger_company: Company
) -> None:
    staff.post(
        "/admin/content/portrait/add/",
        {
            "company": stranger_company.pk,
            "title": "Foreign",
            "picture": SimpleUploadedFile("p.jpg", photograph(side=300)),
        },
    )
    foreign = Portrait.objects.get()
    response = staff.post(ADD, form(project, None, None, portrait=foreign.pk))
    assert response.context["adminform"].form.errors["portrait"]
    assert not ARContent.objects.exists()


def test_activating_another_video_moves_the_flag(staff: Client, project: Project) -> None:
    staff.post(ADD, form(project, photograph(side=300), clip()))
    content = ARContent.objects.get()
    staff.post(
        "/admin/content/video/add/",
        {
            "ar_content": content.pk,
            "title": "Second",
            "upload": SimpleUploadedFile("b.mp4", clip()),
            "rotation_order": 1,
        },
    )
    first, second = content.videos.all()
    for video in (first, second):
        assert videos.prepare_video(video.pk, now=timezone.now())
    staff.post("/admin/content/video/", {"action": "activate", "_selected_action": [second.pk]})
    content.refresh_from_db()
    assert content.active_video == second
    assert list(Video.objects.filter(is_active=True)) == [second]
    assert first.pk != second.pk


def test_deleting_a_content_in_the_admin_removes_its_files(staff: Client, project: Project) -> None:
    staff.post(ADD, form(project, photograph(side=300), clip()))
    content = ARContent.objects.get()
    staff.post(f"/admin/content/arcontent/{content.pk}/delete/", {"post": "yes"})
    assert not ARContent.objects.exists()
    assert not StoredFile.objects.exists()


@pytest.mark.parametrize("person", ["owner", "editor"])
def test_members_make_contents_in_their_company_alone(
    client: Client,
    request: pytest.FixtureRequest,
    person: str,
    project: Project,
    stranger_company: Company,
) -> None:
    client.force_login(request.getfixturevalue(person))
    foreign = ProjectFactory.create(company=stranger_company)
    response = client.post(ADD, form(foreign, photograph(side=300), clip()))
    assert response.context["adminform"].form.errors["project"]
    assert not StoredFile.objects.exists()
    assert client.post(ADD, form(project, photograph(side=300), clip())).status_code == 302
    assert ARContent.objects.get().company == project.company


def test_a_viewer_makes_nothing(client: Client, viewer: User, project: Project) -> None:
    client.force_login(viewer)
    assert client.get(ADD).status_code == 403
    assert client.post(ADD, form(project, photograph(side=300), clip())).status_code == 403
    assert not ARContent.objects.exists()
    assert not StoredFile.objects.exists()


def test_an_unreachable_storage_is_a_message_and_nothing_is_saved(
    staff: Client, company: Company, dead_endpoint: str
) -> None:
    dead = company.storage_connection
    dead.provider = StorageProvider.MINIO
    dead.credentials = {
        "endpoint_url": dead_endpoint,
        "bucket": "pictures",
        "access_key": "key",
        "secret_key": "a-secret",
    }
    dead.save()
    answer = staff.post(
        "/admin/content/portrait/add/",
        {
            "company": company.pk,
            "title": "P",
            "picture": SimpleUploadedFile("p.jpg", photograph(side=300)),
        },
        follow=True,
    )
    assert answer.status_code == 200
    assert not Portrait.objects.exists()
    assert "a-secret" not in answer.content.decode()
