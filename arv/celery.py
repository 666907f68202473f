"""The Celery application. Rows are the queue of record; a message is only a wake-up.

A message carries the id of the request that sent it, so that the lines of both are found together.
"""

import os
from typing import Any

from celery import Celery, Task, signals
from kombu.transport import TRANSPORT_ALIASES

from arv.logging import bind, current, unbind

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "arv.settings")

TRANSPORT_ALIASES["folder"] = "arv.lib.folder_broker:Transport"

app = Celery("arv")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.setup_logging.connect
def leave_logging_to_django(**_settings: Any) -> None:
    """Celery sets its own up only where nobody listens to this."""


@signals.before_task_publish.connect
def hand_on_request_id(headers: dict[str, Any], **_message: Any) -> None:
    if request_id := current("request_id"):
        headers["request_id"] = request_id


@signals.task_prerun.connect
def bind_ids(task_id: str, task: Task[..., Any], **_call: Any) -> None:
    unbind()
    bind(task_id=task_id, task=task.name)
    if request_id := getattr(task.request, "request_id", None):
        bind(request_id=request_id)


@signals.task_postrun.connect
def forget_ids(**_call: Any) -> None:
    unbind()
