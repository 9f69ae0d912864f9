"""Check stage settings of every kind in one process, with the same checks as the stages' scripts.

python training/check.py --sft training/configs/sft.yaml --gptq training/configs/gptq.yaml
"""

from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path
from typing import Any

from mcqa_training import stage

from mcqa_suite.common import extras
from mcqa_suite.ladder.stage_settings import SETTINGS, read_settings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for kind in SETTINGS:
        parser.add_argument(f"--{kind}", type=Path, nargs="+", default=[], metavar="FILE")
    for kind, files in vars(parser.parse_args()).items():
        if files:
            configs = library_configs(kind)
        for file in files:
            configs(read_settings(kind, file), str(file))


def library_configs(kind: str) -> Any:
    """The function `configs` of a stage's script; ConfigError names the extra of a missing library."""
    try:
        return runpy.run_path(str(Path(__file__).with_name(f"{kind}.py")), run_name=f"mcqa_training_{kind}")["configs"]
    except ImportError as error:
        raise extras.missing(error) or error from error


if __name__ == "__main__":
    sys.exit(stage.exit_code(main))
