"""What the training scripts share. Importing it sets the environment variables that libraries read when they are imported."""

import os

from mcqa_suite.backend import processes

# OpenMP threads that spin while they wait make a small model ten times slower on a busy machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
os.environ.update(processes.quiet())
