"""A short way for visitors' events: past all middleware that serves pages, people and forms.

An event has no session, no person, no language and no form; what it passes by would cost more
than storing it. Nor is it sent elsewhere for HTTPS: a redirected POST becomes a GET and is lost.
"""

from collections.abc import Callable
from functools import lru_cache

from django.http import HttpRequest, HttpResponseBase
from django.urls import Resolver404, URLResolver
from django.urls.resolvers import RegexPattern

PREFIXES = ("/api/analytics/ar-session", "/api/v/visit")


class ShortWay:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        resolver = URLResolver(RegexPattern("^/api/"), "analytics.api.event_urls")
        # Half of the events go to one path.
        self.resolve = lru_cache(maxsize=256)(resolver.resolve)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(PREFIXES):
            return self.get_response(request)
        try:
            match = self.resolve(request.path_info)
        except Resolver404:
            return self.get_response(request)
        request.resolver_match = match
        response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response
