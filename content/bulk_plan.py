"""A dry run of many contents from one archive: what each row would become, or why it cannot."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath

from django.conf import settings
from django.core.files.base import File
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from companies.limits import check_subscription
from companies.models import Company, Project
from companies.quota import check_room, room
from companies.storage.uploads import stored_files
from content.archives import Archive, EntryRejected, TableRow
from content.markers import ImageRejected, check_image
from content.models import ARContent, BulkImport, BulkImportRow, RowStatus

# More than the header of nearly every photograph; the whole file is read when it is not enough.
HEADER_BYTES = 512 * 1024
TITLE_LENGTH = 255
NAME_LENGTH = 500


@dataclass
class PlannedRow:
    """A row of the table; without `problems` it becomes a content."""

    row: TableRow
    project: Project | None = None
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Plan:
    """What an archive would become. `unused` files are named by no row; sizes in bytes."""

    rows: list[PlannedRow]
    unused: list[str]
    new_projects: list[str]
    needed: int
    room: int

    @property
    def good(self) -> list[PlannedRow]:
        return [row for row in self.rows if not row.problems]

    @property
    def bad(self) -> list[PlannedRow]:
        return [row for row in self.rows if row.problems]


def inspect(
    file: File[bytes],
    *,
    company: Company,
    project: Project | None = None,
    create_projects: bool = False,
    now: datetime,
) -> Plan:
    """Check an archive for a company and change nothing.

    `project` is for rows that name none. Raises ArchiveRejected when no row can be trusted, and
    LimitReached when the company may not make contents now. Messages are in the language in force.
    """
    check_subscription(company, now)
    with Archive(file, most_bytes=unpacked_limit()) as archive:
        table, rows = archive.table()
        check = _Check(archive, table, company, project, create_projects)
        planned = [check.row(row) for row in rows]
        return Plan(
            rows=planned,
            unused=[name for name in archive.names if name not in check.used and name != table],
            new_projects=list(check.new_projects.values()),
            # The archive itself takes room until it is worked through.
            needed=check.bytes_needed + (file.size or 0),
            room=room(company),
        )


def prepare(bulk_import: BulkImport, plan: Plan, file: File[bytes]) -> None:
    """Save a new import with its archive and its checked rows, until somebody starts it.

    Raises QuotaExceeded when the company has no room for the archive.
    """
    check_room(bulk_import.company, file.size or 0)
    with stored_files():
        name = PurePosixPath(file.name or "archive.zip").name
        bulk_import.archive_name = name[-TITLE_LENGTH:]
        bulk_import.archive = File(file.file, name="archive.zip")
        bulk_import.save()
        BulkImportRow.objects.bulk_create(
            BulkImportRow(
                bulk_import=bulk_import,
                number=planned.row.number,
                title=planned.row.title[:TITLE_LENGTH],
                project_name=planned.row.project[:TITLE_LENGTH],
                project=planned.project,
                picture=planned.row.picture[:NAME_LENGTH],
                videos=[name[:NAME_LENGTH] for name in planned.row.videos],
                status=RowStatus.FAILED if planned.problems else RowStatus.PENDING,
                error=" ".join(planned.problems),
            )
            for planned in plan.rows
        )


def unpacked_limit() -> int:
    """Pictures and videos hardly shrink: an archive that grows more than twofold is no such."""
    return 2 * int(settings.BULK_MAX_BYTES)


def projects_by_name(company: Company) -> dict[str, Project]:
    """The company's projects by name, upper and lower case alike; of equal names the newest."""
    projects = company.projects.order_by("pk")
    return {project.name.casefold(): project for project in projects}


class RowRejected(ValueError):
    """A row cannot become a content; `args[0]` says why in plain words."""


def no_project(name: str) -> RowRejected:
    if not name:
        return RowRejected(_("The row names no project, and no project was chosen for such rows."))
    return RowRejected(_("The company has no project “%(name)s”.") % {"name": name})


def title_taken(title: str) -> RowRejected:
    return RowRejected(
        _("The project has a content with the title “%(title)s” already.") % {"title": title}
    )


def no_file(name: str) -> RowRejected:
    return RowRejected(_("There is no file %(name)s in the archive.") % {"name": name})


class _Check:
    """What the rows before the one at hand have used up."""

    def __init__(
        self,
        archive: Archive,
        table: str,
        company: Company,
        project: Project | None,
        create_projects: bool,
    ) -> None:
        self.archive = archive
        self.table = table
        self.project = project
        self.create_projects = create_projects
        self.projects = projects_by_name(company)
        self.places_left = company.projects_limit - company.projects.count()
        self.titles = {
            (project_id, title)
            for project_id, title in ARContent.objects.filter(company=company).values_list(
                "project_id", "title"
            )
        }
        self.new_projects: dict[str, str] = {}
        self.planned_titles: set[tuple[object, str]] = set()
        self.pictures: set[str] = set()
        self.used: set[str] = set()
        self.bytes_needed = 0

    def row(self, row: TableRow) -> PlannedRow:
        planned = PlannedRow(row)
        size = 0
        for check in (self._title, self._project, self._picture, self._videos):
            try:
                size += check(planned)
            except (RowRejected, EntryRejected, ImageRejected) as error:
                planned.problems.append(str(error.args[0]))
        if not planned.problems:
            self.bytes_needed += size
        return planned

    def _title(self, planned: PlannedRow) -> int:
        title = planned.row.title
        if not title:
            raise RowRejected(_("The title is missing."))
        if len(title) > TITLE_LENGTH:
            raise RowRejected(
                _("The title is longer than %(most)d characters.") % {"most": TITLE_LENGTH}
            )
        return 0

    def _project(self, planned: PlannedRow) -> int:
        name = planned.row.project
        key = name.casefold()
        planned.project = self.projects.get(key) if name else self.project
        if planned.project is None:
            if not name or not self.create_projects:
                raise no_project(name)
            self._plan_project(key, name)
        place = planned.project.pk if planned.project else key
        title = planned.row.title
        if (place, title) in self.titles:
            raise title_taken(title)
        if title and (place, title) in self.planned_titles:
            raise RowRejected(
                _("A row above has the same title and project: “%(title)s”.") % {"title": title}
            )
        self.planned_titles.add((place, title))
        return 0

    def _plan_project(self, key: str, name: str) -> None:
        if len(name) > TITLE_LENGTH:
            raise RowRejected(
                _("The project's name is longer than %(most)d characters.") % {"most": TITLE_LENGTH}
            )
        if key in self.new_projects:
            return
        if len(self.new_projects) >= self.places_left:
            raise RowRejected(
                _("The project “%(name)s” would be more than the company may have.")
                % {"name": name}
            )
        self.new_projects[key] = name

    def _picture(self, planned: PlannedRow) -> int:
        if not planned.row.picture:
            raise RowRejected(_("The picture is missing."))
        name = self._found(planned.row.picture, settings.IMAGE_MAX_BYTES)
        if name in self.pictures:
            raise RowRejected(_("A row above has the same picture: %(name)s.") % {"name": name})
        self.pictures.add(name)
        try:
            check_image(self.archive.read(name, HEADER_BYTES))
        except ImageRejected:
            if self.archive.size(name) <= HEADER_BYTES:
                raise
            check_image(self.archive.read(name))
        return self.archive.size(name)

    def _videos(self, planned: PlannedRow) -> int:
        size = 0
        for wanted in planned.row.videos:
            name = self._found(wanted, settings.VIDEO_MAX_BYTES)
            if not _looks_like_video(self.archive.read(name, 12)):
                raise RowRejected(
                    _("%(name)s is not an MP4, MOV or WebM video.") % {"name": wanted}
                )
            size += self.archive.size(name)
        return size

    def _found(self, wanted: str, most: int) -> str:
        name = self.archive.find(wanted, beside=self.table)
        if name is None:
            raise no_file(wanted)
        self.used.add(name)
        size = self.archive.size(name)
        if not size:
            raise RowRejected(_("%(name)s is empty.") % {"name": wanted})
        if size > most:
            raise RowRejected(
                _("%(name)s is larger than %(most)s.")
                % {"name": wanted, "most": filesizeformat(most)}
            )
        return name


def _looks_like_video(head: bytes) -> bool:
    """MP4 and MOV by their first box, WebM by EBML; what is inside is probed when it is stored."""
    boxes = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
    return head[4:8] in boxes or head.startswith(b"\x1a\x45\xdf\xa3")
