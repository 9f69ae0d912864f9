"""The files that rent a machine, read by the libraries' own loaders; what `docs/scale.md` and the configs ask for is there."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
CLOUD = REPOSITORY / "docs" / "cloud"
ACCELERATE = sorted((REPOSITORY / "training" / "configs" / "accelerate").glob("*.yaml"))
SECRET = re.compile(r"\b(?:hf_[A-Za-z0-9]{8,}|sk-[A-Za-z0-9]{8,}|ak-[A-Za-z0-9]{8,}|AKIA[A-Z0-9]{8,})")
needs_sky = pytest.mark.skipif(not importlib.util.find_spec("sky"), reason="skypilot is not installed")
needs_modal = pytest.mark.skipif(not importlib.util.find_spec("modal"), reason="modal is not installed")


@needs_sky
@pytest.mark.filterwarnings("ignore")  # of its own dependencies
def test_skypilot_reads_its_task():
    import sky

    task = sky.Task.from_yaml(str(CLOUD / "sky.yaml"))
    assert task.num_nodes == 1
    assert all(resources.accelerators for resources in task.resources)
    assert 'mcqa run "$RECIPE"' in task.run
    assert (REPOSITORY / task.envs["RECIPE"]).is_file()


@needs_modal
def test_modal_imports_its_app():
    code = (
        "import modal, modal_app as m; assert isinstance(m.run_recipe, modal.Function) and isinstance(m.app, modal.App);"
        "assert isinstance(m.main, modal.app.LocalEntrypoint); print(m.app.name)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=CLOUD, capture_output=True, text=True, check=False)
    assert done.stdout == "mcqa-suite\n", done.stderr


@needs_modal
def test_a_file_of_the_volume_that_leads_out_of_the_output_is_refused(tmp_path):
    code = "import sys, pathlib, modal_app as m; m.fetch('/run/../../x', pathlib.Path(sys.argv[1]), 'run')"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=CLOUD, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "not fetched" in done.stderr


def test_no_secret_is_written_down():
    files = [path for path in CLOUD.iterdir() if path.is_file()]
    assert {"sky.yaml", "modal_app.py", "README.md"} <= {path.name for path in files}
    assert not [path.name for path in files if SECRET.search(path.read_text(encoding="utf-8"))]
    assert set(yaml.safe_load((CLOUD / "sky.yaml").read_text(encoding="utf-8"))["secrets"].values()) == {""}


@pytest.mark.parametrize("path", ACCELERATE, ids=lambda path: path.stem)
def test_accelerate_reads_its_configs_and_launches_what_they_are_named_for(path):
    launch = pytest.importorskip("accelerate.commands.launch")
    args = launch.launch_command_parser().parse_args(["--config_file", str(path), "training/sft.py"])
    args, defaults, _mixed = launch._validate_launch_command(args)
    kind = {"cpu": "MULTI_GPU", "ddp": "MULTI_GPU", "fsdp": "FSDP", "deepspeed": "DEEPSPEED"}[path.stem]
    assert defaults.distributed_type.value == kind
    assert (args.multi_gpu, args.use_fsdp, args.use_deepspeed) == tuple(
        path.stem in names for names in (("cpu", "ddp"), ("fsdp",), ("deepspeed",))
    )
    assert (args.use_cpu, args.num_processes) == (path.stem == "cpu", 2)


def test_every_way_to_launch_has_a_config():
    assert [path.stem for path in ACCELERATE] == ["cpu", "ddp", "deepspeed", "fsdp"]


def test_our_backends_do_not_hide_those_of_the_harness():
    """`mcqa eval --model vllm`, `local-completions` and `hf`, in a process of its own: the harness fills its registry once."""
    code = (
        "from mcqa_suite.backend import prefix; prefix.register();"
        "from lm_eval.api.registry import model_registry as known;"
        "print(*(name in known for name in ('hf', 'vllm', 'local-completions', 'local-chat-completions', 'hf-prefix')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["True"] * 5, done.stderr
