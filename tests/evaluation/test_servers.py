"""Evaluation through a server that works: texts, scores, seeds, and what a server cannot do."""

from __future__ import annotations

import subprocess
import sys

import pytest
from helpers.log_files import by_name
from helpers.model_server import prompt_of, serving
from helpers.server_evaluations import BASE, TEXT, chat, environment, evaluated, instances, results_of

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.logs.runs import read_run

pytest.importorskip("tenacity", reason="the client of servers is an extra: pip install '.[server]'")


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    environment(monkeypatch)


def test_requests_run_side_by_side_and_answers_keep_their_places():
    with serving(lambda body: prompt_of(body).upper(), delay=0.05) as served:
        lm = chat(served, num_concurrent=4)
        assert lm.generate_until(instances(lm, [f"q{i}" for i in range(12)])) == [f"Q{i}" for i in range(12)]
    assert 1 < served.most <= 4


@pytest.mark.parametrize("url", [None, "localhost:8000/v1/completions", "http://me:secret@localhost:8000/v1"])
def test_no_address_or_one_without_scheme_or_with_a_password_is_refused_before_any_request(url):
    from mcqa_suite.evaluation.servers import RetryingChat

    with pytest.raises(ConfigError, match=r"no base_url|not the URL of a server|a password or key in a URL") as error:
        RetryingChat(model="m", base_url=url)
    assert "secret" not in str(error.value)


def test_samples_of_one_question_have_seeds_of_their_own():
    with serving(lambda body: str(body["seed"])) as served:
        lm = chat(served)
        question, other = instances(lm, ["one", "other"], do_sample=True, temperature=0.7)
        answers = lm.generate_until([question, question, question, other])
    assert answers == ["1234", "1235", "1236", "1234"]


def scoring(body, unlucky=lambda tokens: False):
    """A server that scores prompts: every token has -1, or -0.5 where its number is even."""
    if "echo" not in body:
        return TEXT
    [tokens] = body["prompt"]
    if unlucky(tokens):
        return 500
    each = [None, *(-1.0 + 0.5 * (token % 2 == 0) for token in tokens[1:]), -3.0]
    top = [None, *({"x": value} for value in each[1:])]
    return {"choices": [{"index": 0, "text": "", "logprobs": {"token_logprobs": each, "top_logprobs": top}}]}


@pytest.mark.slow
def test_a_question_with_an_option_that_failed_is_left_out_whole(tmp_path):
    with serving(lambda body: scoring(body, lambda tokens: sum(tokens) % 11 == 3)) as served:
        tasks = "mcqa_epfl,mcqa_epfl_cloze"
        code, rows = evaluated(served, tmp_path / "out", model="local-completions", task=tasks, limit=12)
    results = results_of(tmp_path / "out")
    assert code == 1
    for task in ("mcqa_epfl", "mcqa_epfl_cloze"):
        failed = [row for row in rows[task] if "failed" in row]
        assert 0 < len(failed) < 12
        assert any(len(row["resps"]) > 1 and "[failed]" not in str(row["resps"][0]) for row in failed)
        assert results["failed"][task]["items"] == len(failed)
        scored = [row["acc"] for row in rows[task] if "failed" not in row]
        assert results["results"][task]["acc,none"] == pytest.approx(sum(scored) / (12 - len(failed)))
        assert by_name(read_run(tmp_path / "out"))[task].n == 12 - len(failed)


def test_scores_are_those_of_the_harness():
    from lm_eval.api.instance import Instance

    from mcqa_suite.evaluation.servers import RetryingCompletions

    with serving(scoring) as served:
        lm = RetryingCompletions(
            model="m", base_url=f"{served.url}/completions", tokenizer=str(BASE), tokenizer_backend="huggingface"
        )
        pairs = [("Which is largest? Answer:", " a whale"), ("Which?", " B")]
        answers = lm.loglikelihood([Instance("loglikelihood", {}, pair, 0, ("t", 0, 1)) for pair in pairs])
    for (context, option), (value, greedy) in zip(pairs, answers, strict=True):
        _, tokens = lm._encode_pair(context, option)
        assert value == pytest.approx(sum(-1.0 + 0.5 * (token % 2 == 0) for token in tokens))
        assert greedy


@pytest.mark.parametrize(
    ("model", "choice", "words"),
    [
        ("local-completions", {"text": "B"}, "returns none of a prompt (`echo` and `logprobs` are ignored)"),
        ("local-completions", {"text": "B", "logprobs": None}, "are ignored"),
        # only the one new token was scored: the harness would take every option for equally likely
        ("local-completions", {"logprobs": {"token_logprobs": [-1.0], "top_logprobs": [{"B": -1.0}]}}, "are ignored"),
        (
            "local-completions",
            {"logprobs": {"token_logprobs": [-1.0] * 9, "top_logprobs": []}},
            "where the tokenizer has",
        ),
        ("local-chat-completions", {"message": {"content": "B"}}, "which no chat server returns"),
    ],
)
@pytest.mark.slow
def test_a_server_that_does_not_score_prompts_is_named_with_the_remedy(tmp_path, capfd, model, choice, words):
    with serving(lambda body: {"choices": [{"index": 0, **choice}]}) as served:
        code, rows = evaluated(served, tmp_path / "out", model=model, task="mcqa_epfl", limit=3)
    error = capfd.readouterr().err.splitlines()[-1]
    assert (code, rows) == (2, {})
    assert words in error
    assert "mcqa_epfl: " in error or "where the tokenizer has" in error


def test_rolling_scores_are_refused_in_one_line():
    from lm_eval.api.instance import Instance

    with serving(scoring) as served, pytest.raises(ConfigError, match="wikitext: scores whole texts"):
        chat(served).loglikelihood_rolling([Instance("loglikelihood_rolling", {}, ("text",), 0, ("wikitext", 0, 1))])


@pytest.mark.slow
def test_one_of_several_processes_sends_the_requests(tmp_path, monkeypatch):
    for name, value in {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TQDM_DISABLE", "1")
    with serving(lambda body: TEXT) as served:
        words = ["eval", "--model", "local-chat-completions", "--tasks", "mcqa_epfl_cot", "--apply_chat_template"]
        command = [*words, "--model_args", f"model=m,base_url={served.url}/chat/completions"]
        done = subprocess.run([sys.executable, "-m", "mcqa_suite.cli.main", *command], capture_output=True, check=False)
    assert (done.returncode, served.bodies) == (0, [])
