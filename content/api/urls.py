from django.urls import path
from rest_framework.parsers import MultiPartParser

from companies.api.routes import LIST, LIST_AND_CREATE, ONE, READ
from content.api import views
from content.api.contents import ContentByUniqueId, ContentsOfProject, ContentViewSet
from content.api.portraits import PortraitViewSet

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
]
