"""What notices that a file was opened, an address called, or a process left behind."""

import ctypes
import os
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_IN_OPEN, _IN_NONBLOCK = 0x20, 0o4000
_EVENT = struct.Struct("iIII")


class Openings:
    """The kernel's own account (inotify) of who opens a file, this process included."""

    def __init__(self, path: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = libc.inotify_init1(_IN_NONBLOCK)
        watched = libc.inotify_add_watch(self._descriptor, os.fsencode(path), _IN_OPEN)
        if min(self._descriptor, watched) < 0:
            raise OSError(ctypes.get_errno(), "inotify")

    def count(self) -> int:
        """How often it was opened since the last call."""
        try:
            events = os.read(self._descriptor, 64 * 1024)
        except BlockingIOError:
            return 0
        return len(events) // _EVENT.size

    def close(self) -> None:
        os.close(self._descriptor)


class Listener:
    """A loopback address that counts who calls."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.calls = 0
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                call, _address = self._socket.accept()
            except OSError:
                return
            self.calls += 1
            call.close()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


def children(pid: int | str = "self") -> set[int]:
    """The processes that a process has started and that are still there, zombies included.

    By thread: a child that follows a dead one may be another thread's.
    """
    while True:
        try:
            return {
                int(child)
                for listing in Path(f"/proc/{pid}/task").glob("*/children")
                for child in listing.read_text().split()
            }
        except (FileNotFoundError, ProcessLookupError):
            # A thread has ended meanwhile, and its children have gone to another one.
            continue


@contextmanager
def nothing_left(folder: Path) -> Iterator[None]:
    """AssertionError when a process or something in the temporary folder stays behind."""
    before = children()
    yield
    assert children() <= before
    assert list(folder.iterdir()) == []
