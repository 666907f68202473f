from django.urls import path

from content import views

urlpatterns = [
    path("privacy", views.privacy, name="privacy"),
    path("ar/<str:unique_id>", views.ar_page, name="ar-page"),
    path("ar/<str:unique_id>/renewal", views.renewal, name="ar-renewal"),
    path("ar/<str:unique_id>/privacy", views.privacy, name="ar-privacy"),
]
