"""The reader's language, for pages that have one."""

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.locale import LocaleMiddleware


class LanguageMiddleware(LocaleMiddleware):
    """Stored files speak no language: `Vary: Accept-Language` would only split caches."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if request.path_info.startswith(settings.MEDIA_URL):
            return response
        return super().process_response(request, response)
