"""What a report is made of, for those who read it by the API."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers


class FunnelSerializer(serializers.Serializer[Any]):
    """How far visitors came: each number counts views."""

    opened = serializers.IntegerField()
    started = serializers.IntegerField()
    camera_allowed = serializers.IntegerField()
    camera_denied = serializers.IntegerField()
    found = serializers.IntegerField(help_text=_("The picture was found."))
    mean_found_ms = serializers.FloatField(
        allow_null=True, help_text=_("From the start to the picture.")
    )
    played = serializers.IntegerField()
    ended = serializers.IntegerField(help_text=_("The page told how long the visit lasted."))


class DayOfVisitsSerializer(serializers.Serializer[Any]):
    day = serializers.DateField()
    views = serializers.IntegerField()
    unique_sessions = serializers.IntegerField()


class ShareSerializer(serializers.Serializer[Any]):
    value = serializers.CharField(
        allow_null=True,
        allow_blank=True,
        help_text=_("Empty where it is not known; null for all others together."),
    )
    views = serializers.IntegerField()
    unique_sessions = serializers.IntegerField()


class TopSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField(allow_blank=True)
    views = serializers.IntegerField()
    unique_sessions = serializers.IntegerField()


class ReportSerializer(serializers.Serializer[Any]):
    """Without `from_day` and `to_day`: the last 30 days to the second.

    `days` are whole: then today and the 29 days before. Of the tables, those asked for are there.
    """

    from_day = serializers.DateField(allow_null=True)
    to_day = serializers.DateField(allow_null=True)
    views = serializers.IntegerField()
    unique_sessions = serializers.IntegerField()
    mean_duration_seconds = serializers.FloatField(allow_null=True)
    played_share = serializers.FloatField(
        allow_null=True, help_text=_("Views that played a video, of all: 0 to 1.")
    )
    funnel = FunnelSerializer()
    days = DayOfVisitsSerializer(many=True, required=False)
    top_companies = TopSerializer(many=True, required=False)
    top_projects = TopSerializer(many=True, required=False)
    top_contents = TopSerializer(many=True, required=False)
    devices = ShareSerializer(many=True, required=False)
    browsers = ShareSerializer(many=True, required=False)
    operating_systems = ShareSerializer(many=True, required=False)
    countries = ShareSerializer(many=True, required=False)
    cities = ShareSerializer(many=True, required=False)
    tracking_quality = ShareSerializer(many=True, required=False)
    camera = ShareSerializer(many=True, required=False)


class OverviewSerializer(ReportSerializer):
    total_views = serializers.IntegerField(help_text=_("The same as `views`."))
    active_content = serializers.IntegerField()
    storage_used_gb = serializers.FloatField()


class CompanyReportSerializer(ReportSerializer):
    company_id = serializers.IntegerField()
    views_30_days = serializers.IntegerField(help_text=_("Whatever time is asked for."))


class ProjectReportSerializer(ReportSerializer):
    project_id = serializers.IntegerField()
    views_30_days = serializers.IntegerField(help_text=_("Whatever time is asked for."))


class ContentReportSerializer(ReportSerializer):
    ar_content_id = serializers.IntegerField()
    views_30_days = serializers.IntegerField(help_text=_("Whatever time is asked for."))
