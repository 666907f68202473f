"""`manage.py create_sample`: the sample company with its sample content, once; prints JSON."""

import io
import json
from argparse import ArgumentParser
from typing import Any

from django.core.files.base import ContentFile
from django.core.management.base import BaseCommand

from companies.models import Company, Project
from companies.provisioning import provision, seed_defaults
from content import processing, sample, tasks
from content.management.commands.add_content import describe, wait_for_workers
from content.markers import normalise_image
from content.models import ARContent
from content.video_file import probe

COMPANY = "Sample Studio"
PROJECT = "Posters"
TITLE = "The town at dusk"


class Command(BaseCommand):
    help = "Create a sample company with a content that can be tried at once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--wait", action="store_true", help="wait for the marker and the video")

    def handle(self, *args: Any, **options: Any) -> None:
        content = ARContent.objects.filter(
            company__name=COMPANY, metadata__has_key="sample"
        ).first()
        if content is None:
            content = self.create()
        if options["wait"]:
            wait_for_workers(content)
        self.stdout.write(json.dumps(describe(content), ensure_ascii=False))

    def create(self) -> ARContent:
        default = seed_defaults()
        company, _ = Company.objects.get_or_create(
            name=COMPANY, defaults={"storage_connection": default.storage_connection}
        )
        provision(company)
        project, _ = Project.objects.get_or_create(company=company, name=PROJECT)
        video = sample.video()
        content = processing.create_content(
            project=project,
            title=TITLE,
            picture=normalise_image(sample.picture()),
            video=ContentFile(video),
            found=probe(io.BytesIO(video)),
        )
        content.metadata["sample"] = True
        content.save(update_fields=["metadata", "updated_at"])
        tasks.request_content(content)
        return content
