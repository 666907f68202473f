"""`/api/schema` and `/api/docs`: for anyone, because they show no company's rows."""

from functools import lru_cache
from typing import Any

from csp.constants import NONE, SELF
from csp.decorators import csp_replace
from django.utils import translation
from django.utils.decorators import method_decorator
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from arv.api import PublicThrottle

# The interface has pictures inside its style sheet, and loads its settings as a script.
DOCS_CSP: dict[str, Any] = {
    "default-src": [NONE],
    "script-src": [SELF],
    "connect-src": [SELF],
    "style-src": [SELF],
    "img-src": [SELF, "data:"],
    "base-uri": [NONE],
    "form-action": [NONE],
    "frame-ancestors": [NONE],
}


@lru_cache
def _described(language: str | None) -> Any:
    with translation.override(language):
        return SchemaGenerator().get_schema(public=True)


class KeptSchema(SchemaGenerator):
    """Described once in a process and language: it takes a second, and anyone may ask."""

    def get_schema(self, request: Any = None, public: bool = False) -> Any:
        return _described(translation.get_language())


class SchemaView(SpectacularAPIView):
    generator_class = KeptSchema
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (PublicThrottle,)


@method_decorator(csp_replace(DOCS_CSP), name="dispatch")
class DocsView(SpectacularSwaggerSplitView):
    template_name = "api/docs.html"
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (PublicThrottle,)

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response: Response = super().get(request, *args, **kwargs)
        return response
