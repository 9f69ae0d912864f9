"""A step's process: its progress, its log, its environment and its errors."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from mcqa_suite.common.errors import StageError
from mcqa_suite.common.system_errors import explain_system
from mcqa_suite.ladder.process import last_error, progress_of, run_process

# The end of what torchrun prints where one of its processes is killed.
TORCHRUN = """
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
=======================================================
sft.py FAILED
-------------------------------------------------------
Root Cause (first observed failure):
[0]:
  rank      : 1 (local_rank: 1)
  exitcode  : -9 (pid: 4711)
  traceback : Signal 9 (SIGKILL) received by PID 4711
=======================================================
"""

# Lines that GPTQModel 7.7 printed for a model of three layers, 80 columns wide.
GPTQ = """
Loading checkpoint tensors (9) mlp.gate_proj.weight: 5/9    | 0:00:00 / 0:00:00
[0 of 3] ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░| 0:00:00 / 0:00:00 [0/3] 0.0%
Quantizing layer 0 of 2 [0 of 2] █████▎░░░░░░░░░░| 0:00:00 / 0:00:00 [1/3] 33.3%
[0 of 128] ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░| 0:00:00 / 0:00:00 [0/128] 0.0%
Forward cached inputs (Pre model.layers.0) Batch 16/16 rows 128 | 0:00:00 / 0:00
Loading checkpoint tensors (1) weight: 1/1     █| 0:00:00 / 0:00:00 [1/1] 100.0%
Quantizing layer 1 of 2              [1 of 2] ██░| 0:00:00 / 0:00:00 [2/3] 66.7%
Quantizing layer 2 of 2              [2 of 2] ██| 0:00:01 / 0:00:01 [3/3] 100.0%
INFO  | Capture ... | 1     | 0.051  | 0.051 | 0.051   | 100.0% | cache_inp... |
"""


def run_script(script: str, log: Path, environment: dict[str, str] | None = None) -> None:
    run_process([sys.executable, "-c", script], log, "sft", "[1/2] sft", environment or {})


def test_progress_bars_are_shown_and_other_output_goes_only_to_the_log(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("mcqa_suite.ladder.process.SECONDS_BETWEEN_LINES", -1.0)
    script = "import sys; print('loading'); sys.stderr.write('\\r 10%|#   | 1/10\\r100%|####| 10/10\\n')"
    run_script(script, tmp_path / "x.log")
    shown = capsys.readouterr().err
    assert "[1/2] sft  100%|####| 10/10" in shown
    assert "loading" not in shown
    assert "loading" in (tmp_path / "x.log").read_text()


def test_a_file_gets_a_line_of_progress_only_now_and_then(tmp_path, capsys):
    run_script("import sys; [sys.stderr.write(f'\\r {i}%|#   | {i}/100') for i in range(100)]", tmp_path / "x.log")
    assert capsys.readouterr().err == ""


def test_the_progress_of_a_gptq_stage_is_its_layers_and_no_inner_loop():
    shown = [text for line in GPTQ.splitlines() if (text := progress_of(line))]
    assert shown == ["0 of 3 layers quantised", "1 of 3 layers quantised", "2 of 3 layers quantised"]
    assert last_error(GPTQ.partition("INFO")[0]) == ""


def test_the_callers_variables_win_over_ours(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    script = "import os; print(os.environ['OMP_WAIT_POLICY'], os.environ['OMP_NUM_THREADS'])"
    run_script(script, tmp_path / "x.log", {"OMP_NUM_THREADS": "3"})
    assert (tmp_path / "x.log").read_text() == "ACTIVE 3\n"


def test_a_log_on_a_full_disk_neither_stops_a_step_nor_hides_its_error():
    run_script("print('fine')", Path("/dev/full"))
    with pytest.raises(StageError, match="stage 'sft' failed: ValueError: no luck"):
        run_script("raise ValueError('no luck')", Path("/dev/full"))
    script = "f = open('/dev/full', 'w', buffering=1); f.write('x\\n')"
    with pytest.raises(
        StageError, match=r"disk full \(OSError: \[Errno 28\] No space left on device\); make room for .*, then rerun"
    ):
        run_script(script, Path("/dev/full"))


@pytest.mark.parametrize("end", ["\\n", ""])
def test_a_log_has_no_secret_of_the_environment(tmp_path, monkeypatch, end):
    """Also where the process writes the secret in two parts, and beside bytes that are no text."""
    monkeypatch.setenv("WANDB_API_KEY", "marker-5f1c8e")
    script = (
        "import sys, time; write = sys.stdout.buffer.write; write(b'key marker-'); sys.stdout.flush(); time.sleep(0.2);"
        f"write(b'5f1c8e \\xff at http://me:hunter2@host{end}')"
    )
    run_script(script, tmp_path / "x.log")
    assert (tmp_path / "x.log").read_bytes() == b"key ... \xff at http://...@host" + end.replace("\\n", "\n").encode()


def test_a_log_that_is_a_pipe_is_an_error_and_no_wait_for_a_reader(tmp_path):
    os.mkfifo(tmp_path / "x.log")
    with pytest.raises(OSError, match="No such device or address") as caught:
        run_script("print('fine')", tmp_path / "x.log")
    assert "something else has this name; move it away" in str(explain_system(caught.value))


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (
            f"import sys; print({TORCHRUN!r}); sys.exit(1)",
            "killed by signal 9 (SIGKILL: by hand, or because memory ran out)",
        ),
        ("import os; print('GPTQModel 7.7'); os.kill(os.getpid(), 15)", "killed by signal 15 (SIGTERM)"),
        ("import sys; sys.exit('ImportError: libtorch_cuda.so: failed to map segment')", "out of memory: this "),
        ("raise MemoryError", "out of memory: this "),
    ],
)
def test_a_killed_process_and_missing_memory_are_named_and_no_banner(tmp_path, script, reason):
    with pytest.raises(StageError) as caught:
        run_script(script, tmp_path / "x.log")
    assert str(caught.value).startswith(f"stage 'sft' failed: {reason}")
