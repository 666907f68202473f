"""The child process: limits first, then one order, answered on standard output.

Standard input is the video, a seekable file. Lines of standard output: `progress <0-100>`, and
at the end the answer as JSON: what was found or made, or {"rejected": code, …}. Any other end is
a failure.
"""

import dataclasses
import json
import os
import resource
import sys
from pathlib import Path
from typing import IO, Any


def limit(*, memory: int, cpu: int, file_size: int) -> None:
    """Bytes, seconds of processor time, bytes. There is no way back."""
    for kind, amount in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_FSIZE, file_size),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (amount, amount))


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the parent reads it


def main() -> None:
    order: dict[str, Any] = json.loads(sys.argv[1])
    limit(**order["limits"])
    # FFmpeg is loaded inside the limits: reading the file is not the only thing that can go wrong.
    from content.video_child.reading import Rejected

    with os.fdopen(0, "rb", buffering=0, closefd=False) as source:
        try:
            answer = examine(source) if order["do"] == "examine" else prepare(source, order)
        except Rejected as rejected:
            answer = {"rejected": rejected.code, **rejected.details}
    say(json.dumps(answer))


def examine(source: IO[bytes]) -> dict[str, Any]:
    from content.video_child import reading

    return dataclasses.asdict(reading.examine(source))


def prepare(source: IO[bytes], order: dict[str, Any]) -> dict[str, Any]:
    from content.video_child import pictures, reading, writing

    # The web comes first on a machine that does both.
    os.nice(5)
    halves = order["keep_halves"]
    facts = reading.examine(source)
    video = Path("video.mp4")
    made = writing.write(
        source,
        facts,
        video,
        halves=halves,
        threads=order["threads"],
        on_progress=lambda percent: say(f"progress {percent}"),
    )
    thumbnails = {int(side): Path(name) for side, name in order["thumbnails"].items()}
    pictures.save_pictures(video, Path("poster.webp"), thumbnails, halves=halves)
    with video.open("rb") as result:
        found = reading.examine(result)
    return {"source": dataclasses.asdict(facts), "made": dataclasses.asdict(found), **made}
