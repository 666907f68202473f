"""A short way for visitors' events: past all middleware that serves pages, people and forms.

An event has no session, no person, no language and no form; what it passes by would cost more
than storing it. Whatever stands before this in MIDDLEWARE, it goes through.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.urls import Resolver404, URLResolver
from django.urls.resolvers import RegexPattern

PREFIXES = ("/api/analytics/ar-session", "/api/v/visit")


class ShortWay:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.resolver = URLResolver(RegexPattern("^/api/"), "analytics.api.event_urls")

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(PREFIXES):
            return self.get_response(request)
        try:
            match = self.resolver.resolve(request.path_info)
        except Resolver404:
            return self.get_response(request)
        request.resolver_match = match
        response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
        return response
