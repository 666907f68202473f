"""API tokens, and what the caller's own one is good for."""

from typing import Any, ClassVar, cast

from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from companies.api.base import TenantViewSet
from companies.api.fields import RowId, RowSerializer
from companies.api.lists import IdFilter, Ordering, SearchFilter
from companies.models import ApiToken, Company, Role, TokenScope, User
from companies.tenancy import access_of
from companies.tokens import issue_token, revoke_token


class UserId(RowId):
    """The caller; for the platform's staff anyone."""

    def get_queryset(self) -> Any:
        access = access_of(self.context["request"])
        users = User.objects.filter(is_active=True)
        return users if access.manages_platform else users.filter(pk=self._caller())

    def _caller(self) -> Any:
        return self.context["request"].user.pk


class TokenSerializer(RowSerializer[ApiToken]):
    company_id = RowId(
        source="company",
        queryset=Company.objects.all(),
        role=Role.OWNER,
        allow_null=True,
        required=False,
        default=None,
    )
    user_id = UserId(source="user", queryset=User.objects.all(), required=False)
    email = serializers.CharField(source="user.email", read_only=True)

    class Meta:
        model = ApiToken
        fields: ClassVar[tuple[str, ...]] = (
            "id",
            "user_id",
            "email",
            "company_id",
            "name",
            "scope",
            "prefix",
            "expires_at",
            "revoked_at",
            "last_used_at",
            "created_at",
        )
        read_only_fields = ("prefix", "revoked_at", "last_used_at")


class IssuedTokenSerializer(TokenSerializer):
    key = serializers.CharField(read_only=True, help_text="Shown this once.")

    class Meta(TokenSerializer.Meta):
        fields: ClassVar[tuple[str, ...]] = (*TokenSerializer.Meta.fields, "key")


class TokenFilters(filters.FilterSet):
    search = SearchFilter("name", "prefix")
    company_id = IdFilter("company")
    user_id = IdFilter("user")
    scope = filters.ChoiceFilter(choices=TokenScope.choices)
    ordering = Ordering(
        "id", "name", "created_at", "expires_at", "last_used_at", default="-created_at"
    )


class TokenViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, TenantViewSet[ApiToken]):
    queryset = ApiToken.objects.select_related("user", "company")
    serializer_class = TokenSerializer
    filterset_class = TokenFilters
    role_to_view = role_to_change = Role.OWNER

    def get_serializer_class(self) -> type[BaseSerializer[ApiToken]]:
        return IssuedTokenSerializer if self.action == "create" else TokenSerializer

    def add(self, serializer: Any) -> ApiToken:
        """Issue a token. Its key is in this answer and never again."""
        given = dict(serializer.validated_data)
        user = given.pop("user", None) or cast("User", self.request.user)
        issuer = self.request.auth if isinstance(self.request.auth, ApiToken) else None
        scope = given.pop("scope", TokenScope.WRITE)
        with serializer.explaining():
            token, key = issue_token(
                access=self.access, issuer=issuer, user=user, scope=scope, **given
            )
        token.key = key  # type: ignore[attr-defined]
        return token

    def remove(self, row: ApiToken) -> None:
        """Revoke a token; its row stays."""
        revoke_token(row, now=timezone.now())


class CallerSerializer(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ("id", "username", "email", "is_superuser")
        read_only_fields = fields


class CallerCompanySerializer(serializers.Serializer[Any]):
    company_id = serializers.IntegerField()
    name = serializers.CharField()
    slug = serializers.CharField()
    role = serializers.ChoiceField(choices=Role.choices)


class WhoAmISerializer(serializers.Serializer[Any]):
    user = CallerSerializer()
    token_id = serializers.IntegerField(
        allow_null=True, help_text="null when a session was used instead of a token."
    )
    company_id = serializers.IntegerField(
        allow_null=True, help_text="The only company of the token; null: every one of the user."
    )
    scope = serializers.ChoiceField(choices=TokenScope.choices, allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    companies = CallerCompanySerializer(many=True)


class WhoAmIView(TenantViewSet[ApiToken]):
    """Who the caller is, and in which companies as what."""

    queryset = ApiToken.objects.all()
    role_to_view = role_to_change = Role.VIEWER

    @extend_schema(responses=WhoAmISerializer)
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        token = request.auth if isinstance(request.auth, ApiToken) else None
        access = self.access
        companies = [
            {
                "company_id": company.pk,
                "name": company.name,
                "slug": company.slug,
                "role": access.roles.get(company.pk, access.highest),
            }
            for company in access.companies()
        ]
        me = {
            "user": request.user,
            "token_id": token.pk if token else None,
            "company_id": token.company_id if token else None,
            "scope": token.scope if token else None,
            "expires_at": token.expires_at if token else None,
            "companies": companies,
        }
        return Response(WhoAmISerializer(me).data)
