"""What asks for staff's attention, and the action that fixes each of them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.db.models import Count, F, Model, Window
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from companies.models import Company, Project, Role, StorageConnection, StorageTestStatus
from companies.tenancy import access_of
from content.admin.filters import videos_over
from content.models import ARContent, MarkerStatus, Notification, Portrait, Video, VideoStatus
from content.notifications import channels_of

SHOWN = 5
# Nothing is broken yet for anybody who looks at a picture.
CAN_WAIT = {
    "projects_ending",
    "subscriptions",
    "quota",
    "without_projects",
    "notices",
    "contacts",
}


@dataclass(frozen=True)
class Fix:
    """A link, or with `post` a button that sends it."""

    label: str
    url: str
    post: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Problem:
    title: str
    company: str
    detail: str
    url: str
    fix: Fix | None


@dataclass(frozen=True)
class Group:
    """Problems of one kind: the first few, how many there are, and the list of them all."""

    key: str
    title: str
    icon: str
    total: int
    url: str
    problems: list[Problem]

    @property
    def has_more(self) -> bool:
        return self.total > len(self.problems)

    @property
    def tone(self) -> str:
        return "warning" if self.key in CAN_WAIT else "alarm"


def list_url(model: type[Model], **query: Any) -> str:
    """The changelist of `model`, filtered."""
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return f"{url}?{urlencode(query)}" if query else url


def page_url(row: Model, page: str = "change") -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{page}", args=[row.pk])


def can_open(request: HttpRequest, model: type[Model]) -> bool:
    """Whether the caller gets to the changelist of `model`."""
    return admin.site.get_model_admin(model).has_view_permission(request)


def rows_of(request: HttpRequest, model: type[Model]) -> Any:
    """The rows that the caller's changelist of `model` is made of; none without a permission."""
    model_admin: Any = admin.site.get_model_admin(model)
    return access_of(request).rows(model._default_manager.all(), model_admin.role_to_view)


class Finder:
    """Looks for every kind of problem in the companies of one request's caller."""

    def __init__(self, request: HttpRequest, now: datetime) -> None:
        self.request = request
        self.access = access_of(request)
        self.now = now

    def groups(self) -> list[Group]:
        """Of every kind one, the gravest first; those without a problem have a total of 0."""
        return [
            self.connections(),
            self.companies_without_storage(),
            self.subscriptions(),
            self.full_companies(),
            self.projects_over(),
            self.markers(),
            self.portraits(),
            self.failed_videos(),
            self.contents_without_video(),
            self.projects_ending(),
            self.companies_without_projects(),
            self.contacts(),
            self.notices(),
        ]

    def markers(self) -> Group:
        contents = rows_of(self.request, ARContent).not_over(self.now)
        # A portrait's marker is mended once, at the portrait.
        failed = contents.with_marker(MarkerStatus.FAILED).filter(portrait__isnull=True)
        return self.group(
            "markers",
            _("A marker could not be made"),
            "broken_image",
            list_url(ARContent, marker=MarkerStatus.FAILED),
            failed.select_related("company").order_by("-updated_at"),
            lambda row: (row.marker_reason, self.renewal(row)),
        )

    def portraits(self) -> Group:
        failed = rows_of(self.request, Portrait).filter(marker_status=MarkerStatus.FAILED)
        return self.group(
            "portraits",
            _("A portrait's marker could not be made"),
            "broken_image",
            list_url(Portrait, marker_status__exact=MarkerStatus.FAILED),
            failed.select_related("company").order_by("-updated_at"),
            lambda row: (row.marker_reason, self.renewal(row)),
        )

    def failed_videos(self) -> Group:
        rows = rows_of(self.request, Video).filter(status=VideoStatus.FAILED)
        failed = list_url(Video, status__exact=VideoStatus.FAILED)
        return self.group(
            "failed_videos",
            _("A video could not be prepared"),
            "error",
            failed,
            rows.exclude(videos_over(self.now))
            .select_related("ar_content__company")
            .order_by("-updated_at"),
            lambda row: (
                f"{row.ar_content}: {row.reason}" if row.error else str(row.ar_content),
                self.action(row, _("Prepare again"), failed, "prepare_again"),
            ),
        )

    def contents_without_video(self) -> Group:
        contents = rows_of(self.request, ARContent).published(self.now).without_video(self.now)
        return self.group(
            "videos",
            _("Visitors see a content without a video"),
            "videocam_off",
            list_url(ARContent, state="published", video="none"),
            contents.select_related("company").order_by("-created_at"),
            lambda row: (
                _("It has no video that may play now."),
                self.link(row, _("Add a video"), page_url(row)),
            ),
        )

    def projects_over(self) -> Group:
        over = rows_of(self.request, Project).over(self.now).select_related("company")
        return self.group(
            "projects_over",
            _("A project has expired"),
            "event_busy",
            list_url(Project, state="over"),
            over.order_by(F("expires_at").desc(nulls_last=True), "pk"),
            lambda row: (
                _("Expired on %(date)s. Visitors do not see its contents any more.")
                % {"date": shown_date(row.expires_at, row.company)}
                if row.expires_at
                else _("Visitors do not see its contents any more."),
                self.link(row, _("Extend"), page_url(row, "extend")),
            ),
        )

    def projects_ending(self) -> Group:
        ending = rows_of(self.request, Project).ending(self.now).select_related("company")
        return self.group(
            "projects_ending",
            _("A project expires soon"),
            "event_upcoming",
            list_url(Project, expires="30"),
            ending.order_by("expires_at", "pk"),
            lambda row: (
                _("Expires on %(date)s.") % {"date": shown_date(row.expires_at, row.company)},
                self.link(row, _("Extend"), page_url(row, "extend")),
            ),
        )

    def connections(self) -> Group:
        failed = rows_of(self.request, StorageConnection).filter(
            test_status=StorageTestStatus.FAILED
        )
        return self.group(
            "connections",
            _("A storage cannot be reached"),
            "cloud_off",
            list_url(StorageConnection, test_status__exact=StorageTestStatus.FAILED),
            failed.select_related("company").order_by("name"),
            lambda row: (
                row.test_error,
                self.action(row, _("Test again"), list_url(StorageConnection), "test_chosen"),
            ),
        )

    def companies_without_storage(self) -> Group:
        """Of those who may not see the connection itself: it is the platform's, or an owner's."""
        broken = self.companies().filter(storage_connection__test_status=StorageTestStatus.FAILED)
        hidden = broken.exclude(storage_connection__in=rows_of(self.request, StorageConnection))
        return self.group(
            "company_storage",
            _("The storage of a company cannot be reached"),
            "cloud_off",
            list_url(Company, attention="unreachable"),
            hidden.order_by("name"),
            lambda row: (
                _("New files cannot be saved. Ask an owner or the platform's staff."),
                None,
            ),
        )

    def full_companies(self) -> Group:
        return self.group(
            "quota",
            _("The storage is nearly full"),
            "database",
            list_url(Company, attention="storage"),
            self.companies().nearly_full().order_by("name"),
            lambda row: (
                _("%(used)s of %(quota)s are used.")
                % {
                    "used": filesizeformat(row.storage_used_bytes),
                    "quota": filesizeformat(row.storage_quota_bytes),
                },
                self.platform_link(_("Raise the quota"), row)
                or self.link(row, _("Find old contents"), contents_of(row), Role.EDITOR),
            ),
        )

    def subscriptions(self) -> Group:
        def describe(row: Company) -> tuple[str, Fix | None]:
            end = row.subscription_expires_at
            over = end is not None and end <= self.now
            text = (
                _("It ended on %(date)s. Visitors do not see the contents any more.")
                if over
                else _("It ends on %(date)s.")
            )
            if not self.access.manages_platform:
                text = f"{text} " + _("Ask the platform's staff to renew it.")
            return text % {"date": shown_date(end, row)}, self.platform_link(_("Renew"), row)

        return self.group(
            "subscriptions",
            _("A subscription ends"),
            "credit_card_off",
            list_url(Company, attention="subscription"),
            self.companies().ending(self.now).order_by("subscription_expires_at", "name"),
            describe,
        )

    def companies_without_projects(self) -> Group:
        add = reverse("admin:companies_project_add")
        return self.group(
            "without_projects",
            _("A company has no project yet"),
            "create_new_folder",
            list_url(Company, attention="projects"),
            self.companies().without_projects().order_by("-created_at"),
            lambda row: (
                _("Contents live in projects."),
                self.link(
                    row,
                    _("Create a project"),
                    f"{add}?{urlencode({'company': row.pk})}",
                    Role.EDITOR,
                ),
            ),
        )

    def contacts(self) -> Group:
        def describe(row: Company) -> tuple[str, Fix | None]:
            problems = [one for one in (row.email_problem, row.telegram_problem) if one]
            check = self.link(row, _("Check the address"), page_url(row))
            return " ".join(_(one) for one in problems), check

        return self.group(
            "contacts",
            _("The address of a contact does not work"),
            "contact_mail",
            list_url(Company, attention="contact"),
            self.companies().with_contact_problem().order_by("name"),
            describe,
        )

    def notices(self) -> Group:
        def describe(row: Notification) -> tuple[str, Fix | None]:
            fix = None
            if channels_of(row.company):
                url = list_url(Notification)
                fix = self.action(row, _("Send again"), url, "send_again", Role.EDITOR)
            check = self.link(row.company, _("Check the address"), page_url(row.company))
            return row.email_reason or row.telegram_reason, fix or check

        lost = rows_of(self.request, Notification).undelivered().select_related("company")
        return self.group(
            "notices",
            _("A notice did not arrive"),
            "notifications_off",
            list_url(Notification, delivery="missing"),
            lost.order_by("-created_at", "-pk"),
            describe,
        )

    def companies(self) -> Any:
        return rows_of(self.request, Company).filter(is_active=True)

    def group(
        self,
        key: str,
        title: str,
        icon: str,
        url: str,
        rows: Any,
        describe: Callable[[Any], tuple[str, Fix | None]],
    ) -> Group:
        """One query: the first rows, each with the number of them all."""
        first: Iterable[Any] = list(rows.annotate(of=Window(Count("*")))[:SHOWN])
        problems, total = [], 0
        for row in first:
            detail, fix = describe(row)
            company = "" if isinstance(row, Company) else str(row.company or "")
            problems.append(Problem(str(row), company, detail, page_url(row), fix))
            total = row.of
        return Group(key, title, icon, total, url, problems)

    def may_change(self, row: Model, role: Role | None = None) -> bool:
        if role is not None:
            return self.access.may(row, role)
        return admin.site.get_model_admin(type(row)).has_change_permission(self.request, row)

    def link(self, row: Model, label: str, url: str, role: Role | None = None) -> Fix | None:
        return Fix(label, url) if self.may_change(row, role) else None

    def platform_link(self, label: str, company: Company) -> Fix | None:
        return Fix(label, page_url(company)) if self.access.manages_platform else None

    def action(
        self, row: Model, label: str, url: str, action: str, role: Role | None = None
    ) -> Fix | None:
        """A button that runs an action of the changelist on one row, with all its checks."""
        post = {"action": action, "_selected_action": row.pk}
        return Fix(label, url, post) if self.may_change(row, role) else None

    def renewal(self, target: ARContent | Portrait) -> Fix | None:
        failed = "marker" if isinstance(target, ARContent) else "marker_status__exact"
        url = list_url(type(target), **{failed: MarkerStatus.FAILED})
        return self.action(target, _("Make again"), url, "regenerate_markers")


def contents_of(company: Company) -> str:
    return list_url(ARContent, state="over", company__id__exact=company.pk)


def shown_date(moment: datetime | None, company: Company) -> str:
    """The day of it as the company counts days."""
    return date_format(moment.astimezone(ZoneInfo(company.time_zone))) if moment else ""
