"""Many senders and readers at one folder: nothing is read before it is written whole."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from kombu import Connection
from kombu.simple import SimpleQueue
from kombu.transport.virtual import BrokerState

from arv.lib.folder_broker import Transport

MESSAGES = 400


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

    def send(first: int) -> None:
        with Connection("folder://localhost", transport_options=folders) as connection:
            queue = connection.SimpleQueue("default")
            for number in range(first, first + MESSAGES):
                queue.put(number)

    def read() -> None:
        options = {**folders, "polling_interval": 0.001}
        with Connection("folder://localhost", transport_options=options) as connection:
            got.extend(numbers(connection.SimpleQueue("default")))

    threads = [threading.Thread(target=send, args=(i * MESSAGES,)) for i in range(2)]
    threads += [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == list(range(2 * MESSAGES))
    assert not list(Path(folders["data_folder_in"]).iterdir())


def test_messages_are_read_in_the_order_they_were_sent(folders: dict[str, str]) -> None:
    with Connection("folder://localhost", transport_options=folders) as connection:
        queue = connection.SimpleQueue("default")
        for number in range(20):
            queue.put(number)
        assert list(numbers(queue)) == list(range(20))
