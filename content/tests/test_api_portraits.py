"""Portraits in the API: what staff do with them, and what visitors see of them."""

from datetime import timedelta

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from companies.models import (
    Company,
    Project,
    StoredFile,
)
from content.models import ARContent, Portrait
from content.tests.factories import ARContentFactory, PortraitFactory, VideoFactory
from content.tests.media import photograph

JSON = "application/json"


def test_a_portrait_is_uploaded_renamed_and_deleted_while_nothing_uses_it(
    editors: Client, company: Company, project: Project
) -> None:
    picture = SimpleUploadedFile("p.jpg", photograph(side=300), "image/jpeg")
    form = {"company_id": company.pk, "title": "Portrait", "image": picture}
    made = editors.post("/api/portraits", form).json()
    portrait = Portrait.objects.get(pk=made["id"])
    assert made["image_path"] == str(portrait.image)
    assert made["storage_connection_id"] == company.storage_connection_id
    assert made["storage_folder_id"] == portrait.storage_folder_id
    url = f"/api/portraits/{portrait.pk}"
    renamed = editors.patch(url, {"title": "Renamed"}, content_type=JSON).json()
    assert renamed["title"] == "Renamed"
    content = ARContentFactory.create(project=project, portrait=portrait, image="", marker="")
    in_use = editors.delete(url)
    assert (in_use.status_code, in_use.json()["code"]) == (409, "in_use")
    assert StoredFile.objects.filter(name=made["image_path"]).exists()
    content.delete()
    assert editors.delete(url).status_code == 204
    assert not StoredFile.objects.exists()


def test_visitors_see_a_portrait_that_a_published_content_uses_and_no_other(
    client: Client, project: Project
) -> None:
    portrait = PortraitFactory.create(company=project.company, title="Shared")
    url = f"/api/portraits/by-unique/{portrait.unique_id}"
    assert client.get(url).status_code == 404
    content = ARContentFactory.create(project=project, portrait=portrait, image="", marker="")
    assert client.get(f"{url}/active-video").status_code == 404
    video = VideoFactory.create(ar_content=content)
    shown = client.get(url).json()
    assert (shown["unique_id"], shown["title"]) == (str(portrait.unique_id), "Shared")
    assert not {"image_path", "company_id", "id", "marker_path"} & set(shown)
    playing = client.get(f"{url}/active-video").json()
    assert playing["video_url"] == video.video.url
    assert "video_path" not in playing
    # The id of a content is none of a portrait.
    assert client.get(f"/api/portraits/by-unique/{content.unique_id}").status_code == 404
    for wrong in ("x", "0" * 32, "{" + str(portrait.unique_id) + "}"):
        assert client.get(f"/api/portraits/by-unique/{wrong}").status_code in {200, 404}
    ARContent.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.get(url).status_code == 404
    assert client.get(f"{url}/active-video").status_code == 404
