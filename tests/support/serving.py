"""The page as users have it: the command `origin ui` in a process of its own."""

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from commands import Origin


class Page:
    """A page that is served.

    Args:
        process: what serves it.
        address: as the command printed it.
    """

    def __init__(self, process: "subprocess.Popen[str]", address: str) -> None:
        self.process, self.address = process, address
        parts = urlsplit(address)
        self.port, self.query = parts.port or 0, parts.query
        self.base = f"http://127.0.0.1:{self.port}"

    def get(self, path: str = "/", method: str = "GET", **headers: str) -> HTTPResponse:
        """The answer to a request, made by hand; its body is read."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, headers=named)
            answer = connection.getresponse()
            answer.text = answer.read().decode()  # type: ignore[attr-defined]
            return answer
        finally:
            connection.close()

    def stop(self) -> tuple[int, str]:
        """Press Ctrl-C; gives the exit code and what was complained of."""
        self.process.send_signal(signal.SIGINT)
        _, complaints = self.process.communicate(timeout=30)
        return self.process.returncode, complaints


@contextmanager
def served(database: Path, *options: str) -> Iterator[Page]:
    """The page of a database, at a port that is free."""
    process = Origin(database.parent).begun(
        "ui", "--no-open", "--port", 0, "--path", database, *options
    )
    try:
        assert process.stdout is not None
        said: Any = re.search(r"http://\S+", process.stdout.readline())
        assert said, process.communicate(timeout=30)
        yield Page(process, said.group())
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=30)
