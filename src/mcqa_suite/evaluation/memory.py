"""Measure the peak memory of each evaluation of a process, and free memory between them."""

from __future__ import annotations

import gc
import re
import resource
import sys
from contextlib import suppress
from pathlib import Path


def release_memory() -> None:
    """Free the model of the last evaluation, also on its GPU, and reset the measured peak (on Linux and CUDA)."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch and torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # sets VmHWM to the present size


def peak_memory_mb() -> float:
    """The largest resident size of this process, or of its tensors on its GPU where one is used."""
    import torch

    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated()) / 2**20
    with suppress(OSError):
        if peak := re.search(
            r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"), re.MULTILINE
        ):
            return int(peak[1]) / 2**10
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size / (2**20 if sys.platform == "darwin" else 2**10)
