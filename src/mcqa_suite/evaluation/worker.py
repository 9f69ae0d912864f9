"""Evaluate one checkpoint after another: `python -m mcqa_suite.evaluation.worker`.

Each line of standard input is a JSON object with the arguments of `evaluate_checkpoint.evaluate`; its answer is the line
{"exit_code": N} on standard output, where N is the exit code of `evaluate_checkpoint`. Everything that an evaluation prints goes
to standard error. The process ends when its standard input is closed, even during an evaluation.
"""

from __future__ import annotations

import gc
import json
import os
import queue
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

from mcqa_suite.backend import loglik_cache
from mcqa_suite.common.errors import McqaError
from mcqa_suite.common.locks import write_lock
from mcqa_suite.common.offline import stay_offline_if_cut_off
from mcqa_suite.common.output import print_error
from mcqa_suite.evaluation.evaluate_checkpoint import evaluate


def main() -> None:
    answers = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    loglik_cache.switch_on()
    stay_offline_if_cut_off()  # before anything imports huggingface_hub
    requests: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=read_requests, args=(requests,), daemon=True).start()
    while True:
        answer = {"exit_code": exit_code(requests.get())}
        sys.stdout.flush()
        os.write(answers, json.dumps(answer).encode() + b"\n")


def read_requests(requests: queue.Queue[dict[str, Any]]) -> None:
    """Queue the requests; end this process at once when the parent process closes standard input."""
    for line in sys.stdin:
        requests.put(json.loads(line))
    os._exit(0)


def exit_code(request: dict[str, Any]) -> int:
    """Evaluate one checkpoint; return 0, 2 for an error that a user can fix, or 1 for any other, after its traceback."""
    output = Path(request["output"])
    try:
        with write_lock(output):
            evaluate(**request | {"output": output})
    except McqaError as error:
        print_error(error)
        return 2
    except Exception:
        traceback.print_exc()
        return 1
    finally:
        release_memory()  # the next stage may train and need the memory
    return 0


def release_memory() -> None:
    """Free the model of the last evaluation, also on its GPU, and reset the measured peak (on Linux and CUDA)."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch and torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # sets VmHWM to the present size


if __name__ == "__main__":
    main()
