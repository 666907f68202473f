"""What the answers about contents and portraits have in common: the picture and its marker."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from content.models import ARContent, MarkerStatus, Portrait


def target_of(row: ARContent | Portrait) -> ARContent | Portrait:
    return row.target if isinstance(row, ARContent) else row


def path_of(file: Any) -> str | None:
    """The stored name: what staff find the file by in the storage."""
    return str(file) if file else None


def url_of(file: Any) -> str | None:
    """An address at this server, or a signed one at the storage, which works for a while."""
    return str(file.url) if file else None


class TargetFields(serializers.Serializer[Any]):
    """A content that uses a portrait shows the portrait's picture and marker."""

    image_path = serializers.SerializerMethodField()
    image_url = serializers.SerializerMethodField()
    thumbnail_path = serializers.SerializerMethodField()
    thumbnail_url = serializers.SerializerMethodField()
    marker_path = serializers.SerializerMethodField()
    marker_url = serializers.SerializerMethodField()
    marker_status = serializers.SerializerMethodField()
    marker_generated_at = serializers.SerializerMethodField()
    marker_progress = serializers.SerializerMethodField()
    marker_error = serializers.SerializerMethodField()
    stars = serializers.SerializerMethodField()

    def get_image_path(self, row: ARContent | Portrait) -> str | None:
        return path_of(target_of(row).image)

    def get_image_url(self, row: ARContent | Portrait) -> str | None:
        return url_of(target_of(row).image)

    def get_thumbnail_path(self, row: ARContent | Portrait) -> str | None:
        return path_of(target_of(row).thumbnail)

    def get_thumbnail_url(self, row: ARContent | Portrait) -> str | None:
        return url_of(target_of(row).thumbnail)

    def get_marker_path(self, row: ARContent | Portrait) -> str | None:
        return path_of(target_of(row).marker)

    def get_marker_url(self, row: ARContent | Portrait) -> str | None:
        return url_of(target_of(row).marker)

    @extend_schema_field(serializers.ChoiceField(choices=MarkerStatus.choices))
    def get_marker_status(self, row: ARContent | Portrait) -> str:
        return target_of(row).marker_status

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_marker_generated_at(self, row: ARContent | Portrait) -> Any:
        field = serializers.DateTimeField()
        moment = target_of(row).marker_generated_at
        return field.to_representation(moment) if moment else None

    def get_marker_progress(self, row: ARContent | Portrait) -> int:
        return target_of(row).marker_progress

    def get_marker_error(self, row: ARContent | Portrait) -> str:
        return target_of(row).marker_reason

    def get_stars(self, row: ARContent | Portrait) -> float | None:
        return target_of(row).stars


TARGET_FIELDS = tuple(TargetFields._declared_fields)
