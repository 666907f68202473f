"""A mail server and Telegram on this machine, which answer as a test tells them to."""

import contextlib
import json
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HANG, DROP = "hang", "drop"
TOKEN = "123456:AAE-secret_of_the_tests"


@dataclass
class Outside:
    """What a server took, and what it answers next; with an empty script it takes everything.

    `wait` is over when the server has got as far as to hang.
    """

    address: tuple[str, int]
    script: list[Any] = field(default_factory=list)
    letters: list[bytes] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    hangs: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://{self.address[0]}:{self.address[1]}"

    @property
    def mails(self) -> list[Message]:
        return [message_from_bytes(letter) for letter in self.letters]

    @property
    def message_ids(self) -> list[str]:
        return [str(mail["Message-ID"]) for mail in self.mails]

    def next(self, stage: str, usual: Any) -> Any:
        """The answer at this stage of a conversation: the script's, if that is what comes next."""
        if self.script and self.script[0][0] == stage:
            answer = self.script.pop(0)[1]
            if answer == HANG:
                self.hangs.set()
                self.released.wait(30)
                return DROP
            return answer
        return usual


class _Mail(socketserver.StreamRequestHandler):
    """Stages: CONNECT, RCPT, DATA, and END after a letter."""

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):
            self.converse()

    def converse(self) -> None:
        if not self.say("CONNECT", "220 ready"):
            return
        for line in self.rfile:
            verb = line[:4].upper().decode().strip()
            if verb == "QUIT":
                self.say(verb, "221 bye")
                return
            if not self.say(verb, "354 go on" if verb == "DATA" else "250 ok"):
                return
            if verb == "DATA":
                outside(self).letters.append(b"".join(iter(self.rfile.readline, b".\r\n")))
                if not self.say("END", "250 taken"):
                    return

    def say(self, stage: str, usual: str) -> bool:
        answer = outside(self).next(stage, usual)
        if answer == DROP:
            return False
        self.wfile.write(answer.encode() + b"\r\n")
        return True


class _Telegram(BaseHTTPRequestHandler):
    """One stage, POST; an answer is (status, body, headers)."""

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        outside(self).calls.append((self.path, json.loads(self.rfile.read(length))))
        known = self.path == f"/bot{TOKEN}/sendMessage"
        usual: Any = (200, {"ok": True}, {}) if known else (404, refused("Not Found"), {})
        answer = outside(self).next("POST", usual)
        if answer == DROP:
            self.close_connection = True
            return
        status, body, headers = answer
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        with contextlib.suppress(ConnectionError):
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, *words: Any) -> None:
        """Not to the standard error."""


def refused(description: str, **parameters: Any) -> dict[str, Any]:
    return {"ok": False, "description": description, "parameters": parameters}


def outside(handler: socketserver.BaseRequestHandler) -> Outside:
    server: Any = handler.server
    found: Outside = server.outside
    return found


@contextlib.contextmanager
def served(
    server: socketserver.ThreadingMixIn | socketserver.TCPServer, script: Any
) -> Iterator[Outside]:
    running: Any = server
    with running:
        running.daemon_threads = True
        running.outside = Outside(running.server_address, script=list(script))
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield running.outside
        finally:
            running.outside.released.set()
            running.shutdown()
            thread.join()


@contextlib.contextmanager
def mail_server(*script: tuple[str, Any]) -> Iterator[Outside]:
    with served(socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Mail), script) as found:
        yield found


@contextlib.contextmanager
def telegram(*script: Any) -> Iterator[Outside]:
    answers = [("POST", answer) for answer in script]
    with served(ThreadingHTTPServer(("127.0.0.1", 0), _Telegram), answers) as found:
        yield found
