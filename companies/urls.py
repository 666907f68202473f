from django.urls import path

from companies.media import media

urlpatterns = [path("media/<path:name>", media, name="media")]
