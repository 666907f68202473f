"""The Celery application. Rows are the queue of record; a message is only a wake-up."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "arv.settings")

app = Celery("arv")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
