"""Default-deny, for every view of the API that does not say otherwise."""

from typing import TYPE_CHECKING, Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from companies.models import Role

if TYPE_CHECKING:
    from companies.api.base import TenantViewSet


class DeclaredRole(BasePermission):
    """A view that declares no roles answers 403, whoever asks.

    Where the address names a row, the view itself decides: 404 for rows that the caller cannot
    see, 403 for those that ask for a higher role.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated or not hasattr(view, "role_to_view"):
            return False
        declared: TenantViewSet[Any] = view
        if declared.action is None or declared.kwargs:
            return True
        access = declared.access
        if declared.action in declared.platform_actions:
            return access.manages_platform
        # Whoever belongs to no company at all gets empty lists.
        needed = declared.needed_role
        return needed == Role.VIEWER or access.may_somewhere(needed)
