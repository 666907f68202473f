"""`manage.py compile_marker IMAGE OUT.mind`: a marker file without the platform; prints JSON."""

import json
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from content.markers import (
    ImageRejected,
    MarkerRejected,
    compile_marker,
    normalise_image,
    rate,
)


class Command(BaseCommand):
    help = "Compile a picture into a .mind marker and rate how well it can be tracked."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("image", type=Path)
        parser.add_argument("out", type=Path)
        parser.add_argument(
            "--grey",
            choices=["luma", "mean"],
            default="luma",
            help="luma as the camera sees it, or the mean of MindAR's own compiler",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.perf_counter()
        try:
            picture = normalise_image(options["image"].read_bytes()).data
            marker = compile_marker(picture, grey=options["grey"])
            score = rate(picture, marker)
            options["out"].write_bytes(marker.data)
        except (ImageRejected, MarkerRejected) as error:
            raise CommandError(str(error.args[0])) from error
        except OSError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            json.dumps(
                {
                    "points": marker.points,
                    "stars": score.stars,
                    "seconds": round(time.perf_counter() - started, 3),
                }
            )
        )
