"""Which method calls which action: the same everywhere."""

from typing import Any

READ: dict[str, Any] = {"get": "retrieve"}
LIST: dict[str, Any] = {"get": "list"}
LIST_AND_CREATE: dict[str, Any] = {"get": "list", "post": "create"}
READ_AND_DELETE: dict[str, Any] = {"get": "retrieve", "delete": "destroy"}
ONE: dict[str, Any] = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
