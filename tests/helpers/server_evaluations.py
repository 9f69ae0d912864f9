"""The harness's models of servers, and whole evaluations through them."""

from __future__ import annotations

import json

from helpers.locations import TOY
from mcqa_suite.cli.main import main

BASE = TOY / "base"
QUICK = "max_retries=2,retry_backoff=0.01,timeout=60"
TEXT = "The answer is B."


def environment(monkeypatch):
    """No hub, no cache, and a key that no file may hold."""
    for name, value in {"HF_HUB_OFFLINE": "1", "OPENAI_API_KEY": "marker-71", "MCQA_CACHE": "off"}.items():
        monkeypatch.setenv(name, value)


def chat(served, **changes):
    from mcqa_suite.evaluation.servers import RetryingChat

    settings = {"max_retries": 2, "retry_backoff": 0.01, "timeout": 60, **changes}
    return RetryingChat(model="m", base_url=f"{served.url}/chat/completions", **settings)


def instances(lm, texts, **settings):
    """What the harness hands to the model: one instance a text."""
    from lm_eval.api.instance import Instance

    return [
        Instance(
            "generate_until",
            {},
            (lm.apply_chat_template([{"role": "user", "content": text}]), {"until": ["Q:"], **settings}),
            0,
            ("mcqa_made_up", number, 1),
        )
        for number, text in enumerate(texts)
    ]


def evaluated(served, output, *more, model="local-chat-completions", task="mcqa_epfl_cot", limit=8):
    """Exit code, and rows by task."""
    path = "/chat/completions" if "chat" in model else "/completions"
    model_args = f"model=m,base_url={served.url}{path},{QUICK}"
    model_args += "" if "chat" in model else f",tokenizer={BASE},tokenizer_backend=huggingface"
    words = ["eval", "--model", model, "--tasks", task, "--limit", str(limit), "--log_samples"]
    chats = ["--apply_chat_template"] if "chat" in model else []
    code = main([*words, *chats, "--output_path", str(output), "--model_args", model_args, *more])
    logs = sorted(output.rglob("samples_*.jsonl")) if output.exists() else []
    return code, {log.name.removeprefix("samples_").rsplit("_", 1)[0]: lines(log) for log in logs}


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def results_of(folder):
    return json.loads(next(folder.rglob("results_*.json")).read_text())
