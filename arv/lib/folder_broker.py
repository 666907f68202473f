"""The broker of a system without Redis: messages are files in a folder.

Kombu's own transport of this kind opens a file under its final name and writes it afterwards, and
takes it by moving it to the system's folder for temporary files, which may be a copy. A worker
that looks in between reads an empty message and stops with it (celery/kombu#1551), and a table of
queues that is read so early stops the sender. Here a file bears a name that is read only once it is
whole, one reader alone can take it, and no thread sends before the table names the queue.
"""

import os
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import filesystem
from kombu.utils.json import dumps, loads

BINDING = threading.Lock()


@contextmanager
def _unnamed(folder: Path, text: str) -> Iterator[Path]:
    """A file with this text, under a name that nobody reads; it does not stay there."""
    part = folder / f"{uuid.uuid4()}.part"
    try:
        part.write_text(text)
        yield part
    finally:
        part.unlink(missing_ok=True)


class Channel(filesystem.Channel):
    # Kombu itself names the second in two ways.
    def _put(self, queue: str, payload: dict[str, Any], **kwargs: Any) -> None:  # type: ignore[override]
        folder = Path(self.data_folder_out)
        message = folder / f"{time.time_ns()}_{uuid.uuid4()}.{queue}.msg"
        try:
            with _unnamed(folder, dumps(payload)) as part:
                part.rename(message)
        except OSError as error:
            raise ChannelError(f"cannot write a message to {folder}") from error

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        """The oldest message that no other reader takes first. Raises Empty."""
        for message in sorted(Path(self.data_folder_in).glob(f"*.{queue}.msg")):
            taken = message.with_suffix(".taken")
            try:
                message.rename(taken)
            except FileNotFoundError:
                continue
            text = taken.read_text()
            taken.unlink()
            return loads(text)
        raise Empty

    def queue_bind(
        self,
        queue: str,
        exchange: str | None = None,
        routing_key: str = "",
        arguments: Any = None,
        **kwargs: Any,
    ) -> None:
        # Kombu notes a binding before it writes it: another thread's message would find none.
        with BINDING:
            try:
                super().queue_bind(queue, exchange, routing_key, arguments, **kwargs)
            except Exception as error:
                # Else it would be taken for done the next time, and the message for sent.
                self.state.binding_delete(queue, exchange or "amq.direct", routing_key)
                raise ChannelError(f"cannot bind {queue}") from error

    def _queue_bind(self, exchange: str, *route: Any) -> None:
        """A table that is there is changed under a lock; only its beginning is not safe."""
        table: Path = self._exchange_file(exchange)  # type: ignore[attr-defined]
        if not table.exists():
            table.parent.mkdir(exist_ok=True)
            with _unnamed(table.parent, "[]") as part, suppress(FileExistsError):
                os.link(part, table)
        super()._queue_bind(exchange, *route)


class Transport(filesystem.Transport):
    Channel = Channel
