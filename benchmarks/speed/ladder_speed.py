"""The demo's whole ladder by `mcqa run` and by the libraries' own tools in a shell script (stock_ladder.sh): seconds of each.

    python benchmarks/speed/ladder_speed.py [--turns 3] [--keep FOLDER]

Both start from the same folder with the packaged model and make the same steps on the same rows: LoRA with `trl sft`, merging
with PEFT, GPTQ with GPTQModel, and evaluation with `lm_eval --model hf` at 32 rows a batch. The stock script makes one step
after another on all cores, `mcqa run` as many side by side as the recipe says. Wall-clock time: nothing else may run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from mcqa_suite.common.paths import training_dir
from mcqa_suite.ladder.stage_settings import parse_settings, read_rows

MODEL = "smollm2-135m-instruct"
RECIPE = training_dir() / "configs" / "demo.yaml"
SCRIPT = Path(__file__).with_name("stock_ladder.sh")
PROGRAM = (sys.executable, "-m", "mcqa_suite.cli.main")
MERGE = """
from peft import AutoPeftModelForCausalLM
from transformers import AutoTokenizer
AutoPeftModelForCausalLM.from_pretrained("adapter", dtype="bfloat16").merge_and_unload().save_pretrained("sft")
AutoTokenizer.from_pretrained("base").save_pretrained("sft")
"""
QUANTISE = """
import json, sys
from gptqmodel import GPTQModel, QuantizeConfig
bits = int(sys.argv[1])
model = GPTQModel.load("sft", QuantizeConfig(bits=bits, group_size=64, damp_percent=0.01), device="cpu")
model.quantize(json.load(open("calibration.json")), batch_size=8)
model.save(f"gptq{bits}")
"""
# What training/gptq.py sets as well: without it GPTQModel does not load on two cores, or compiles a packer first.
ENVIRONMENT = {
    "GPTQMODEL_CPU_WORKERS": "2",
    "GPTQMODEL_DISABLE_PACK_EXT": "1",
    "HF_HUB_OFFLINE": "1",
    "MCQA_CACHE": "off",
}


def prepare(folder: Path) -> None:
    """The base, the rows and the settings of both sides; not timed."""
    subprocess.run([*PROGRAM, "import-gguf", MODEL, "-o", str(folder / "base")], check=True, stdout=sys.stderr)
    recipe = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))
    stages = {stage["name"]: stage for stage in recipe["stages"]}
    sft = stages["sft"]["settings"]
    rows, _ = read_rows(parse_settings("sft", sft, "sft", folder))
    (folder / "data").mkdir()
    lines = (json.dumps({name: row[name] for name in ("prompt", "completion")}) + "\n" for row in rows)
    (folder / "data" / "train.jsonl").write_text("".join(lines), encoding="utf-8")
    calibration, _ = read_rows(parse_settings("gptq", stages["gptq4"]["settings"], "gptq", folder))
    texts = [row["prompt"] + row["completion"] for row in calibration]
    (folder / "calibration.json").write_text(json.dumps(texts), encoding="utf-8")
    settings: dict[str, Any] = {
        **sft["trainer"],
        "model_name_or_path": "base",
        "dataset_name": "data",
        "output_dir": "adapter",
        "use_peft": True,
        "lora_r": sft["lora"]["r"],
        "lora_alpha": sft["lora"]["lora_alpha"],
        "lora_target_modules": "all-linear",
        "completion_only_loss": True,
        "dtype": "float32",
        "bf16": False,
        "use_cpu": True,
        "gradient_checkpointing": False,
        "save_strategy": "no",
        "report_to": "none",
    }
    (folder / "sft.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    (folder / "merge.py").write_text(MERGE, encoding="utf-8")
    (folder / "quantise.py").write_text(QUANTISE, encoding="utf-8")
    (folder / "demo.yaml").write_text(yaml.safe_dump(recipe | {"base": str(folder / "base")}), encoding="utf-8")


def timed(words: list[str], **settings: Any) -> float:
    start = time.perf_counter()
    done = subprocess.run(words, stdout=sys.stderr, check=False, env=os.environ | ENVIRONMENT, **settings)
    if done.returncode:
        sys.exit(f"{' '.join(words)}: exit code {done.returncode}")
    return time.perf_counter() - start


def stock(folder: Path) -> Counter[str]:
    (folder / "seconds.txt").unlink(missing_ok=True)
    seconds = Counter({"whole": timed(["sh", str(SCRIPT), str(folder)])})
    for line in (folder / "seconds.txt").read_text(encoding="utf-8").splitlines():
        name, value = line.split()
        seconds[name] += float(value)
    return seconds


def ours(folder: Path, output: Path) -> Counter[str]:
    """Seconds of the whole, and sums over the steps, which run side by side."""
    seconds = Counter({"whole": timed([*PROGRAM, "run", str(folder / "demo.yaml"), "--output", str(output)])})
    for name in ("sft", "gptq8", "gptq4", "gptq2"):
        manifest = json.loads((output / "checkpoints" / name / "manifest.json").read_text(encoding="utf-8"))
        seconds["training" if name == "sft" else "quantisation"] += manifest["seconds"]
    for path in (output / "evaluations").glob("*/rung.json"):
        seconds["evaluation"] += json.loads(path.read_text(encoding="utf-8"))["seconds"]
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="folder for both ladders (default: a temporary folder)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (args.keep or Path(scratch)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        prepare(folder)
        turns = [(stock(folder), ours(folder, folder / f"run{number}")) for number in range(args.turns)]
    print("| part | stock s | mcqa run s | ratio (range) |\n|---|---:|---:|---:|")
    for part in ("whole", "evaluation", "training", "quantisation"):
        left, right = (statistics.median(turn[side][part] for turn in turns) for side in (0, 1))
        ratios = [a[part] / b[part] for a, b in turns]
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"| {part} | {left:.0f} | {right:.0f} | {spread} |")
    print("\nParts of `mcqa run` are sums over steps, of which two run at a time, on one core each.")


if __name__ == "__main__":
    main()
