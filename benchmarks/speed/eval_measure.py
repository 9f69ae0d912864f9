"""Models, requests and processes of the scripts for speed: a backend answers pickled requests in a process of its own.

python benchmarks/speed/eval_measure.py JOB     # as its callers do: JSON with requests, checkpoint, backend, out
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "MCQA_CACHE": "off"}
MODEL = "smollm2-135m-instruct"
# Random weights in the shapes of SmolLM2; about a third of the smallest model's 30 million are its embeddings
SIZES = {
    "30M": {"hidden_size": 256, "intermediate_size": 1024, "num_hidden_layers": 18, "heads": (4, 2)},
    "135M": {"hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "heads": (9, 3)},
    "tiny": {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "heads": (2, 1)},
    "1B": {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "heads": (32, 8)},  # Llama 3.2's
    "360M": {"hidden_size": 960, "intermediate_size": 2560, "num_hidden_layers": 32, "heads": (15, 5)},
}
Request = tuple[str, tuple[Any, ...], str, int, int]  # its type, arguments, task, document, and number of the option


def save_packaged(folder: Path) -> Path:
    """The packaged model as a checkpoint."""
    checkpoint = folder / "packaged"
    command = [sys.executable, "-m", "mcqa_suite.cli.main", "import-gguf", MODEL, "-o", str(checkpoint)]
    subprocess.run(command, check=True, stdout=sys.stderr)
    return checkpoint


def save_random(folder: Path, name: str, tokenizer: Path, dtype: str = "float32") -> Path:
    """A model of SIZES with random weights, and the tokenizer of another checkpoint."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    size = dict(SIZES[name])
    heads, shared = size.pop("heads")
    torch.manual_seed(0)
    words = AutoTokenizer.from_pretrained(tokenizer)
    config = LlamaConfig(
        **size,
        vocab_size=len(words),
        num_attention_heads=heads,
        num_key_value_heads=shared,
        max_position_embeddings=8192,
        tie_word_embeddings=True,
        bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id,
    )
    LlamaForCausalLM(config).to(getattr(torch, dtype)).save_pretrained(folder / name)
    words.save_pretrained(folder / name)
    return folder / name


def requests(task: str, shots: int, documents: int) -> list[Request]:
    """The harness's requests for `documents` of a task, spread evenly over it."""
    from mcqa_suite.harness.tasks import load, manager

    (loaded,) = load([task], manager())
    loaded.set_config("num_fewshot", shots)
    loaded.set_fewshot_seed(0)
    total = len(loaded.eval_docs)
    loaded.build_all_requests(samples=[i * total // documents for i in range(min(documents, total))])
    return [(each.request_type, each.args, each.task_name, each.doc_id, each.idx) for each in loaded.instances]


def matrix_peak() -> float:
    """FLOP a second of one thread in products of large float32 matrices, the best of five."""
    import torch

    a, b = torch.rand(2048, 2048), torch.rand(2048, 2048)
    seconds = []
    for _ in range(5):
        start = time.process_time()
        a @ b
        seconds.append(time.process_time() - start)
    return 2 * 2048**3 / min(seconds)


def child(job: dict[str, Any]) -> None:
    """Measure a backend on pickled requests with one thread; write its answers and figures."""
    import torch
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    from mcqa_suite.backend.prefix.model import PrefixLM

    torch.set_num_threads(1)
    ours = job["backend"] == "hf-prefix"
    kind = PrefixLM if ours else HFLM
    lm = kind(job["checkpoint"], device="cpu", dtype="float32", batch_size=job["batch_size"], softmax_dtype="float32")
    if ours and not lm.shares:
        sys.exit(f"hf-prefix refused: {lm.record.reason}")
    logits = [0]
    if ours:
        head = lm.model.get_output_embeddings()
        head.register_forward_pre_hook(lambda _, inputs: logits.append(inputs[0].shape[-2]))
    items = pickle.loads(Path(job["requests"]).read_bytes())
    instances = [Instance(kind, {}, args, index, (task, doc_id, 1)) for kind, args, task, doc_id, index in items]
    lm.loglikelihood(instances[:4], disable_tqdm=True)  # the first pass allocates
    before, logits[:] = tokens(lm), [0]
    start = time.process_time()
    answers = lm.loglikelihood(instances, disable_tqdm=True)
    seconds = time.process_time() - start
    computed, unique = (after - earlier for after, earlier in zip(tokens(lm), before, strict=True))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures: dict[str, Any] = {"seconds": seconds, "peak_mb": peak, "answers": answers}
    if ours:
        matrices = [each for each in lm.model.modules() if isinstance(each, torch.nn.Linear) and each is not head]
        flop = 2 * computed * sum(each.weight.numel() for each in matrices) + 2 * sum(logits) * head.weight.numel()
        figures |= {"computed": computed, "unique": unique, "share": flop / matrix_peak() / seconds}
    Path(job["out"]).write_text(json.dumps(figures), encoding="utf-8")


def tokens(lm: Any) -> tuple[int, int]:
    """The tokens that went through the model, and the nodes of the prefix tree."""
    return (lm.forward.computed, lm.scorer.nodes) if hasattr(lm, "forward") else (0, 0)


def measure(folder: Path, items: list[Request], **job: Any) -> dict[str, Any]:
    """Figures of `backend` on `checkpoint` at `batch_size`."""
    (folder / "requests.pkl").write_bytes(pickle.dumps(items))
    job |= {"requests": str(folder / "requests.pkl"), "out": str(folder / "out.json")}
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, json.dumps(job)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{job['backend']} failed\n{done.stderr[-2000:]}")
    return dict(json.loads((folder / "out.json").read_text(encoding="utf-8")))


if __name__ == "__main__":
    child(json.loads(sys.argv[1]))
