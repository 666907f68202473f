"""Markers as a queue of rows: claimed once, replaced cleanly, taken up again after a death."""

import io
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.db.models import Sum
from django.utils import timezone

from companies.models import Company, Project, StoredFile
from companies.quota import QuotaExceeded
from companies.storage.uploads import stored_files
from content import leases, processing
from content.markers import compile_marker, normalise_image
from content.models import ARContent, MarkerStatus, VideoStatus
from content.tests.media import blank, clip, photograph
from content.video_file import probe

pytestmark = pytest.mark.django_db(transaction=True)
LABEL = "content.arcontent"
VIDEO = clip()


def make_content(project: Project, picture: bytes | None = None) -> ARContent:
    return processing.create_content(
        project=project,
        title="A portrait",
        picture=normalise_image(picture or photograph(side=320)),
        video=ContentFile(VIDEO),
        found=probe(io.BytesIO(VIDEO)),
    )


def stored_names() -> set[str]:
    return set(StoredFile.objects.values_list("name", flat=True))


def used_and_sum(company: Company) -> tuple[int, int]:
    company.refresh_from_db()
    total = company.stored_files.aggregate(total=Sum("size_bytes"))["total"] or 0
    return company.storage_used_bytes, total


def test_a_created_content_has_its_files_its_code_and_a_video_to_be_prepared(
    project: Project,
) -> None:
    content = make_content(project)
    content.refresh_from_db()
    video = content.videos.get()
    assert (video.status, bool(video.video)) == (VideoStatus.PENDING, False)
    assert content.active_video is None
    assert content.marker_status == MarkerStatus.PENDING
    assert stored_names() == {
        stored.name
        for stored in (
            content.image,
            content.thumbnail,
            content.qr_code,
            video.original,
        )
    }
    used, total = used_and_sum(project.company)
    assert used == total > len(VIDEO)


def test_a_marker_goes_from_pending_to_ready_with_stars(project: Project) -> None:
    content = make_content(project, photograph(side=512))
    assert processing.generate_marker(LABEL, content.pk, now=timezone.now())
    content.refresh_from_db()
    assert content.marker_status == MarkerStatus.READY
    assert content.marker_progress == 100
    assert content.stars is not None
    assert content.stars >= 3
    assert content.marker_points > 500
    with content.marker.open("rb") as stored:
        assert len(stored.read()) == content.marker_bytes
    used, total = used_and_sum(project.company)
    assert used == total


def test_a_picture_without_detail_fails_with_a_reason_in_plain_words(project: Project) -> None:
    content = make_content(project, blank())
    assert processing.generate_marker(LABEL, content.pk, now=timezone.now())
    content.refresh_from_db()
    assert content.marker_status == MarkerStatus.FAILED
    assert "detail" in content.marker_reason
    assert content.stars == 0


def test_a_second_message_for_the_same_marker_does_nothing(project: Project) -> None:
    content = make_content(project)
    assert processing.generate_marker(LABEL, content.pk, now=timezone.now())
    before = stored_names()
    assert not processing.generate_marker(LABEL, content.pk, now=timezone.now())
    assert stored_names() == before


def test_a_marker_whose_picture_was_replaced_meanwhile_is_thrown_away(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = make_content(project)
    real = compile_marker

    def replace_then_compile(image: bytes, **options: object) -> object:
        row = ARContent.objects.get(pk=content.pk)
        with stored_files():
            processing.attach_picture(row, normalise_image(photograph("chelsea", 320)))
            row.save()
        return real(image)

    monkeypatch.setattr(processing, "compile_marker", replace_then_compile)
    assert not processing.generate_marker(LABEL, content.pk, now=timezone.now())
    content.refresh_from_db()
    assert content.marker_status == MarkerStatus.PENDING
    assert not content.marker
    assert not any("/markers/" in name for name in stored_names())


def test_replacing_the_picture_removes_the_old_files(project: Project) -> None:
    content = make_content(project)
    processing.generate_marker(LABEL, content.pk, now=timezone.now())
    content.refresh_from_db()
    old = {content.image.name, content.thumbnail.name, content.marker.name}
    with stored_files():
        processing.attach_picture(content, normalise_image(photograph("coffee", 320)))
        content.save()
    assert not old & stored_names()
    assert all(not content.image.storage.exists(str(name)) for name in old)
    used, total = used_and_sum(project.company)
    assert used == total


def test_deleting_a_content_gives_all_its_room_back(project: Project) -> None:
    content = make_content(project)
    processing.generate_marker(LABEL, content.pk, now=timezone.now())
    processing.delete_content(ARContent.objects.get(pk=content.pk))
    assert stored_names() == set()
    assert used_and_sum(project.company) == (0, 0)


def test_a_company_without_room_gets_nothing_stored(project: Project) -> None:
    Company.objects.filter(pk=project.company_id).update(storage_quota_gb=0)
    project.company.refresh_from_db()
    with pytest.raises(QuotaExceeded):
        make_content(project)
    assert not ARContent.objects.exists()
    assert stored_names() == set()


def test_a_storage_failure_is_tried_again_five_times_and_then_given_up(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = make_content(project)

    def broken(image: bytes, **options: object) -> object:
        raise OSError("disk gone")

    monkeypatch.setattr(processing, "compile_marker", broken)
    now = timezone.now()
    for attempt in range(1, 6):
        with pytest.raises(OSError, match="disk gone"):
            processing.generate_marker(LABEL, content.pk, now=now + timedelta(minutes=attempt))
        content.refresh_from_db()
        assert content.marker_attempts == attempt
    assert content.marker_status == MarkerStatus.FAILED
    assert content.marker_reason
    assert not processing.generate_marker(LABEL, content.pk, now=now + timedelta(hours=1))


def test_the_sweeper_finds_lost_messages_and_dead_workers(project: Project) -> None:
    lost, dead, fresh = (make_content(project) for _ in range(3))
    now = timezone.now()
    rows = ARContent.objects
    rows.filter(pk=lost.pk).update(updated_at=now - timedelta(minutes=2))
    rows.filter(pk=dead.pk).update(
        marker_status=MarkerStatus.PROCESSING,
        marker_attempts=1,
        marker_claimed_at=now - leases.LEASE - timedelta(seconds=1),
    )
    assert set(processing.overdue_markers(now)) == {(LABEL, lost.pk), (LABEL, dead.pk)}
    assert processing.generate_marker(LABEL, dead.pk, now=now)
    fresh.refresh_from_db()
    assert fresh.marker_status == MarkerStatus.PENDING


def test_a_worker_that_died_five_times_leaves_a_failed_marker(project: Project) -> None:
    content = make_content(project)
    now = timezone.now()
    ARContent.objects.filter(pk=content.pk).update(
        marker_status=MarkerStatus.PROCESSING,
        marker_attempts=5,
        marker_claimed_at=now - timedelta(hours=1),
    )
    assert list(processing.overdue_markers(now)) == []
    content.refresh_from_db()
    assert content.marker_status == MarkerStatus.FAILED
    assert content.marker_reason
