"""`manage.py add_content IMAGE VIDEO`: publish a content from a script; prints JSON."""

import json
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.core.management.base import BaseCommand, CommandError

from companies.models import Company, Project
from companies.provisioning import seed_defaults
from companies.storage.uploads import stored_files
from content import processing, tasks
from content.markers import ImageRejected, normalise_image
from content.models import ARContent, MarkerStatus, VideoStatus
from content.video_file import VideoRejected, probe

WAIT_SECONDS = 300


class Command(BaseCommand):
    help = "Create a content from a picture and a video, and print its addresses as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("image", type=Path)
        parser.add_argument("video", type=Path)
        parser.add_argument("--company", help="name or slug; the default company when left out")
        parser.add_argument("--project", default="Default", help="created when it does not exist")
        parser.add_argument("--title", help="the picture's file name when left out")
        parser.add_argument("--wait", action="store_true", help="wait for the marker and the video")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            content = self.create(options)
        except (ImageRejected, VideoRejected) as error:
            raise CommandError(str(error.args[0])) from error
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except OSError as error:
            raise CommandError(str(error)) from error
        tasks.request_content(content)
        if options["wait"]:
            wait_for_workers(content)
        self.stdout.write(json.dumps(describe(content), ensure_ascii=False))

    def create(self, options: dict[str, Any]) -> ARContent:
        company = find_company(options["company"])
        check_size(options["image"], settings.IMAGE_MAX_BYTES)
        check_size(options["video"], settings.VIDEO_MAX_BYTES)
        picture = normalise_image(options["image"].read_bytes())
        with options["video"].open("rb") as source:
            found = probe(source)
            with stored_files():
                return processing.create_content(
                    project=find_project(company, options["project"]),
                    title=options["title"] or options["image"].stem,
                    picture=picture,
                    video=File(source),
                    found=found,
                )


def find_company(name: str | None) -> Company:
    if name is None:
        return seed_defaults()
    company = Company.objects.filter(slug=name).first() or Company.objects.filter(name=name).first()
    if company is None:
        raise CommandError(f"There is no company {name!r}.")
    return company


def find_project(company: Company, name: str) -> Project:
    """The company's project of that name, made when there is none."""
    project = Project.objects.filter(company=company, name=name).first()
    if project is None:
        project = Project(company=company, name=name)
        project.full_clean()
        project.save()
    return project


def check_size(path: Path, limit: int) -> None:
    if path.stat().st_size > limit:
        raise CommandError(f"{path} is larger than {limit // 1024**2} MB.")


def wait_for_workers(content: ARContent) -> None:
    """Return when the marker and the videos are ready or failed.

    Raises CommandError after five minutes: no worker is running.
    """
    until = time.monotonic() + WAIT_SECONDS
    under_way = content.videos.filter(status__in=[VideoStatus.PENDING, VideoStatus.PROCESSING])
    made = {MarkerStatus.READY, MarkerStatus.FAILED}
    while content.marker_status not in made or under_way.exists():
        if time.monotonic() > until:
            raise CommandError("The marker and the video are not made: is a worker running?")
        time.sleep(0.2)
        content.refresh_from_db()


def describe(content: ARContent) -> dict[str, Any]:
    video = content.videos.first()
    return {
        "id": content.pk,
        "unique_id": str(content.unique_id),
        "ar_url": content.ar_url,
        "marker_status": content.marker_status,
        "video_status": video.status if video else None,
        "stars": content.stars,
    }
