"""An OpenAI-compatible server on loopback whose answers a test decides."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Reply:
    """An answer that is no plain text: any status, any bytes, any headers; `drip`: seconds before each byte."""

    data: bytes = b""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    phrase: str | None = None
    drip: float = 0.0


@dataclass
class Served:
    """What the server got: bodies and headers, and the largest number of requests at one time."""

    url: str = ""
    bodies: list[dict] = field(default_factory=list)
    headers: list[Message] = field(default_factory=list)
    running: int = 0
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def prompt_of(body: dict) -> str:
    return body["messages"][0]["content"] if "messages" in body else body["prompt"]


@contextmanager
def serving(
    answer: Callable[[dict], str | int | dict | Reply], delay: float = 0.0, models: tuple[str, ...] = ("m",)
) -> Iterator[Served]:
    """`answer(body)` is the text of a response, an HTTP status to fail with, a whole answer as JSON, or a Reply."""
    served = Served()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def reply(self, status: int, content: object) -> None:
            self.send(Reply(json.dumps(content).encode(), status))

        def send(self, reply: Reply) -> None:
            data = reply.data
            self.send_response(reply.status, reply.phrase)
            for name, value in reply.headers:
                self.send_header(name, value)
            if "Content-Length" in dict(reply.headers):
                self.close_connection = True  # more was promised than comes
            else:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            with suppress(BrokenPipeError, ConnectionResetError):  # a client that did not wait so long
                for piece in [data[i : i + 1] for i in range(len(data))] if reply.drip else [data]:
                    time.sleep(reply.drip)
                    self.wfile.write(piece)

        def do_GET(self) -> None:
            self.reply(200, {"data": [{"id": name} for name in models]})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with served.lock:
                served.bodies.append(body)
                served.headers.append(self.headers)
                served.running += 1
                served.most = max(served.most, served.running)
            time.sleep(delay)
            content = answer(body)
            with served.lock:
                served.running -= 1
            if isinstance(content, Reply):
                self.send(content)
            elif isinstance(content, dict):
                self.reply(200, content)
            elif isinstance(content, int):
                self.reply(
                    content, {"error": {"message": f"not today, {self.headers.get('Authorization', 'stranger')}"}}
                )
            elif self.path.endswith("/chat/completions"):
                self.reply(200, {"choices": [{"message": {"content": content}, "finish_reason": "stop"}]})
            else:
                self.reply(200, {"choices": [{"text": content, "finish_reason": "length"}]})

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
