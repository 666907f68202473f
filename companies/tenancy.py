"""Who may see and change which rows: a caller's role in each company.

The admin and the API ask here and nowhere else. A model says how its rows lead to their company
with `company_path`, a lookup such as `ar_content__company`; a model without one belongs to the
platform, whose rows only superusers reach.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, TypeVar

from django.contrib.auth.models import AnonymousUser
from django.db.models import Model, QuerySet

from companies.models import ApiToken, Company, Membership, Role, User
from companies.models.ownership import company_id_of, company_path

M = TypeVar("M", bound=Model)


class Access:
    """What a caller may reach: a user's roles, narrowed by the token that was used."""

    def __init__(self, user: User | AnonymousUser, token: ApiToken | None = None) -> None:
        self.user = user if isinstance(user, User) and user.is_active else None
        self.only_company = token.company_id if token else None
        self.highest = token.highest_role if token else Role.OWNER

    @cached_property
    def is_platform(self) -> bool:
        """Whether every company is open to the caller: a superuser, within one company or not."""
        return self.user is not None and self.user.is_superuser

    @property
    def manages_platform(self) -> bool:
        """Whether the caller may make companies and set what they may use."""
        return self.is_platform and self.only_company is None and self.highest == Role.OWNER

    @cached_property
    def roles(self) -> Mapping[int, Role]:
        """A member's role by company id; empty for superusers, who need none."""
        if self.user is None or self.is_platform:
            return {}
        memberships = Membership.objects.filter(user=self.user)
        if self.only_company is not None:
            memberships = memberships.filter(company=self.only_company)
        return {
            company_id: min(Role(role), self.highest, key=lambda one: one.rank)
            for company_id, role in memberships.values_list("company_id", "role")
        }

    def companies(self, at_least: Role = Role.VIEWER) -> QuerySet[Company]:
        """The companies in which the caller has that role or a higher one."""
        return self.rows(Company.objects.all(), at_least)

    def rows(self, queryset: QuerySet[M], at_least: Role = Role.VIEWER) -> QuerySet[M]:
        """The rows of `queryset` that belong to those companies."""
        path = company_path(queryset.model)
        if self.is_platform and self.highest.rank >= at_least.rank:
            if self.only_company is None:
                return queryset
            return queryset.filter(**{path: self.only_company}) if path else queryset.none()
        if path is None:
            return queryset.none()
        return queryset.filter(**{f"{path}__in": self._company_ids(at_least)})

    def may(self, row: Model, at_least: Role) -> bool:
        """Whether the caller has that role in the row's company."""
        return self.may_in(company_id_of(row), at_least)

    def may_in(self, company_id: int | None, at_least: Role) -> bool:
        if self.is_platform:
            within = self.only_company in {None, company_id}
            return within and self.highest.rank >= at_least.rank
        return company_id in self._company_ids(at_least)

    def may_somewhere(self, at_least: Role = Role.VIEWER) -> bool:
        if self.is_platform:
            return self.highest.rank >= at_least.rank
        return bool(self._company_ids(at_least))

    def _company_ids(self, at_least: Role) -> set[int]:
        return {pk for pk, role in self.roles.items() if role.rank >= at_least.rank}


def access_of(request: Any) -> Access:
    """The access of a Django or DRF request, looked up once for each request."""
    token = getattr(request, "auth", None)
    known: Access | None = getattr(request, "_access", None)
    if known is None or known.user is not _active(request.user):
        known = Access(request.user, token if isinstance(token, ApiToken) else None)
        request._access = known
    return known


def _active(user: User | AnonymousUser) -> User | None:
    return user if isinstance(user, User) and user.is_active else None
