"""Rows whose files do not matter: names as the storage would give them, and no file behind."""

import uuid
from typing import Any

import factory
from factory.django import DjangoModelFactory

from companies.models import Company, FileKind
from companies.tests.factories import CompanyFactory, ProjectFactory
from content.models import ARContent, MarkerStatus, Portrait, Video, VideoStatus


def stored_name(company: Company, kind: str, extension: str) -> str:
    return f"{company.storage_connection_id}/{company.slug}/{kind}/{uuid.uuid4().hex}.{extension}"


class PortraitFactory(DjangoModelFactory[Portrait]):
    class Meta:
        model = Portrait

    company = factory.SubFactory(CompanyFactory)
    title = factory.Sequence("Portrait {}".format)
    image_width = 1000
    image_height = 800
    marker_status = MarkerStatus.READY

    @factory.lazy_attribute
    def image(self: Any) -> str:
        return stored_name(self.company, FileKind.PORTRAITS, "jpg")

    @factory.lazy_attribute
    def marker(self: Any) -> str:
        return stored_name(self.company, FileKind.MARKERS, "mind")


class ARContentFactory(DjangoModelFactory[ARContent]):
    """Published now, with a compiled marker."""

    class Meta:
        model = ARContent

    project = factory.SubFactory(ProjectFactory)
    title = factory.Sequence("Content {}".format)
    image_width = 1000
    image_height = 800
    marker_status = MarkerStatus.READY

    @factory.lazy_attribute
    def image(self: Any) -> str:
        return stored_name(self.project.company, FileKind.PORTRAITS, "jpg")

    @factory.lazy_attribute
    def marker(self: Any) -> str:
        return stored_name(self.project.company, FileKind.MARKERS, "mind")


class VideoFactory(DjangoModelFactory[Video]):
    """Prepared, so that it can be played."""

    class Meta:
        model = Video

    ar_content = factory.SubFactory(ARContentFactory)
    title = factory.Sequence("Video {}".format)
    duration = 5.0
    width = 640
    height = 360
    size_bytes = 100_000
    mime_type = "video/mp4"
    status = VideoStatus.READY
    progress = 100

    @factory.lazy_attribute
    def video(self: Any) -> str:
        return stored_name(self.ar_content.project.company, FileKind.VIDEOS, "mp4")
