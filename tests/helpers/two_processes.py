"""Several processes of one run. A launcher runs this file as a script in each of them.

`two_processes.py train FOLDER PARENT` runs a stage for each settings file of the folder, `KIND.yaml` or `KIND-NAME.yaml`, with
its checkpoint beside the file; `two_processes.py fail` fails in every process but the main one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
TOY = REPOSITORY / "tests" / "toy"
sys.path.insert(0, str(REPOSITORY / "tests"))  # a launcher starts this file without pytest's own path
CPU = REPOSITORY / "training" / "configs" / "accelerate" / "cpu.yaml"
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
ACCELERATE = ["-m", "accelerate.commands.launch", "--num_processes", "2", "--config_file"]
TRAINER = {"max_steps": 2, "learning_rate": 1e-2, "logging_steps": 1}
AS_COMPUTED = {"save_dtype": "float32"}  # so that weights can be compared closely
SFT = {
    **AS_COMPUTED,
    "data": [{"source": "epfl", "path": str(TOY / "train.jsonl"), "n": 16, "seed": 1, "style": "letter_text"}],
}
PAIRS = {
    **AS_COMPUTED,
    "data": [{"source": "epfl", "path": str(TOY / "train.jsonl"), "n": 20, "seed": 3}],
    "held_out": 0.2,
}
LORA = {"lora": {"r": 4}}


def launch(launcher: list[str], *words: Any, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *launcher, *map(str, words)]
    env = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=600)


def with_batch(config: dict[str, Any], per_device: int) -> dict[str, Any]:
    """A stage's settings with a few steps of batches of this size in each process."""
    return {**config, "trainer": {**TRAINER, "per_device_train_batch_size": per_device, **config.get("trainer", {})}}


def _train(folder: Path, parent: str) -> None:
    from helpers.training_scripts import script
    from mcqa_suite.backend import processes

    with processes.one_run():
        for file in sorted(folder.glob("*.yaml")):
            kind = file.stem.partition("-")[0]
            sys.argv = [kind, "--config", str(file), "--parent", parent, "--output", str(file.with_suffix(""))]
            script(kind).main()


def _fail() -> int:
    from mcqa_suite.backend import processes
    from mcqa_suite.common.errors import McqaError

    try:
        with processes.one_run():
            processes.join()
            if not processes.is_main():
                raise McqaError("only the second of us failed")
            processes.gathered("never answered")
    except McqaError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    if sys.argv[1] == "fail":
        sys.exit(_fail())
    _train(Path(sys.argv[2]), sys.argv[3])
