"""Two companies, one on local disk and one on S3: the same content works on both, apart."""

import io
import re
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.utils import timezone

from companies.models import Company, Project, StorageConnection, StoredFile
from companies.tests.factories import CompanyFactory, ProjectFactory
from content import processing, videos
from content.markers import normalise_image
from content.models import ARContent
from content.tests.media import clip, photograph
from content.video_file import probe

pytestmark = pytest.mark.django_db(transaction=True)
VIDEO = clip(seconds=2, sound=True)


def publish(company: Company) -> ARContent:
    project: Project = ProjectFactory.create(company=company)
    content = processing.create_content(
        project=project,
        title=f"Portrait of {company}",
        picture=normalise_image(photograph(side=400)),
        video=ContentFile(VIDEO),
        found=probe(io.BytesIO(VIDEO)),
    )
    assert processing.generate_marker("content.arcontent", content.pk, now=timezone.now())
    assert videos.prepare_video(content.videos.get().pk, now=timezone.now())
    content.refresh_from_db()
    return content


@pytest.fixture
def pair(company: Company, s3_connection: StorageConnection) -> tuple[ARContent, ARContent]:
    elsewhere: Company = CompanyFactory.create(name="Bucket", storage_connection=s3_connection)
    return publish(company), publish(elsewhere)


def first_bytes(client: Client, url: str) -> tuple[int, str | None, bytes]:
    """The first two bytes of a video, as Safari asks for them: status, Content-Range, body."""
    if url.startswith("/"):
        answer = client.get(url, headers={"Range": "bytes=0-1"})
        return answer.status_code, answer["Content-Range"], b"".join(answer)
    with urlopen(Request(url, headers={"Range": "bytes=0-1"})) as reply:  # noqa: S310
        return reply.status, reply.headers["Content-Range"], reply.read()


def test_both_pages_open_and_both_videos_answer_ranges(
    client: Client, pair: tuple[ARContent, ARContent]
) -> None:
    local, remote = pair
    for content in pair:
        page = client.get(f"/ar/{content.unique_id}")
        assert page.status_code == 200
        video = client.get(f"/api/ar/{content.unique_id}/active-video").json()["video_url"]
        playable = content.videos.get()
        with playable.video.open("rb") as stored:
            whole = stored.read()
        span = f"bytes 0-1/{playable.size_bytes}"
        assert first_bytes(client, video) == (206, span, whole[:2])
        # Through our own view too, whatever the storage.
        assert first_bytes(client, f"/media/{playable.video}") == (206, span, whole[:2])
        marker = client.get(f"/media/{content.marker}")
        assert len(b"".join(marker)) == content.marker_bytes
    assert (
        client.get(f"/ar/{local.unique_id}").content
        != client.get(f"/ar/{remote.unique_id}").content
    )


def test_only_the_page_of_the_bucket_allows_the_buckets_host(
    client: Client, pair: tuple[ARContent, ARContent], s3_connection: StorageConnection
) -> None:
    local, remote = (client.get(f"/ar/{content.unique_id}") for content in pair)
    endpoint = s3_connection.credentials["endpoint_url"]
    assert "http" not in local["Content-Security-Policy"]
    policy = dict(
        part.strip().split(" ", 1) for part in remote["Content-Security-Policy"].split(";") if part
    )
    assert {name for name, sources in policy.items() if endpoint in sources} == {
        "img-src",
        "media-src",
    }


def test_names_files_and_quotas_never_mix(
    pair: tuple[ARContent, ARContent], local_storage_root: Path
) -> None:
    local, remote = pair
    rows = {
        content.company_id: set(
            StoredFile.objects.filter(company=content.company).values_list("name", flat=True)
        )
        for content in pair
    }
    for content in pair:
        prefix = f"{content.company.storage_connection_id}/{content.company.slug}/"
        assert rows[content.company_id]
        assert all(name.startswith(prefix) for name in rows[content.company_id])
        content.company.refresh_from_db()
        ledger = StoredFile.objects.filter(company=content.company)
        assert content.company.storage_used_bytes == sum(
            ledger.values_list("size_bytes", flat=True)
        )
    on_disk = {
        re.sub(r"^.*?(\d+/)", r"\1", str(path.relative_to(local_storage_root)))
        for path in local_storage_root.rglob("*")
        if path.is_file()
    }
    assert on_disk == rows[local.company_id]
    processing.delete_content(ARContent.objects.get(pk=remote.pk))
    local.company.refresh_from_db()
    assert local.company.storage_used_bytes > 0
    assert set(StoredFile.objects.values_list("name", flat=True)) == rows[local.company_id]
