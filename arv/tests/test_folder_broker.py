"""Many senders and readers at one folder: nothing is read before it is written whole."""

import errno
import json
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection
from kombu.exceptions import ChannelError
from kombu.simple import SimpleQueue
from kombu.transport import filesystem
from kombu.transport.virtual import BrokerState

from arv.lib.folder_broker import Channel, Transport

MESSAGES = 200
SECONDS = 10


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    # A process remembers which queues it has bound, whatever the folder.
    monkeypatch.setattr(Transport, "global_state", BrokerState())
    queue, control = tmp_path / "queue", tmp_path / "control"
    queue.mkdir()
    return {
        "data_folder_in": str(queue),
        "data_folder_out": str(queue),
        "control_folder": str(control),
    }


@pytest.fixture
def queue_of_one(folders: dict[str, str]) -> Iterator[SimpleQueue]:
    with Connection("folder://localhost", transport_options=folders) as connection:
        yield connection.SimpleQueue("default")


def files(folders: dict[str, str]) -> list[Path]:
    return list(Path(folders["data_folder_in"]).iterdir())


def send(folders: dict[str, str], *numbers: int) -> None:
    with Connection("folder://localhost", transport_options=folders) as connection:
        queue = connection.SimpleQueue("default")
        for number in numbers:
            queue.put(number)


def numbers(queue: SimpleQueue) -> Iterator[int]:
    while True:
        try:
            message = queue.get(timeout=2)
        except queue.Empty:
            return
        message.ack()
        yield message.payload


def test_readers_take_each_message_once_and_whole(folders: dict[str, str]) -> None:
    got: list[int] = []

    def read() -> None:
        options = {**folders, "polling_interval": 0.001}
        with Connection("folder://localhost", transport_options=options) as connection:
            got.extend(numbers(connection.SimpleQueue("default")))

    halves = (range(MESSAGES), range(MESSAGES, 2 * MESSAGES))
    threads = [threading.Thread(target=send, args=(folders, *half)) for half in halves]
    threads += [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == list(range(2 * MESSAGES))
    assert files(folders) == []


def test_messages_are_read_in_the_order_they_were_sent(
    folders: dict[str, str], queue_of_one: SimpleQueue
) -> None:
    send(folders, *range(20))
    assert list(numbers(queue_of_one)) == list(range(20))


def test_a_message_is_not_there_before_it_is_whole(
    queue_of_one: SimpleQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def write_slowly(path: Path, text: str) -> None:
        with path.open("w") as file:
            for half in (text[: len(text) // 2], text[len(text) // 2 :]):
                seen.append(queue_of_one.qsize())
                file.write(half)
                file.flush()
            seen.append(queue_of_one.qsize())

    monkeypatch.setattr(Path, "write_text", write_slowly)
    queue_of_one.put(1)
    assert seen[-3:] == [0, 0, 0]
    assert queue_of_one.qsize() == 1


def test_a_message_is_taken_within_its_folder(
    folders: dict[str, str], queue_of_one: SimpleQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one may be on another disk, and moving there a copy that others see half done."""
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    queue_of_one.put(1)
    assert list(numbers(queue_of_one)) == [1]
    assert files(folders) == []


def test_a_table_of_queues_is_whole_from_its_beginning(
    folders: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tables: list[Any] = []
    lock = filesystem.lock

    def look_first(file: Any, flags: int) -> None:
        tables.append(json.loads(Path(file.name).read_text()))
        lock(file, flags)

    monkeypatch.setattr(filesystem, "lock", look_first)
    send(folders, 1)
    assert tables[0] == []
    assert tables[-1] == [["default", "", "default"]]


def test_no_thread_sends_before_the_table_names_the_queue(
    folders: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    bind = Channel._queue_bind

    def bind_slowly(channel: Channel, exchange: str, *route: Any) -> None:
        begun.set()
        assert go_on.wait(SECONDS)
        bind(channel, exchange, *route)

    monkeypatch.setattr(Channel, "_queue_bind", bind_slowly)
    threads = [threading.Thread(target=send, args=(folders, number)) for number in range(2)]
    threads[0].start()
    assert begun.wait(SECONDS)
    threads[1].start()
    threads[1].join(0.3)
    assert threads[1].is_alive()
    go_on.set()
    for thread in threads:
        thread.join(SECONDS)
    assert len(files(folders)) == 2


def test_what_cannot_be_written_is_an_error_and_leaves_nothing(
    folders: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill_the_disk(path: Path, text: str) -> None:
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    send(folders, 1)
    monkeypatch.setattr(Path, "write_text", fill_the_disk)
    with pytest.raises(ChannelError):
        send(folders, 2)
    assert [file.suffix for file in files(folders)] == [".msg"]


def test_a_queue_that_could_not_be_bound_is_bound_the_next_time(folders: dict[str, str]) -> None:
    control = Path(folders["control_folder"])
    control.write_text("no folder")
    with pytest.raises(ChannelError):
        send(folders, 1)
    assert files(folders) == []
    control.unlink()
    send(folders, 2)
    assert len(files(folders)) == 1
