"""`mcqa` on a pseudo-terminal."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path


class Terminal:
    """A running command, whose keys a test presses."""

    def __init__(self, words: list[str], folder: Path | None = None, **environment: str) -> None:
        master, slave = pty.openpty()
        command = [sys.executable, "-m", "mcqa_suite.cli.main", *words]
        env = {**os.environ, **environment}
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, close_fds=True, cwd=folder, env=env
        )
        os.close(slave)
        self.master = master

    def press(self, key: str) -> str:
        """Wait for the keys to be explained, press one, and return what was shown."""
        shown = self.until("q: quit")
        os.write(self.master, key.encode())
        return shown

    def until(self, words: str) -> str:
        shown, deadline = "", time.monotonic() + 60
        while words not in shown:
            assert time.monotonic() < deadline, shown
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    shown += os.read(self.master, 65536).decode(errors="replace")
                except OSError:
                    break
        return shown

    def rest(self) -> str:
        """What is shown until the command ends."""
        shown = self.until("\0")
        assert self.end() == 0, shown
        return shown.replace("\r\n", "\n")

    def end(self) -> int:
        code = self.process.wait(60)
        os.close(self.master)
        return code
