"""Many contents from one archive: checked first, then made row by row by a worker.

The rows are the queue of record. A content is made in the transaction that marks its row, so a
worker may die at any moment, or two may work on the same import: no row gives two contents.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from types import SimpleNamespace

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile, File
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, override
from simple_history.models import HistoricalRecords

from companies.limits import add_project, check_subscription
from companies.models import Project, User
from companies.quota import QuotaExceeded
from companies.storage.backend import StorageUnavailable
from companies.storage.uploads import stored_files
from content import processing, videos
from content.archives import Archive, ArchiveRejected, EntryRejected
from content.bulk_plan import (
    RowRejected,
    no_file,
    no_project,
    projects_by_name,
    title_taken,
    unpacked_limit,
)
from content.files import discard_files
from content.markers import ImageRejected, NormalisedImage, normalise_image
from content.models import (
    ARContent,
    BulkImport,
    BulkImportRow,
    BulkStatus,
    RowStatus,
    Video,
)
from content.print_sheets import SheetEntry, qr_sheet
from content.video_file import Probe

logger = logging.getLogger(__name__)

# Renewed at each row; a row takes seconds, a large video on a slow storage a few minutes.
LEASE = timedelta(minutes=3)
# A task has ten minutes in all; an import goes on in the next one.
SLICE_SECONDS = 240.0
MAX_ATTEMPTS = 5
ROW_ATTEMPTS = 3
PATIENCE = timedelta(seconds=30)
# An archive that nobody starts takes room in the quota.
DRAFT_LIFETIME = timedelta(days=7)

# Stored in English, shown in the reader's language. What exactly failed is in the log.
TRYING_AGAIN = gettext_noop("The import was interrupted; it goes on by itself.")
GAVE_UP = gettext_noop(
    "The import stopped after five attempts without a new content: see the worker's log, then "
    "continue it."
)
ARCHIVE_LOST = gettext_noop("The archive cannot be read any more: upload it again.")
NO_ROOM_FOR_SHEET = gettext_noop(
    "The company's storage quota is full, so the QR sheet is made anew at each download."
)


class RowTaken(Exception):
    """Another worker has finished the row meanwhile."""


class LeaseLost(Exception):
    """Another worker has taken over, or the import was deleted."""


@dataclass
class _Lease:
    """The right to work on an import; each renewal is a conditional update."""

    pk: int
    held_at: datetime

    def update(self, **columns: object) -> None:
        """Raises LeaseLost unless the import is still this worker's."""
        mine = BulkImport.objects.filter(
            pk=self.pk, status=BulkStatus.PROCESSING, claimed_at=self.held_at
        )
        if mine.update(updated_at=timezone.now(), **columns) != 1:
            raise LeaseLost

    def renew(self, **columns: object) -> None:
        now = timezone.now()
        self.update(claimed_at=now, **columns)
        self.held_at = now


@dataclass(frozen=True)
class _Work:
    """An import in a worker's hands: its open archive, and whom to tell of a new content."""

    bulk_import: BulkImport
    lease: _Lease
    archive: Archive
    table: str
    created: Callable[[ARContent], None]

    def find(self, wanted: str) -> str:
        name = self.archive.find(wanted, beside=self.table)
        if name is None:
            raise no_file(wanted)
        return name


def start(bulk_import: BulkImport, *, now: datetime) -> bool:
    """Let workers begin or continue; False when there is nothing to start.

    Raises LimitReached when the company may not make contents now.
    """
    check_subscription(bulk_import.company, now)
    startable = BulkImport.objects.filter(
        pk=bulk_import.pk, status__in=[BulkStatus.CHECKED, BulkStatus.FAILED]
    ).exclude(archive="")
    started = startable.update(
        status=BulkStatus.PENDING,
        attempts=0,
        claimed_at=None,
        error="",
        started_at=now,
        updated_at=now,
    )
    return started == 1


def delete_import(bulk_import: BulkImport) -> None:
    """Delete an import with its archive and its sheet; the contents that it made stay."""
    with stored_files():
        discard_files(bulk_import)
        bulk_import.delete()


def run(pk: int, *, now: datetime, created: Callable[[ARContent], None]) -> bool:
    """Work on an import, if it is due, for a few minutes; True when it is to be called again.

    `created` is called with each new content inside the transaction that makes it.
    """
    rows = BulkImport.objects.filter(pk=pk)
    claimed = rows.filter(_due(now)).update(
        status=BulkStatus.PROCESSING,
        claimed_at=now,
        attempts=F("attempts") + 1,
        error="",
        updated_at=now,
    )
    if claimed != 1:
        return False
    bulk_import = rows.select_related("company", "project", "created_by").get()
    lease = _Lease(pk, now)
    try:
        with override(bulk_import.language), _in_the_name_of(bulk_import.created_by):
            if _make_rows(bulk_import, lease, created):
                _finish(bulk_import, lease)
                return False
        lease.update(status=BulkStatus.PENDING, claimed_at=None, attempts=0)
    except LeaseLost:
        logger.info("bulk_import_taken_over", extra={"pk": pk})
        return False
    except (ArchiveRejected, FileNotFoundError):
        logger.warning("bulk_archive_lost", extra={"pk": pk}, exc_info=True)
        _give_back(lease, BulkStatus.FAILED, ARCHIVE_LOST)
        return False
    except Exception:
        # The storage, the database or the machine failed, no row: the sweeper tries again.
        given_up = bulk_import.attempts >= MAX_ATTEMPTS
        _give_back(
            lease,
            BulkStatus.FAILED if given_up else BulkStatus.PENDING,
            GAVE_UP if given_up else TRYING_AGAIN,
        )
        raise
    return True


def _give_back(lease: _Lease, status: BulkStatus, error: str) -> None:
    try:
        lease.update(status=status, claimed_at=None, error=error)
    except LeaseLost:
        logger.info("bulk_import_taken_over", extra={"pk": lease.pk})


def _due(now: datetime) -> Q:
    """Imports that a worker may claim: waiting, or held by a worker that is dead."""
    return Q(attempts__lt=MAX_ATTEMPTS) & (
        Q(status=BulkStatus.PENDING) | Q(status=BulkStatus.PROCESSING, claimed_at__lt=now - LEASE)
    )


def overdue_imports(now: datetime) -> list[int]:
    """Imports whose message was lost or whose worker died; also deletes drafts of last week."""
    for draft in BulkImport.objects.abandoned(now - DRAFT_LIFETIME):
        delete_import(draft)
    BulkImport.objects.filter(
        status=BulkStatus.PROCESSING,
        claimed_at__lt=now - LEASE,
        attempts__gte=MAX_ATTEMPTS,
    ).update(status=BulkStatus.FAILED, error=GAVE_UP, updated_at=now)
    waited = Q()
    for attempts in range(MAX_ATTEMPTS):
        waited |= Q(attempts=attempts, updated_at__lt=now - PATIENCE * 2**attempts)
    overdue = BulkImport.objects.filter(_due(now) & (~Q(status=BulkStatus.PENDING) | waited))
    return list(overdue.order_by("updated_at").values_list("pk", flat=True))


@contextmanager
def _in_the_name_of(user: User | None) -> Iterator[None]:
    """The history says who uploaded the archive, although a worker does the writing."""
    if user is None:
        yield
        return
    HistoricalRecords.context.request = SimpleNamespace(user=user)
    try:
        yield
    finally:
        del HistoricalRecords.context.request


def _make_rows(
    bulk_import: BulkImport, lease: _Lease, created: Callable[[ARContent], None]
) -> bool:
    """Work through the rows that wait; False when the time is up before the last one."""
    until = time.monotonic() + SLICE_SECONDS
    waiting = bulk_import.rows.filter(status=RowStatus.PENDING)
    if not waiting.exists():
        return True
    with (
        bulk_import.archive.open("rb") as stored,
        Archive(stored, most_bytes=unpacked_limit()) as archive,
    ):
        table, _rows = archive.table()
        work = _Work(bulk_import, lease, archive, table, created)
        while row := waiting.order_by("number").first():
            if time.monotonic() > until:
                return False
            lease.renew()
            _make_row(work, row)
            # The content is there: a failure from now on is a new one.
            lease.renew(attempts=0)
    return True


def _make_row(work: _Work, row: BulkImportRow) -> None:
    mine = BulkImportRow.objects.filter(pk=row.pk, status=RowStatus.PENDING)
    if row.attempts >= ROW_ATTEMPTS:
        reason = _("This row stopped the worker three times, so it was left out.")
        mine.update(status=RowStatus.FAILED, error=reason)
        return
    mine.update(attempts=F("attempts") + 1)
    try:
        with ExitStack() as opened:
            picture = normalise_image(work.archive.read(work.find(row.picture)))
            films = [_video(work, opened, name) for name in row.videos]
            _store(work, row, picture, films)
    except RowTaken:
        logger.info("bulk_row_taken", extra={"row": row.pk})
    except (RowRejected, EntryRejected, ImageRejected) as error:
        mine.update(status=RowStatus.FAILED, error=str(error.args[0]))
    except ValidationError as error:
        mine.update(status=RowStatus.FAILED, error=" ".join(error.messages))
    except StorageUnavailable:
        # Not the row's fault.
        mine.update(attempts=row.attempts)
        raise


def _video(work: _Work, opened: ExitStack, wanted: str) -> tuple[File[bytes], Probe]:
    # Ten large videos in one row shall not cost the lease.
    work.lease.renew()
    name = work.find(wanted)
    file = opened.enter_context(work.archive.extracted(name, settings.FILE_UPLOAD_TEMP_DIR))
    try:
        return file, videos.read_video(file)
    except ValidationError as error:
        raise RowRejected(f"{wanted}: {' '.join(error.messages)}") from error


def _store(
    work: _Work,
    row: BulkImportRow,
    picture: NormalisedImage,
    films: list[tuple[File[bytes], Probe]],
) -> None:
    """The content and the mark of its row, together or not at all."""
    with stored_files():
        project = _project(work.bulk_import, row)
        if ARContent.objects.filter(project=project, title=row.title).exists():
            raise title_taken(row.title)
        content = processing.create_content(project=project, title=row.title, picture=picture)
        for order, (file, found) in enumerate(films):
            title = PurePosixPath(file.name or "").stem[:255]
            video = Video(ar_content=content, title=title, rotation_order=order)
            videos.attach_upload(video, file, found)
            video.save()
        marked = BulkImportRow.objects.filter(pk=row.pk, status=RowStatus.PENDING).update(
            status=RowStatus.DONE, ar_content=content, project=project, error=""
        )
        if marked != 1:
            raise RowTaken
        work.created(content)


def _project(bulk_import: BulkImport, row: BulkImportRow) -> Project:
    """The row's project, made when that was asked for; looked up by name when it is new."""
    if row.project is not None:
        return row.project
    project = projects_by_name(bulk_import.company).get(row.project_name.casefold())
    if project is None and row.project_name and bulk_import.create_projects:
        project = Project(company=bulk_import.company, name=row.project_name)
        project.clean_fields()
        add_project(project, now=timezone.now())
    if project is None:
        raise no_project(row.project_name)
    return project


def sheet_of(bulk_import: BulkImport) -> bytes | None:
    """The codes of the import's contents in the order of the table; None when it made none."""
    contents = ARContent.objects.filter(bulk_import_row__bulk_import=bulk_import)
    if not contents.exists():
        return None
    entries = (
        SheetEntry(title=content.title, url=content.ar_url, note=content.project.name)
        for content in contents.select_related("project")
        .order_by("bulk_import_row__number")
        .iterator(chunk_size=200)
    )
    heading = f"{bulk_import.company} · {bulk_import.archive_name}"
    return qr_sheet(entries, heading=heading, language=bulk_import.language)


def _finish(bulk_import: BulkImport, lease: _Lease) -> None:
    pdf = sheet_of(bulk_import)
    lease.renew()
    try:
        _exchange(bulk_import, lease, pdf)
    except QuotaExceeded:
        _exchange(bulk_import, lease, None, error=NO_ROOM_FOR_SHEET)


def _exchange(
    bulk_import: BulkImport, lease: _Lease, pdf: bytes | None, *, error: str = ""
) -> None:
    """Give the archive away for the sheet, and be done."""
    with stored_files():
        bulk_import.archive.storage.delete(str(bulk_import.archive))
        sheet = ""
        if pdf is not None:
            name = bulk_import.sheet.field.generate_filename(bulk_import, "sheet.pdf")
            sheet = bulk_import.sheet.storage.save(name, ContentFile(pdf))
        lease.update(
            status=BulkStatus.DONE,
            archive="",
            sheet=sheet,
            error=error,
            claimed_at=None,
            finished_at=timezone.now(),
        )
