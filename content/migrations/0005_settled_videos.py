from typing import Any

from django.db import migrations
from django.db.models import F


def settle(apps: Any, schema_editor: Any) -> None:
    """What was uploaded before had to be playable as it was, and chosen by staff."""
    database = schema_editor.connection.alias
    videos = apps.get_model("content", "Video").objects.using(database)
    videos.exclude(video="").update(status="ready", progress=100)
    contents = apps.get_model("content", "ARContent").objects.using(database)
    contents.exclude(active_video=None).update(chosen_video=F("active_video"))


class Migration(migrations.Migration):
    dependencies = [("content", "0004_playback")]

    operations = [migrations.RunPython(settle, migrations.RunPython.noop)]
