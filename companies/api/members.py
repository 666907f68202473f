"""Who works for a company, and as what."""

from typing import Any, cast

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from companies import people
from companies.api.base import TenantViewSet
from companies.api.fields import Email
from companies.api.lists import IdFilter, Ordering, SearchFilter
from companies.models import Company, Membership, Role, User
from companies.storage.uploads import stored_files


class MemberSerializer(serializers.ModelSerializer[Membership]):
    """Nothing from which an owner who invites an address could tell whether it had an account."""

    email = serializers.CharField(source="user.email", read_only=True)

    class Meta:
        model = Membership
        fields = ("id", "company_id", "email", "role", "created_at")
        read_only_fields = ("company_id",)


class Invitation(serializers.Serializer[Any]):
    email = Email(max_length=254)
    role = serializers.ChoiceField(choices=Role.choices, default=Role.VIEWER.value)


class MemberFilters(filters.FilterSet):
    search = SearchFilter("user__email")
    company_id = IdFilter("company")
    role = filters.ChoiceFilter(choices=Role.choices)
    ordering = Ordering("id", "created_at", default="created_at")


class MemberViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, TenantViewSet[Membership]):
    queryset = Membership.objects.select_related("user", "company")
    serializer_class = MemberSerializer
    filterset_class = MemberFilters
    role_to_view = Role.VIEWER
    role_to_change = Role.OWNER

    def change(self, row: Membership, serializer: Any) -> Membership:
        role = serializer.validated_data.get("role", row.role)
        if role != row.role:
            row = people.change_role(row, Role(role))
        return row

    def remove(self, row: Membership) -> None:
        """Take somebody out of a company; its last owner stays."""
        people.remove_member(row)


class MembersOfCompany(MemberViewSet):
    parent = (Company, "company")

    @extend_schema(request=Invitation, responses={201: MemberSerializer})
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Make the person of an e-mail address a member; somebody new is invited by e-mail.

        Who is a member already keeps their role: 409."""
        company: Company = self.get_parent()
        invitation = Invitation(data=request.data, context=self.get_serializer_context())
        invitation.is_valid(raise_exception=True)
        with stored_files():
            member = people.invite(
                email=invitation.validated_data["email"],
                company=company,
                role=Role(invitation.validated_data["role"]),
                invited_by=cast("User", request.user),
                request=request._request,
            )
        return Response(self.shown(member), status.HTTP_201_CREATED)
