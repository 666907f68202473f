"""Notices: what a company was told, on which way each is, and sending one again."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from companies.api.base import TenantViewSet
from companies.api.errors import Conflict
from companies.api.lists import IdFilter, MomentFilter, Ordering, SearchFilter
from companies.models import Role
from content import notifications
from content.models import Delivery, DeliveryState, Notification, NotificationType


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    class Meta:
        model = Delivery
        fields = ("channel", "state", "attempts", "due_at")
        read_only_fields = fields


class NotificationSerializer(serializers.ModelSerializer[Notification]):
    """No `deliveries`: the company has no address that the notice could go to."""

    email_error = serializers.SerializerMethodField()
    telegram_error = serializers.SerializerMethodField()
    deliveries = DeliverySerializer(many=True, read_only=True)

    class Meta:
        model = Notification
        fields = (
            "id",
            "company_id",
            "project_id",
            "ar_content_id",
            "notification_type",
            "email_sent",
            "email_sent_at",
            "email_error",
            "telegram_sent",
            "telegram_sent_at",
            "telegram_error",
            "subject",
            "message",
            "deliveries",
            "metadata",
            "created_at",
        )
        read_only_fields = fields

    def get_email_error(self, notice: Notification) -> str:
        return notice.email_reason

    def get_telegram_error(self, notice: Notification) -> str:
        return notice.telegram_reason


class NotificationFilters(filters.FilterSet):
    search = SearchFilter("subject", "message")
    company_id = IdFilter("company")
    project_id = IdFilter("project")
    ar_content_id = IdFilter("ar_content")
    notification_type = filters.ChoiceFilter(choices=NotificationType.choices)
    delivery = filters.ChoiceFilter(
        method="on_the_way", choices=DeliveryState.choices, label=_("Of one of its channels.")
    )
    created_before = MomentFilter("created_at", "lt")
    created_after = MomentFilter("created_at", "gte")
    ordering = Ordering("id", "created_at", default="-created_at")

    def on_the_way(self, rows: Any, name: str, value: str) -> Any:
        return rows.filter(pk__in=Delivery.objects.filter(state=value).values("notification"))


class NotificationViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, TenantViewSet[Notification]
):
    queryset = Notification.objects.select_related("company").prefetch_related("deliveries")
    serializer_class = NotificationSerializer
    filterset_class = NotificationFilters
    role_to_view = Role.VIEWER
    role_to_change = Role.EDITOR

    @extend_schema(request=None, responses={202: NotificationSerializer})
    def resend(self, request: Request, **kwargs: Any) -> Response:
        """Send a notice once more, through each channel for which the company has an address."""
        if not notifications.resend(self.get_object(), now=timezone.now()):
            raise Conflict(_("The company has no address that it could go to."), "no_address")
        return Response(self.shown(self.get_object()), status.HTTP_202_ACCEPTED)
