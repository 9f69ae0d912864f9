"""Runs what `python ARGUMENTS...` runs, and ends it when its parent does: `python tether.py PARENT-PID ARGUMENTS...`.

A Ray worker that is killed cannot end its stage's process, which would go on writing where the next attempt writes. Linux
ends it (PR_SET_PDEATHSIG); elsewhere it just runs. Imports nothing of ours: it is there to start fast.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def tie() -> None:
    """From now on this process gets SIGTERM, which torchrun hands on to its ranks, when its parent ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


if __name__ == "__main__":
    tie()
    if os.getppid() != int(sys.argv[1]):
        sys.exit("the parent is gone")
    os.execv(sys.executable, [sys.executable, *sys.argv[2:]])  # noqa: S606 - a stage's command, made in `Climb.execute`
