"""Filters of companies and projects; the first of each hides what is over until asked."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RelatedDropdownFilter

from companies.models import Company, ProjectStatus, StorageTestStatus
from companies.tenancy import access_of


class ScopedRelatedFilter(RelatedDropdownFilter):
    """Offers rows of the caller's companies alone: the newest of a long table, and the chosen."""

    title: Any
    most = 100

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.is_cut:
            self.title = format_lazy(_("{title} (the newest)"), title=self.title)

    def field_choices(
        self, field: Any, request: HttpRequest, model_admin: Any
    ) -> list[tuple[Any, str]]:
        rows = access_of(request).rows(field.related_model._default_manager.all())
        newest = list(rows.order_by("-pk")[: self.most + 1])
        self.is_cut = len(newest) > self.most
        offered = {row.pk: str(row) for row in newest[: self.most]}
        chosen = request.GET.get(f"{self.field_path}__id__exact", "")
        if chosen.isdecimal() and int(chosen) not in offered:
            offered |= {row.pk: str(row) for row in rows.filter(pk=chosen)}
        return sorted(offered.items(), key=lambda choice: choice[1].lower())

    def has_output(self) -> bool:
        return len(self.lookup_choices) > 1


class DefaultedFilter(admin.SimpleListFilter):
    """A filter that is on when nothing is chosen; `?<parameter>=all` switches it off."""

    default_title: Any

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [*self.others(), ("all", _("All"))]

    def others(self) -> list[tuple[str, Any]]:
        return []

    def choices(self, changelist: Any) -> Iterator[Any]:
        for number, choice in enumerate(super().choices(changelist)):
            # Django calls the state without a choice "All": here it is the default.
            yield {**choice, "display": self.default_title} if number == 0 else choice


class CompanyState(DefaultedFilter):
    title = _("state")
    parameter_name = "state"
    default_title = _("Active")

    def others(self) -> list[tuple[str, Any]]:
        return [("off", _("Switched off")), ("over", _("Subscription over"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Company]) -> QuerySet[Company]:
        if self.value() == "all":
            return queryset
        if self.value() == "off":
            return queryset.filter(is_active=False)
        if self.value() == "over":
            return queryset.filter(subscription_expires_at__lte=timezone.now())
        return queryset.filter(is_active=True)


class ProjectState(DefaultedFilter):
    title = _("state")
    parameter_name = "state"
    default_title = _("Not over")

    def others(self) -> list[tuple[str, Any]]:
        return [("over", _("Expired")), ("archived", _("Archived"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        now = timezone.now()
        if self.value() == "all":
            return queryset
        if self.value() == "over":
            return queryset.over(now)
        if self.value() == "archived":
            return queryset.filter(status=ProjectStatus.ARCHIVED)
        return queryset.not_over(now).exclude(status=ProjectStatus.ARCHIVED)


class ExpiresSoon(admin.SimpleListFilter):
    title = _("expiry")
    parameter_name = "expires"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("30", _("Within 30 days"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.ending(timezone.now()) if self.value() == "30" else queryset


class CompanyAttention(admin.SimpleListFilter):
    title = _("attention")
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("storage", _("Storage nearly full")),
            ("subscription", _("Subscription ends within 30 days")),
            ("unreachable", _("Storage cannot be reached")),
            ("projects", _("Without projects")),
            ("contact", _("Contact does not get its notices")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "storage":
            return queryset.nearly_full()
        if self.value() == "subscription":
            return queryset.ending(timezone.now())
        if self.value() == "unreachable":
            return queryset.filter(storage_connection__test_status=StorageTestStatus.FAILED)
        if self.value() == "contact":
            return queryset.with_contact_problem()
        return queryset.without_projects() if self.value() == "projects" else queryset
