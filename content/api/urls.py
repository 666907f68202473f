from django.urls import path
from rest_framework.parsers import MultiPartParser

from companies.api.routes import LIST, LIST_AND_CREATE, ONE, READ
from content.api import views
from content.api.calendar import CalendarOfContent
from content.api.contents import ContentByUniqueId, ContentsOfProject, ContentViewSet
from content.api.notifications import NotificationViewSet
from content.api.portraits import PortraitViewSet
from content.api.rotation import SchedulesOfContent, ScheduleViewSet
from content.api.videos import VideosOfContent, VideoViewSet

FORM = (MultiPartParser,)

urlpatterns = [
    path("ar/<str:unique_id>/active-video", views.ActiveVideoView.as_view(), name="active-video"),
    path("ar/<str:unique_id>/content", views.ContentView.as_view(), name="public-content"),
    path(
        "portraits/by-unique/<str:unique_id>",
        views.PublicPortraitView.as_view(),
        name="public-portrait",
    ),
    path(
        "portraits/by-unique/<str:unique_id>/active-video",
        views.PortraitVideoView.as_view(),
        name="public-portrait-video",
    ),
    path(
        "ar-content",
        ContentViewSet.as_view(LIST_AND_CREATE, parser_classes=FORM),
        name="api-contents",
    ),
    path("ar-content/<int:id>", ContentViewSet.as_view(ONE), name="api-content"),
    path(
        "ar-content/<int:id>/generate-marker",
        ContentViewSet.as_view({"post": "generate_marker"}),
        name="api-content-marker",
    ),
    path(
        "ar-content/by-unique/<uuid:unique_id>",
        ContentByUniqueId.as_view(READ),
        name="api-content-by-unique",
    ),
    path(
        "projects/<int:id>/ar-content",
        ContentsOfProject.as_view(LIST),
        name="api-project-contents",
    ),
    path(
        "portraits",
        PortraitViewSet.as_view(LIST_AND_CREATE, parser_classes=FORM),
        name="api-portraits",
    ),
    path("portraits/<int:id>", PortraitViewSet.as_view(ONE), name="api-portrait"),
    path(
        "ar-content/<int:id>/videos",
        VideosOfContent.as_view(LIST_AND_CREATE, parser_classes=FORM),
        name="api-content-videos",
    ),
    path("videos/<int:id>", VideoViewSet.as_view(ONE), name="api-video"),
    path(
        "videos/<int:id>/activate",
        VideoViewSet.as_view({"post": "activate"}),
        name="api-video-activate",
    ),
    path("videos/<int:id>/retry", VideoViewSet.as_view({"post": "retry"}), name="api-video-retry"),
    path(
        "ar-content/<int:id>/rotation",
        SchedulesOfContent.as_view(LIST_AND_CREATE),
        name="api-content-rotation",
    ),
    path(
        "ar-content/<int:id>/rotation/sequence",
        SchedulesOfContent.as_view({"put": "sequence", "post": "sequence"}),
        name="api-content-sequence",
    ),
    path(
        "ar-content/<int:id>/rotation/calendar",
        CalendarOfContent.as_view({"get": "calendar"}),
        name="api-content-calendar",
    ),
    path("rotation/<int:id>", ScheduleViewSet.as_view(ONE), name="api-rotation"),
    path(
        "notifications",
        NotificationViewSet.as_view(LIST),
        name="api-notifications",
    ),
    path("notifications/<int:id>", NotificationViewSet.as_view(READ), name="api-notification"),
    path(
        "notifications/<int:id>/resend",
        NotificationViewSet.as_view({"post": "resend"}),
        name="api-notification-resend",
    ),
]
