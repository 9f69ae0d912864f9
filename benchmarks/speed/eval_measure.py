"""Requests, models and processes of eval_speed.py: a backend answers pickled requests in a separate process.

python benchmarks/speed/eval_measure.py JOB     # as eval_speed.py calls it: JSON with requests, checkpoint, backend, out
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "MCQA_CACHE": "off"}
VOCABULARY = 49_152
SIZES = {
    "tiny": {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "heads": (2, 1)},
    "30M": {"hidden_size": 384, "intermediate_size": 1024, "num_hidden_layers": 6, "heads": (6, 2)},
    "135M": {"hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "heads": (9, 3)},
}


def requests(task: str, shots: int | None, documents: int | None) -> list[Any]:
    """The harness's instances of a task, `documents` of them spread evenly over it (None: all)."""
    from mcqa_suite.harness.tasks import load, manager

    built: list[Any] = []
    for loaded in load([task], manager()):
        for each in [loaded] if hasattr(loaded, "build_all_requests") else loaded.get_all_tasks():
            if shots is not None:
                each.set_config("num_fewshot", shots)
            each.set_fewshot_seed(0)
            total = len(each.eval_docs)
            some = None if documents is None else [i * total // documents for i in range(min(documents, total))]
            each.build_all_requests(samples=some)
            built += each.instances
    return [
        (instance.request_type, instance.args, instance.task_name, instance.doc_id, instance.idx) for instance in built
    ]


def texts() -> Iterator[str]:
    import datasets

    from mcqa_suite.harness.mirror import local_dataset

    for path, name, columns in (
        ("allenai/ai2_arc", "ARC-Easy", ("question",)),
        ("openai/gsm8k", "main", ("question", "answer")),
    ):
        for row in datasets.load_dataset(local_dataset(path), name, split="train"):
            yield from (row[column] for column in columns)
    for subject in ("high_school_biology", "college_physics", "computer_security"):
        yield from datasets.load_dataset(local_dataset("cais/mmlu"), subject, split="test")["question"]


def save_models(folder: Path, names: list[str]) -> None:
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(texts(), vocab_size=16_000, special_tokens=["<eos>"], show_progress=False)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe._tokenizer, eos_token="<eos>", pad_token="<eos>")
    for name in names:
        size = dict(SIZES[name])
        heads, shared = size.pop("heads")
        torch.manual_seed(0)
        config = LlamaConfig(
            **size,
            vocab_size=VOCABULARY,
            num_attention_heads=heads,
            num_key_value_heads=shared,
            max_position_embeddings=4096,
            tie_word_embeddings=True,
            bos_token_id=0,
            eos_token_id=0,
        )
        LlamaForCausalLM(config).save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)


def language_model(backend: str, checkpoint: str, batch_size: int, dtype: str) -> Any:
    from lm_eval.models.huggingface import HFLM

    from mcqa_suite.backend.prefix.model import PrefixLM

    kind = PrefixLM if backend == "hf-prefix" else HFLM
    return kind(checkpoint, device="cpu", dtype=dtype, batch_size=batch_size, softmax_dtype="float32")


def answer(lm: Any, items: list[Any], new_tokens: int | None) -> list[Any]:
    from lm_eval.api.instance import Instance

    instances = []
    for kind, args, task, doc_id, index in items:
        if new_tokens:
            args = (args[0], {**args[1], "until": ["no such stop"], "max_gen_toks": new_tokens})
        instances.append(Instance(kind, {}, args, index, (task, doc_id, 1)))
    return list(getattr(lm, items[0][0])(instances, disable_tqdm=True))


def child(job: dict[str, Any]) -> None:
    """Measure a backend on pickled requests; write its answers and figures."""
    import torch

    torch.set_num_threads(1)
    items = pickle.loads(Path(job["requests"]).read_bytes())
    lm = language_model(job["backend"], job["checkpoint"], job["batch_size"], job.get("dtype", "float32"))
    if job["backend"] == "hf-prefix" and not lm.shares:
        sys.exit(f"hf-prefix refused: {lm.record.reason}")
    answer(lm, items[:4], 2 if job["new_tokens"] else None)
    before = tokens(lm)
    start = time.process_time()
    answers = answer(lm, items, job["new_tokens"])
    seconds = time.process_time() - start
    after = tokens(lm)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures = {"seconds": seconds, "peak_mb": peak, "answers": answers, "computed": after[0] - before[0]}
    Path(job["out"]).write_text(json.dumps(figures | {"unique": after[1] - before[1]}), encoding="utf-8")


def tokens(lm: Any) -> tuple[int, int]:
    return (lm.forward.computed, lm.scorer.nodes) if hasattr(lm, "forward") else (0, 0)


def measure(folder: Path, items: list[Any], **job: Any) -> dict[str, Any]:
    (folder / "requests.pkl").write_bytes(pickle.dumps(items))
    job |= {"requests": str(folder / "requests.pkl"), "out": str(folder / "out.json")}
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, json.dumps(job)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"eval_speed: {job['backend']} failed\n{done.stderr[-2000:]}")
    return dict(json.loads((folder / "out.json").read_text(encoding="utf-8")))


if __name__ == "__main__":
    child(json.loads(sys.argv[1]))
