"""Workers that are killed, and a broker that forgets: each row is done once, and soon.

Real workers and a real beat, on the broker of the run. `LEASE_PACE=1` in the environment has them
take the product's own times, which the other tests have no patience for.
"""

import io
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis
from django.conf import settings as django_settings
from django.core.files.base import ContentFile
from django_celery_beat.models import IntervalSchedule
from PIL import Image
from pytest_django.fixtures import Settings

from companies.models import Project
from companies.provisioning import seed_defaults
from content import processing, tasks
from content.markers import compile_marker, normalise_image
from content.models import ARContent, MarkerStatus, Video, VideoStatus
from content.tests.media import clip, photograph
from content.tests.test_bulk_import import assert_ledger_holds
from content.tests.test_bulk_kill import ROOT, database_url
from content.tests.test_videos import OUTPUTS, content_of
from content.tests.tripwires import children
from content.video_file import prepare, probe

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]
PACE = float(os.environ.get("LEASE_PACE", "0.1"))
# What each row shall be done within, after the harm; the jobs themselves do not get faster.
DONE_SECONDS = 150 * PACE + 60 * (1 - PACE)
LAUNCH = """
import sys
from arv.celery import app
from content import leases
for name in ("LEASE", "HEARTBEAT", "PATIENCE"):
    setattr(leases, name, getattr(leases, name) * float(sys.argv[1]))
app.start(sys.argv[2:])
"""


@dataclass
class Station:
    """A worker with one child process, and a beat that has it sweep."""

    folder: Path
    environment: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *arguments: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-c", LAUNCH, str(PACE), *arguments],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start_worker(self) -> None:
        queues = ("--queues", "default,markers,videos", "--pool", "prefork", "--concurrency", "1")
        self.start(
            "worker", "worker", *queues, "--without-gossip", "--without-mingle", "-l", "info"
        )

    def start_beat(self) -> None:
        self.start("beat", "beat", "--pidfile", "", "-l", "info")

    def kill(self, name: str) -> None:
        """All of it at once, as the kernel does when memory runs out."""
        process = self.processes.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def kill_child(self) -> None:
        [child] = children(self.processes["worker"].pid)
        os.kill(child, signal.SIGKILL)

    def log(self) -> str:
        logs = (path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))
        return "\n".join(logs)

    def has_done(self, count: int) -> bool:
        """Whether so many videos, and so many markers, were made; the log comes after the row."""
        lines = re.findall(r"Task content\.tasks\.(\w+)\[\S+\] succeeded in \S+: True", self.log())
        done = Counter(lines)
        assert max(done.values(), default=0) <= count, done
        return done["prepare_video"] == done["generate_marker"] == count


@pytest.fixture
def station(tmp_path: Path, settings: Settings) -> Iterator[Station]:
    forget_messages()
    seed_defaults()
    IntervalSchedule.objects.filter(every=60).update(every=max(1, round(60 * PACE)))
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "arv.settings",
        "DATABASE_URL": database_url(),
        "LOCAL_STORAGE_ROOT": str(settings.LOCAL_STORAGE_ROOT),
    }
    station = Station(tmp_path, environment)
    yield station
    for name in list(station.processes):
        station.kill(name)
    forget_messages()


def waiting_messages() -> int:
    if django_settings.REDIS_URL:
        broker = redis.Redis.from_url(django_settings.REDIS_URL)
        return sum(int(broker.llen(queue)) for queue in ("markers", "videos"))
    return len(list(queue_folder().glob("*.msg")))


def forget_messages() -> None:
    if django_settings.REDIS_URL:
        redis.Redis.from_url(django_settings.REDIS_URL).flushdb()
    else:
        for message in queue_folder().glob("*.msg"):
            message.unlink(missing_ok=True)


def queue_folder() -> Path:
    return Path(django_settings.CELERY_BROKER_TRANSPORT_OPTIONS["data_folder_out"])


@dataclass(frozen=True)
class Upload:
    """What is uploaded, and what undisturbed work makes of it."""

    picture: bytes
    film: bytes
    marker: bytes
    playable: bytes

    @classmethod
    def of(cls, picture: bytes, film: bytes, folder: Path) -> "Upload":
        folder.mkdir()
        (folder / "film").write_bytes(film)
        (folder / "made").mkdir()
        kept = normalise_image(picture).data
        playable = prepare(folder / "film", folder / "made").video.read_bytes()
        return cls(picture, film, compile_marker(kept).data, playable)

    def publish(self, project: Project, title: str) -> ARContent:
        file = ContentFile(self.film, name="film.mp4")
        return processing.create_content(
            project=project,
            title=title,
            picture=normalise_image(self.picture),
            video=file,
            found=probe(file.file),
        )

    def assert_made(self, content: ARContent) -> None:
        content.refresh_from_db()
        video = content.videos.get()
        assert content_of(content.marker) == self.marker
        assert content_of(video.video) == self.playable
        assert all(getattr(video, name) for name in OUTPUTS)
        assert content.active_video == video


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Upload:
    """Seconds of work each, so that there is a middle to be killed in."""
    out = io.BytesIO()
    Image.open(io.BytesIO(photograph())).resize((2400, 2400)).save(out, "JPEG", quality=90)
    film = clip("mpeg4", size=(960, 540), seconds=10, sound=True)
    return Upload.of(out.getvalue(), film, tmp_path_factory.mktemp("uploads") / "large")


def wait_until(condition: Callable[[], bool], station: Station, seconds: float) -> float:
    """How long it took."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, f"{station.log()[-6000:]}\n{states()}"
        time.sleep(0.01)
    return time.monotonic() - started


def states() -> list[tuple[object, ...]]:
    videos = Video.objects.values_list("status", "progress", "attempts", "error")
    markers = ARContent.objects.values_list("marker_status", "marker_progress", "marker_attempts")
    return [*videos, *markers]


def all_done() -> bool:
    done = {VideoStatus.READY, VideoStatus.FAILED, MarkerStatus.READY, MarkerStatus.FAILED}
    return {str(state[0]) for state in states()} <= {str(state) for state in done}


def is_amid_video() -> bool:
    return Video.objects.filter(status=VideoStatus.PROCESSING, progress__range=(1, 95)).exists()


def is_amid_marker(content: ARContent) -> bool:
    rows = ARContent.objects.filter(pk=content.pk, marker_status=MarkerStatus.PROCESSING)
    return rows.filter(marker_progress__range=(1, 95)).exists()


def test_a_child_that_is_killed_amid_a_video_and_amid_a_marker_costs_an_attempt_each(
    project: Project, station: Station, large: Upload
) -> None:
    first = large.publish(project, "Killed amid its video")
    station.start_worker()
    station.start_beat()
    tasks.prepare_video.delay(first.videos.get().pk)
    wait_until(is_amid_video, station, 60)
    station.kill_child()
    assert is_amid_video()
    second = large.publish(project, "Killed amid its marker")
    tasks.generate_marker.delay("content.arcontent", second.pk)
    wait_until(lambda: is_amid_marker(second), station, 60)
    station.kill_child()
    assert is_amid_marker(second)
    took = wait_until(all_done, station, DONE_SECONDS)
    print(f"child killed twice: done {took:.0f} s after the second time")
    for content in (first, second):
        large.assert_made(content)
    assert (first.marker_attempts, first.videos.get().attempts) == (1, 2)
    assert (second.marker_attempts, second.videos.get().attempts) == (2, 1)
    wait_until(lambda: station.has_done(2), station, 10)
    assert_ledger_holds(project.company)


def test_a_whole_worker_that_is_killed_is_followed_by_another(
    project: Project, station: Station, large: Upload
) -> None:
    content = large.publish(project, "Killed")
    station.start_worker()
    station.start_beat()
    tasks.prepare_video.delay(content.videos.get().pk)
    wait_until(is_amid_video, station, 60)
    station.kill("worker")
    station.start_worker()
    took = wait_until(all_done, station, DONE_SECONDS)
    print(f"worker killed: done {took:.0f} s later")
    large.assert_made(content)
    # The marker's message never came; the sweeper found the row.
    assert (content.marker_attempts, content.videos.get().attempts) == (1, 2)
    wait_until(lambda: station.has_done(1), station, 10)
    assert_ledger_holds(project.company)


def test_twenty_jobs_that_the_broker_forgot_are_done_all_the_same(
    project: Project, station: Station, tmp_path: Path
) -> None:
    upload = Upload.of(photograph(side=240), clip(sound=True), tmp_path / "small")
    contents = [upload.publish(project, f"Forgotten {number}") for number in range(10)]
    for content in contents:
        tasks.request_content(content)
    assert waiting_messages() == 20
    forget_messages()
    assert waiting_messages() == 0
    station.start_worker()
    station.start_beat()
    took = wait_until(all_done, station, DONE_SECONDS + 30)
    print(f"broker flushed: 20 jobs done {took:.0f} s after the worker's start")
    for content in contents:
        upload.assert_made(content)
    assert {content.marker_attempts for content in contents} == {1}
    assert set(Video.objects.values_list("attempts", flat=True)) == {1}
    wait_until(lambda: station.has_done(10), station, 10)
    assert_ledger_holds(project.company)
