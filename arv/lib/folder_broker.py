"""The broker of a system without Redis: messages are files in a folder.

Kombu's own transport of this kind opens a file under its final name and writes it afterwards. A
worker that looks in between takes an empty message and stops with it (celery/kombu#1551), and a
table of queues that is read so early stops the sender. Here a file bears its final name once it
is whole, and no thread sends before the table names the queue.
"""

import contextlib
import os
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import filesystem
from kombu.utils.json import dumps

BINDING = threading.Lock()


class Channel(filesystem.Channel):
    # Kombu itself names the second in two ways.
    def _put(self, queue: str, payload: dict[str, Any], **kwargs: Any) -> None:  # type: ignore[override]
        """Kombu's reader takes the files that end with the queue's name, in the names' order."""
        folder = Path(self.data_folder_out)
        name = f"{time.time_ns()}_{uuid.uuid4()}"
        unfinished = folder / f"{name}.part"
        try:
            unfinished.write_text(dumps(payload))
            unfinished.rename(folder / f"{name}.{queue}.msg")
        except OSError as error:
            raise ChannelError(f"cannot write a message to {folder}") from error

    def queue_bind(self, *names: Any, **options: Any) -> None:
        """Kombu notes a binding before it writes it: another thread's message would find none."""
        with BINDING:
            super().queue_bind(*names, **options)

    def _queue_bind(self, exchange: str, *route: Any) -> None:
        """A table that is there is changed under a lock; only its beginning is not safe."""
        table = Path(self.control_folder) / f"{exchange}.exchange"
        if not table.exists():
            table.parent.mkdir(exist_ok=True)
            unfinished = table.with_name(f"{uuid.uuid4()}.part")
            unfinished.write_text("[]")
            with contextlib.suppress(FileExistsError):
                os.link(unfinished, table)
            unfinished.unlink()
        super()._queue_bind(exchange, *route)


class Transport(filesystem.Transport):
    Channel = Channel
