"""A loopback server with the part of the hub's API that an upload uses, and an environment that leads there."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

TOKEN = "hf_" + "x" * 34


@dataclass
class Hub:
    """What the server holds: repository -> its files, and what arrived. `refuse`: path of the API -> status."""

    url: str = ""
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    created: list[dict[str, Any]] = field(default_factory=list)
    commits: list[str] = field(default_factory=list)
    requests: list[tuple[str, str, str]] = field(default_factory=list)  # method, path, authorization
    refuse: dict[str, int] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)

    def environment(self, folder: Path, token: str | None = TOKEN) -> dict[str, str]:
        """The variables of a process that uploads here, with a store of its own in `folder`."""
        home = folder / "hf-home"
        home.mkdir(exist_ok=True)
        if token:
            (home / "token").write_text(token)
        return {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home),
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "NO_PROXY": "127.0.0.1",
            "HF_TOKEN": "",
        }


@contextmanager
def serving() -> Iterator[Hub]:
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def answer(self, value: Any = None, status: int = 200, content: bytes | None = None, **headers: str) -> None:
            data = content if content is not None else json.dumps(value).encode()
            self.send_response(status)
            for name, text in headers.items():
                self.send_header(name.replace("_", "-"), text)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def body(self) -> bytes:
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def handle_request(self) -> None:
            path, data = urlsplit(self.path).path, self.body()
            hub.requests.append((self.command, path, self.headers.get("Authorization") or ""))
            for part, status in hub.refuse.items():
                if part in path:
                    self.answer({"error": f"no {part} for you"}, status, X_Error_Message=f"no {part} for you")
                    return
            route(self, path, data)

        do_GET = do_POST = do_PUT = do_HEAD = handle_request  # noqa: N815 - the names of http.server

    def route(self: Handler, path: str, data: bytes) -> None:
        if path == "/api/whoami-v2":
            self.answer({"name": "jane", "type": "user"})
        elif path == "/api/validate-yaml":
            self.answer({"errors": [], "warnings": []})
        elif path == "/api/repos/create":
            wish = json.loads(data)
            name = f"{wish['organization']}/{wish['name']}"
            hub.created.append(wish)
            hub.files.setdefault(name, {})
            self.answer({"url": f"{hub.url}/{'spaces/' * (wish.get('type') == 'space')}{name}", "name": name})
        elif path.count("/") == 4 and path.startswith("/api/"):
            name = "/".join(path.split("/")[3:])
            if name in hub.files:
                self.answer({"id": name, "private": hub.created[0].get("visibility") == "private"})
            else:
                self.answer({"error": "none"}, 404, X_Error_Code="RepoNotFound")
        elif path.endswith("/preupload/main"):
            files = [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if file["path"].endswith(".safetensors") else "regular",
                    "shouldIgnore": False,
                }
                for file in json.loads(data)["files"]
            ]
            self.answer({"files": files})
        elif path.endswith("/info/lfs/objects/batch"):
            objects = [
                {**item, "actions": {"upload": {"href": f"{hub.url}/lfs/{item['oid']}"}}}
                for item in json.loads(data)["objects"]
            ]
            self.answer({"transfer": "basic", "objects": objects})
        elif path.startswith("/lfs/"):
            assert hashlib.sha256(data).hexdigest() == path.removeprefix("/lfs/")
            hub.blobs[path.removeprefix("/lfs/")] = data
            self.answer({})
        elif path.endswith("/commit/main"):
            name = "/".join(path.split("/")[3:5])
            for line in map(json.loads, data.splitlines()):
                value = line["value"]
                if line["key"] == "header":
                    hub.commits.append(value["summary"])
                elif line["key"] == "file":
                    hub.files[name][value["path"]] = base64.b64decode(value["content"])
                elif line["key"] == "lfsFile":
                    hub.files[name][value["path"]] = hub.blobs[value["oid"]]
            self.answer({"success": True, "commitOid": "0" * 40, "commitUrl": f"{hub.url}/{name}/commit/{'0' * 40}"})
        elif "/resolve/" in path:
            name, _, file = path.removeprefix("/spaces").strip("/").partition("/resolve/")
            content = hub.files.get(name, {}).get(file.partition("/")[2])
            if content is None:
                code = "EntryNotFound" if name in hub.files else "RepoNotFound"
                self.answer({"error": code}, 404, X_Error_Code=code)
            else:
                tag = f'"{hashlib.sha256(content).hexdigest()}"'
                self.answer(content=content, ETag=tag, X_Repo_Commit="0" * 40)
        else:
            self.answer({"error": f"no route {path}"}, 500)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
