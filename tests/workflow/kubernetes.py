"""Stand in for the interface of a Kubernetes cluster: jobs run as processes of this machine."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml


class Cluster:
    """Jobs by name: what was asked for, and the process that does it."""

    def __init__(self, workdir: Path) -> None:
        self.workdir = workdir
        self.asked: dict[str, dict[str, Any]] = {}
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.deleted: list[str] = []

    def start(self, job: dict[str, Any]) -> None:
        """Do what the container of a job would."""
        name, container = job["metadata"]["name"], job["spec"]["template"]["spec"]["containers"][0]
        self.asked[name] = container
        command = [*container["command"], *container["args"]]
        with (self.workdir / f"{name}.log").open("wb") as log:
            self.running[name] = subprocess.Popen(
                command, cwd=self.workdir, stdout=log, stderr=subprocess.STDOUT
            )

    def status(self, name: str) -> dict[str, int]:
        """Tell how a job does, as the cluster would."""
        code = self.running[name].poll()
        return {"active": 1} if code is None else {"succeeded" if code == 0 else "failed": 1}


def _handler(cluster: Cluster) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_args: object) -> None:
            pass

        def _answer(self, tree: dict[str, Any], code: int = 200) -> None:
            body = json.dumps(tree).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            tree = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path.split("?")[0].endswith("/jobs"):
                cluster.start(tree)
            self._answer(tree, 201)

        def do_GET(self) -> None:
            parts = self.path.split("?")[0].split("/")
            if parts[-1] == "pods":
                self._answer({"kind": "PodList", "items": []})
            elif parts[-1] == "status" and parts[-2] in cluster.asked:
                self._answer({"kind": "Job", "status": cluster.status(parts[-2])})
            else:
                self._answer({"kind": "Status", "code": 404}, 404)

        def do_DELETE(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            cluster.deleted.append(self.path.split("?")[0].rsplit("/", 1)[1])
            self._answer({"kind": "Status", "status": "Success"})

    return Handler


@contextmanager
def kubernetes(folder: Path) -> Iterator[tuple[Cluster, Path]]:
    """Serve a cluster on this machine; gives it and the file that tells clients where it is."""
    cluster = Cluster(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(cluster))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    name = "here"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [
            {"name": name, "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}
        ],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "users": [{"name": name, "user": {}}],
    }
    path = folder / "kube.yml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    try:
        yield cluster, path
    finally:
        server.shutdown()
        server.server_close()
