"""What is fixed of the API's frameworks, whatever the environment says."""

from typing import Any

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "companies.api.authentication.ApiTokenAuthentication",
        "companies.api.authentication.SessionAuthentication",
    ],
    # Default-deny: a public view says so itself.
    "DEFAULT_PERMISSION_CLASSES": ["companies.api.permissions.DeclaredRole"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "companies.api.schema.ArvSchema",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "companies.api.errors.exception_handler",
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "ARV",
    "SCHEMA_PATH_PREFIX": "/api",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "companies.api.schema.introduce",
        "analytics.api.description.describe_events",
    ],
    "GET_LIB_DOC_EXCLUDES": "companies.api.schema.documented_elsewhere",
    # The interface comes from this server, as everything else.
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None},
    "ENUM_NAME_OVERRIDES": {
        "DeliveryStateEnum": "content.models.DeliveryState",
        "ProjectStatusEnum": "companies.models.ProjectStatus",
        "RotationTypeEnum": "content.models.RotationType",
        "VideoStatusEnum": "content.models.VideoStatus",
    },
}
