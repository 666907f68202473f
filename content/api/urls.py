from django.urls import path

from content.api import views

urlpatterns = [
    path("ar/<str:unique_id>/active-video", views.ActiveVideoView.as_view(), name="active-video"),
    path("ar/<str:unique_id>/content", views.ContentView.as_view(), name="public-content"),
]
