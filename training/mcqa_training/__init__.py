"""Shared parts of the training scripts.

Importing this sets environment variables that the libraries read at import, and checks that the libraries are installed.
"""

import os
import sys
from pathlib import Path

from mcqa_suite.backend import processes
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.extras import require

# OpenMP threads that spin while they wait make a small model ten times slower on a busy machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # TRL reports every training to the hub
os.environ.update(processes.quiet())

EXTRAS = {"bnb": ("train", "bnb"), "check": ("eval",), "gptq": ("gptq",)}  # other scripts: train

script = Path(sys.argv[0])
if script.suffix == ".py" and script.resolve().parent == Path(__file__).resolve().parents[1]:
    try:
        require(script.name, *EXTRAS.get(script.stem, ("train",)))
    except ConfigError as error:
        if processes.is_main():
            print(error, file=sys.stderr)
        sys.exit(2)
