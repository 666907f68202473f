"""Threads with database connections of their own, which start together."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection as database

PATIENCE_SECONDS = 60


def meeting_point(threads: int) -> threading.Barrier:
    """Where that many threads wait for each other, and then all go on."""
    return threading.Barrier(threads, timeout=PATIENCE_SECONDS)


def meeting_once(threads: int) -> Callable[[], None]:
    """As above, but a thread that comes again does not wait."""
    everybody, came = meeting_point(threads), threading.local()

    def meet() -> None:
        if not hasattr(came, "before"):
            came.before = True
            everybody.wait()

    return meet


def in_parallel(works: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run each in a thread of its own; gives their results, or what they raised, in order."""
    results: list[Any] = [None] * len(works)
    start = meeting_point(len(works))

    def run(number: int) -> None:
        try:
            start.wait()
            results[number] = works[number]()
        except Exception as error:
            results[number] = error
        finally:
            database.close()

    threads = [threading.Thread(target=run, args=[number]) for number in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=2 * PATIENCE_SECONDS)
    assert not any(thread.is_alive() for thread in threads)
    return results
