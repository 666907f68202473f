"""Bulk imports: upload, the report of a dry run, start, progress, sheet and errors."""

import csv
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.shortcuts import render
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminFileFieldWidget

from companies.admin.base import ArvModelAdmin
from companies.limits import LimitReached
from companies.quota import check_room
from companies.storage.backend import StorageUnavailable
from companies.tenancy import access_of
from content import bulk, bulk_plan, tasks
from content.archives import SEPARATOR, ArchiveRejected
from content.files import check_size
from content.models import BulkImport, BulkImportRow, BulkStatus, RowStatus

if TYPE_CHECKING:
    from content.models.bulk import BulkImportQuerySet

ERRORS_SHOWN = 100
RESULTS_PER_PAGE = 50
COLUMNS = ("title", "project", "picture", "videos")
# What a spreadsheet would take for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class BulkImportForm(ModelForm[BulkImport]):
    """Does the dry run; nothing is stored when not one row can become a content."""

    upload = forms.FileField(
        label=_("Zip archive"),
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".zip,application/zip"}),
        help_text=_("Pictures, videos and one CSV table with title, project, picture and videos."),
    )
    plan: bulk_plan.Plan

    class Meta:
        model = BulkImport
        fields = ("company", "project", "create_projects")

    def clean_upload(self) -> Any:
        upload = self.cleaned_data["upload"]
        check_size(upload, settings.BULK_MAX_BYTES)
        return upload

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        company = self.cleaned_data.get("company")
        project = self.cleaned_data.get("project")
        if company and project and project.company_id != company.pk:
            self.add_error("project", _("The project belongs to another company."))
        if not self.errors:
            self.check_archive()
        return cleaned

    def check_archive(self) -> None:
        upload = self.cleaned_data["upload"]
        try:
            self.plan = bulk_plan.inspect(
                upload,
                company=self.cleaned_data["company"],
                project=self.cleaned_data.get("project"),
                create_projects=self.cleaned_data["create_projects"],
                now=timezone.now(),
            )
            check_room(self.cleaned_data["company"], upload.size)
        except ArchiveRejected as error:
            self.add_error("upload", str(error.args[0]))
        except LimitReached as error:
            self.add_error("company", error)
        except forms.ValidationError as error:
            self.add_error("upload", error)
        else:
            if not self.plan.good:
                self.add_error("upload", self.reasons())

    def reasons(self) -> list[str]:
        bad = self.plan.bad
        said = [
            gettext("Row %(number)d: %(problems)s")
            % {"number": row.row.number, "problems": " ".join(row.problems)}
            for row in bad[:ERRORS_SHOWN]
        ]
        rest = len(bad) - len(said)
        more = [gettext("… and %(count)d rows more.") % {"count": rest}] if rest else []
        return [gettext("No row of the table can become a content."), *said, *more]


@admin.register(BulkImport)
class BulkImportAdmin(ArvModelAdmin[BulkImport]):
    form = BulkImportForm
    list_display = (
        "archive_name",
        "company",
        "status_label",
        "progress_label",
        "created_by",
        "created_at",
    )
    list_filter = ("status", "company")
    list_select_related = ("company", "created_by")
    search_fields = ("archive_name",)
    autocomplete_fields = ("company", "project")
    change_form_outer_before_template = "admin/content/bulk_import.html"
    # A large upload takes its time: the button shall not be pressed again.
    warn_unsaved_form = False

    class Media:
        js = ("admin/bulk-panel.js",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[BulkImport]:
        rows = cast("BulkImportQuerySet", super().get_queryset(request))
        return rows.with_counts()

    def get_fieldsets(self, request: HttpRequest, obj: BulkImport | None = None) -> Any:
        asked = ("company", "project", "create_projects")
        if obj is None:
            return ((None, {"fields": (*asked, "upload")}),)
        times = ("created_by", "created_at", "started_at", "finished_at")
        return ((None, {"fields": ("archive_name", *asked, *times)}),)

    def get_form(
        self,
        request: HttpRequest,
        obj: BulkImport | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> Any:
        if change:
            kwargs["form"] = ModelForm
        return super().get_form(request, obj, change, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was imported is no longer changed; `start_view` asks for the role itself."""
        # Without a row it is asked for one that is not there: not found, rather than forbidden.
        return obj is None and super().has_change_permission(request)

    def get_changeform_initial_data(self, request: HttpRequest) -> Any:
        initial = super().get_changeform_initial_data(request)
        companies = list(access_of(request).companies(self.role_to_change)[:2])
        if len(companies) == 1:
            initial.setdefault("company", str(companies[0].pk))
        return initial

    def save_model(
        self, request: HttpRequest, obj: BulkImport, form: ModelForm[BulkImport], change: bool
    ) -> None:
        obj.created_by = access_of(request).user
        obj.language = get_language() or settings.LANGUAGE_CODE
        plan = cast("BulkImportForm", form).plan
        bulk_plan.prepare(obj, plan, form.cleaned_data["upload"])
        self.remark(request, plan)

    def response_add(
        self, request: HttpRequest, obj: BulkImport, post_url_continue: str | None = None
    ) -> HttpResponse:
        rows = obj.rows.filter(status=RowStatus.PENDING).count()
        text = ngettext(
            "The archive was checked: %(count)d content can be made.",
            "The archive was checked: %(count)d contents can be made.",
            rows,
        )
        self.message_user(request, text % {"count": rows}, messages.SUCCESS)
        return HttpResponseRedirect(self.page_of(obj))

    def remark(self, request: HttpRequest, plan: bulk_plan.Plan) -> None:
        """What the dry run found that is no error of a row."""
        if plan.unused:
            text = ngettext(
                "%(count)d file is named by no row and is left out: %(names)s.",
                "%(count)d files are named by no row and are left out: %(names)s.",
                len(plan.unused),
            )
            names = ", ".join(plan.unused[:5]) + (" …" if len(plan.unused) > 5 else "")
            self.message_user(
                request, text % {"count": len(plan.unused), "names": names}, messages.WARNING
            )
        if plan.new_projects:
            names = ", ".join(plan.new_projects[:20])
            text = gettext("These projects will be created: %(names)s.") % {"names": names}
            self.message_user(request, text, messages.INFO)
        if plan.needed > plan.room:
            text = gettext(
                "About %(needed)s are needed and %(left)s are left in the company's quota: the "
                "last rows will fail."
            ) % {"needed": filesizeformat(plan.needed), "left": filesizeformat(plan.room)}
            self.message_user(request, text, messages.WARNING)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        obj: BulkImport | None = kwargs.get("obj")
        if obj is not None:
            context.update(self.panel_context(request, obj))
        # The report follows the upload, whichever button would be pressed.
        context.update(show_save_and_add_another=False, show_save_and_continue=False)
        response: HttpResponse = super().render_change_form(request, context, *args, **kwargs)
        return response

    def delete_model(self, request: HttpRequest, obj: BulkImport) -> None:
        bulk.delete_import(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[BulkImport]) -> None:
        for bulk_import in queryset:
            bulk.delete_import(bulk_import)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("table.csv", view(self.table_view), name="content_bulkimport_table"),
            path("<path:object_id>/start/", view(self.start_view), name="content_bulkimport_start"),
            path(
                "<path:object_id>/progress/",
                view(self.progress_view),
                name="content_bulkimport_progress",
            ),
            path(
                "<path:object_id>/qr-sheet.pdf",
                view(self.sheet_view),
                name="content_bulkimport_sheet",
            ),
            path(
                "<path:object_id>/errors.csv",
                view(self.errors_view),
                name="content_bulkimport_errors",
            ),
        ]
        return own + super().get_urls()

    def viewable(self, request: HttpRequest, object_id: str) -> BulkImport:
        row: BulkImport | None = self.get_object(request, object_id)
        if row is None:
            raise Http404
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        return row

    def page_of(self, obj: BulkImport) -> str:
        return reverse("admin:content_bulkimport_change", args=[obj.pk])

    def start_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        obj = self.viewable(request, object_id)
        if not access_of(request).may(obj, self.role_to_change):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            if bulk.start(obj, now=timezone.now()):
                tasks.request_bulk_import(obj)
        except LimitReached as error:
            self.message_user(request, " ".join(error.messages), messages.ERROR)
        return HttpResponseRedirect(self.page_of(obj))

    def progress_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The panel alone: the page asks for it again while a worker is at it."""
        obj = self.viewable(request, object_id)
        return render(request, "admin/content/bulk_panel.html", self.panel_context(request, obj))

    def sheet_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        obj = self.viewable(request, object_id)
        if obj.status != BulkStatus.DONE:
            raise Http404
        name = f"arv-qr-sheet-{obj.pk}.pdf"
        try:
            if obj.sheet:
                return FileResponse(obj.sheet.open("rb"), as_attachment=True, filename=name)
        except (StorageUnavailable, FileNotFoundError):
            self.message_user(
                request, gettext("The storage does not answer just now."), messages.ERROR
            )
            return HttpResponseRedirect(self.page_of(obj))
        made = bulk.sheet_of(obj)
        if made is None:
            raise Http404
        return HttpResponse(
            made,
            content_type="application/pdf",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    def errors_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        obj = self.viewable(request, object_id)
        rows = obj.rows.filter(status=RowStatus.FAILED)
        lines = [[row.number, *_cells(row), row.error] for row in rows]
        return _table(f"arv-errors-{obj.pk}.csv", ["row", *COLUMNS, "error"], lines)

    def table_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        example = [
            [gettext("Grandmother"), gettext("Family album"), "photos/one.jpg", "videos/one.mp4"],
            [
                gettext("Grandfather"),
                gettext("Family album"),
                "photos/two.jpg",
                f"videos/two.mp4{SEPARATOR}videos/three.mp4",
            ],
        ]
        return _table("arv-table.csv", list(COLUMNS), example)

    def panel_context(self, request: HttpRequest, obj: BulkImport) -> dict[str, Any]:
        counts: Any = obj
        failed = obj.rows.filter(status=RowStatus.FAILED)
        created = obj.rows.filter(status=RowStatus.DONE).select_related("ar_content", "project")
        finished = counts.rows_done + counts.rows_failed
        # The number of contents is known: the paginator need not count them again.
        results = Paginator(created, RESULTS_PER_PAGE)
        results.count = counts.rows_done
        return {
            "bulk_import": obj,
            "counts": counts,
            "finished": finished,
            "share": 100 * finished // max(counts.rows_total, 1),
            "waiting": obj.is_waiting,
            "can_be_started": obj.may_start and access_of(request).may(obj, self.role_to_change),
            "rows_waiting": counts.rows_total - finished,
            "failed": failed[:ERRORS_SHOWN],
            "more_failed": max(counts.rows_failed - ERRORS_SHOWN, 0),
            "results": results.get_page(request.GET.get("p")),
        }

    @display(
        description=_("Status"),
        label={
            BulkStatus.CHECKED: "info",
            BulkStatus.PENDING: "warning",
            BulkStatus.PROCESSING: "info",
            BulkStatus.DONE: "success",
            BulkStatus.FAILED: "danger",
        },
        ordering="status",
    )
    def status_label(self, obj: BulkImport) -> tuple[str, str]:
        return obj.status, obj.get_status_display()

    @display(description=_("Contents"))
    def progress_label(self, obj: Any) -> str:
        text = gettext("%(done)d of %(total)d") % {"done": obj.rows_done, "total": obj.rows_total}
        if not obj.rows_failed:
            return text
        failed = ngettext("%(count)d error", "%(count)d errors", obj.rows_failed)
        return f"{text}, {failed % {'count': obj.rows_failed}}"


def _cells(row: BulkImportRow) -> list[str]:
    return [row.title, row.project_name, row.picture, SEPARATOR.join(row.videos)]


def _table(name: str, heading: list[str], lines: list[list[Any]]) -> HttpResponse:
    """A CSV that a spreadsheet of the reader's country opens, and takes for nothing but text."""
    response = HttpResponse(
        "\ufeff",
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
    delimiter = ";" if (get_language() or "").startswith("ru") else ","
    # HttpResponse is written to like a file.
    writer = csv.writer(response, delimiter=delimiter)
    writer.writerow(heading)
    writer.writerows([_guarded(cell) for cell in line] for line in lines)
    return response


def _guarded(cell: Any) -> str:
    text = str(cell)
    return f"'{text}" if text.startswith(FORMULA) else text
