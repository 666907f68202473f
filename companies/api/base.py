"""The base of every view of staff and API clients: whose rows it shows, and to which role."""

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Model, QuerySet
from django.shortcuts import get_object_or_404
from rest_framework import status
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from arv.api import ClientThrottle, SmallJSONParser
from companies.api.lists import Filters, Pages
from companies.api.permissions import DeclaredRole
from companies.models import Role
from companies.storage.uploads import stored_files
from companies.tenancy import Access, access_of

M = TypeVar("M", bound=Model)


class TenantViewSet(GenericViewSet[M]):
    """Rows of the caller's companies, and of no other.

    A subclass declares the roles that see and change its rows; `roles` names those of single
    actions, and `platform_actions` what only the platform's staff may do. Below an address such
    as `/companies/{id}/projects`, `parent` is the model of that id and the look-up to it.
    """

    role_to_view: ClassVar[Role]
    role_to_change: ClassVar[Role]
    roles: ClassVar[Mapping[str, Role]] = {}
    platform_actions: ClassVar[frozenset[str]] = frozenset()
    parent: ClassVar[tuple[type[Model], str] | None] = None
    lookup_url_kwarg = "id"
    permission_classes = (DeclaredRole,)
    throttle_classes = (ClientThrottle,)
    parser_classes = (SmallJSONParser,)
    pagination_class = Pages
    filter_backends = (Filters,)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not (hasattr(cls, "role_to_view") and hasattr(cls, "role_to_change")):
            raise ImproperlyConfigured(f"{cls.__name__} declares no role_to_view, role_to_change.")

    @property
    def access(self) -> Access:
        return access_of(self.request)

    @property
    def needed_role(self) -> Role:
        is_reading = self.request.method in SAFE_METHODS
        usual = self.role_to_view if is_reading else self.role_to_change
        return self.roles.get(self.action, usual)

    def get_queryset(self) -> QuerySet[M]:
        rows = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return rows.none()
        if self.parent is not None:
            rows = rows.filter(**{self.parent[1]: self.get_parent()})
        return self.access.rows(rows, self.role_to_view)

    def get_object(self) -> M:
        wanted = self.kwargs[self.lookup_url_kwarg]
        rows = self.access.rows(super().get_queryset())
        return self.permitted(get_object_or_404(rows, **{self.lookup_field: wanted}))

    def get_parent(self) -> Any:
        if self.parent is None:
            raise ImproperlyConfigured(f"{type(self).__name__} has no parent.")
        rows = self.access.rows(self.parent[0]._default_manager.all())
        return self.permitted(get_object_or_404(rows, pk=self.kwargs["id"]))

    def permitted(self, row: Any) -> Any:
        """`row`, if the caller may do with it what this request is about; else 403."""
        is_platforms = self.action in self.platform_actions
        if is_platforms and not self.access.manages_platform:
            raise PermissionDenied
        if not self.access.may(row, self.needed_role):
            raise PermissionDenied
        return row

    def create(self, request: Request, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        with stored_files():
            row = self.add(serializer)
        return Response(self.shown(row), status.HTTP_201_CREATED)

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        row = self.get_object()
        serializer = self.get_serializer(row, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        with stored_files():
            row = self.change(row, serializer)
        return Response(self.shown(row))

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        row = self.get_object()
        with stored_files():
            self.remove(row)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def shown(self, row: M) -> Any:
        return self.get_serializer(row).data

    def add(self, serializer: Any) -> M:
        raise NotImplementedError

    def change(self, row: M, serializer: Any) -> M:
        raise NotImplementedError

    def remove(self, row: M) -> None:
        row.delete()
