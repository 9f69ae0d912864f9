"""Evaluation through a server that fails: requests are retried, then recorded as failed; none counts as wrong."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time

import pytest
from helpers.locations import REPOSITORY
from helpers.model_server import Reply, prompt_of, serving

from mcqa_suite.analysis.compare import compare
from mcqa_suite.analysis.leaderboard import leaderboard
from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import ConfigError, EndpointError
from mcqa_suite.common.http import NoAnswerError, RetryPolicy, retried
from mcqa_suite.logs.log_row import Columns
from mcqa_suite.logs.rescore import rescore
from mcqa_suite.logs.runs import read_run
from mcqa_suite.reporting.comparison_text import remarks
from mcqa_suite.reporting.leaderboard import notes
from mcqa_suite.reporting.provenance import checklist, origin

pytest.importorskip("tenacity", reason="the client of servers is an extra: pip install '.[server]'")
BASE = REPOSITORY / "training" / "base"
QUICK = "max_retries=2,retry_backoff=0.01,timeout=60"
TEXT = "The answer is B."


@pytest.fixture(autouse=True)
def _offline(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("OPENAI_API_KEY", "marker-71")
    monkeypatch.setenv("MCQA_CACHE", "off")


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


def test_an_item_that_fails_for_good_is_missing_and_never_wrong(tmp_path, capfd):
    unlucky, everybody, status = [], False, 500

    def answer(body):
        prompt = prompt_of(body)
        if everybody:
            return status
        if len(unlucky) < 2 and prompt not in unlucky and len(served.bodies) > 1:
            unlucky.append(prompt)
        return 500 if prompt in unlucky else TEXT

    with serving(answer) as served:
        code, rows = evaluated(served, tmp_path / "first", "--use_cache", str(tmp_path / "kept"))
        rows = rows["mcqa_epfl_cot"]
        assert code == 1
        assert len(served.bodies) == 8 + 2  # two tries for each of the two
        failed = [row for row in rows if "failed" in row]
        assert [row["metrics"] for row in failed] == [[], []]
        assert all("acc" not in row and row["failed"].startswith("HTTP 500") for row in failed)
        results = results_of(tmp_path / "first")
        assert (results["failed"]["mcqa_epfl_cot"]["items"], results["failed"]["mcqa_epfl_cot"]["of"]) == (2, 8)
        right = [row["acc"] for row in rows if "acc" in row]
        assert len(right) == 6
        assert results["results"]["mcqa_epfl_cot"]["acc,extracted"] == pytest.approx(sum(right) / 6)
        assert results["results"]["mcqa_epfl_cot"]["parsed,extracted"] == 1.0
        assert "mcqa_epfl_cot: 2 of 8 items got no answer" in capfd.readouterr().err

        # a failure was not kept as if it were an answer, and what was answered is not asked again
        before, answers = len(served.bodies), list(unlucky)
        unlucky[:] = ["nobody", "at all"]
        code, rows = evaluated(served, tmp_path / "second", "--use_cache", str(tmp_path / "kept"))
        assert code == 0
        assert sorted(prompt_of(body) for body in served.bodies[before:]) == sorted(answers)
        assert not any("failed" in row for row in rows["mcqa_epfl_cot"])
        assert "failed" not in results_of(tmp_path / "second")

        # what fails again does not end a run that has answers; a key that is refused does
        for status, expected in ((500, (1, 2)), (401, (2, 0))):
            everybody = True
            code, rows = evaluated(served, tmp_path / f"{status}", "--use_cache", str(tmp_path / "kept"), limit=10)
            assert (code, sum("failed" in row for row in rows.get("mcqa_epfl_cot", ()))) == expected
    text = "".join(p.read_text() for p in tmp_path.rglob("*.json*"))
    assert "marker-71" not in text

    # the readers
    with_holes, whole = read_run(tmp_path / "first", name="holes"), read_run(tmp_path / "second", name="whole")
    run = with_holes.by_task["mcqa_epfl_cot"]
    assert (run.n, len(run.samples.failed), run.failed_share) == (6, 2, 0.25)
    for base, variant in ((whole, with_holes), (with_holes, whole)):
        report = compare(base, [variant])
        lost = report.unpaired[variant.name]["mcqa_epfl_cot"]
        assert (lost.failed, lost.total, report.rows[0].n) == (2, 2, 6)
        assert report.rows[0].flips.total == 0
        texts = {title: " ".join(lines) for title, lines in remarks(report)}
        assert "2 without an answer in either run" in texts["Documents left out of the pairs"]
        assert "holes: mcqa_epfl_cot: 2 of 8 items got no answer" in texts["Notes"]
        assert "25.0 % of its items got no answer" in texts["Health"]
        checks = checklist(report, base, [variant], {run.name: origin(run) for run in (base, variant)})
        [complete] = [check for check in checks if check.what == "samples complete"]
        assert ("bad", "2 items without an answer (mcqa_epfl_cot: 25.0 %)") in complete.cells
    assert any("mcqa_epfl_cot 2 of 8" in note for note in notes(leaderboard([with_holes, whole])))

    lines_of_reread = []
    log = next((tmp_path / "first").rglob("samples_*.jsonl"))
    again = rescore(log, tmp_path / "again.jsonl", Columns(), lines_of_reread.append)
    assert (again.failed, again.broken, again.outcomes.total()) == (2, 0, 6)
    assert "2 rows without an answer" in lines_of_reread[0]
    copied = lines(tmp_path / "again.jsonl")
    assert [row for row in copied if "failed" in row] == failed


HALF = b'{"choices": [{"message": {"content": "The ans'


@pytest.mark.parametrize(
    ("reply", "reason", "tries"),
    [
        (500, "HTTP 500: .*not today.* \\(2 tries\\)", 2),
        (400, "HTTP 400", 1),  # the server will not like the request better the next time
        (Reply(HALF), "the answer is not valid JSON", 2),
        (Reply(HALF, headers=(("Content-Length", "500"),)), "no answer", 2),
        (Reply(b"<html>"), "not valid JSON", 2),
        ({"object": "x"}, "without choices", 2),
        ({"choices": []}, "without choices", 2),
        ({"choices": [{"index": 0}]}, "another form .*KeyError", 2),
        ({"choices": [{"message": {"content": None}, "finish_reason": "content_filter"}]}, "content_filter", 2),
        ({"choices": "abc"}, "without choices", 2),
        (Reply(b"[]"), "without choices", 2),
        (Reply(b"{}", 429, (("Retry-After", "7200"),)), "HTTP 429", 1),  # longer than there is patience for
    ],
    ids=lambda value: str(value)[:30] if not isinstance(value, int) else f"{value}",
)
def test_every_broken_answer_is_a_failure_and_not_an_empty_answer(reply, reason, tries):
    from mcqa_suite.evaluation.failed_requests import Failed

    with serving(lambda body: reply if "unlucky" in prompt_of(body) else TEXT) as served:
        lm = chat(served, retry_seconds=60)
        good, bad, last = lm.generate_until(instances(lm, ["one", "unlucky", "three"]))
    assert (good, last) == (TEXT, TEXT)
    assert isinstance(bad, Failed)
    assert re.search(reason, bad.reason)
    assert sum("unlucky" in prompt_of(body) for body in served.bodies) == tries


def test_a_model_that_spent_its_tokens_on_thinking_gave_an_empty_answer():
    cut = {"choices": [{"message": {"content": None}, "finish_reason": "length"}]}
    with serving(lambda body: cut) as served:
        lm = chat(served)
        assert lm.generate_until(instances(lm, ["one"])) == [""]


def test_a_silent_server_is_given_up_after_the_timeout():
    def answer(body):
        if "slow" in prompt_of(body):
            time.sleep(1.5)
        return TEXT

    with serving(answer) as served:
        lm = chat(served, timeout=1)
        good, bad = lm.generate_until(instances(lm, ["quick", "slow"]))
    assert good == TEXT
    assert bad.reason == "no answer (timed out after 1 s) (2 tries)"


def test_a_busy_server_says_how_long_to_wait():
    times = []

    def answer(body):
        times.append(time.monotonic())
        return Reply(b"{}", 429, (("Retry-After", "1"),)) if len(times) == 1 else TEXT

    with serving(answer) as served:
        lm = chat(served)
        assert lm.generate_until(instances(lm, ["one"])) == [TEXT]
    assert times[1] - times[0] >= 1


@pytest.mark.parametrize(("status", "asks"), [(401, 1), (404, 1), (500, 10)])
def test_a_server_that_never_answers_ends_the_run_in_one_line(tmp_path, capfd, status, asks):
    with serving(lambda body: status) as served:
        code, rows = evaluated(served, tmp_path / "out", limit=12)
    error = capfd.readouterr().err.splitlines()[-1]
    assert (code, rows, len(served.bodies)) == (2, {}, asks)
    assert error.startswith(f"mcqa: {served.url}/chat/completions: ")
    assert {
        401: "set OPENAI_API_KEY",
        404: "give the whole address as base_url",
        500: "nothing was answered (HTTP 500",
    }[status] in error
    assert "marker-71" not in error


def test_an_address_without_a_server_is_one_line():
    with serving(lambda body: TEXT) as served:
        pass
    lm = chat(served)
    with pytest.raises(
        EndpointError, match=r"nothing was answered \(no answer \(ConnectionError\).*is the server running"
    ):
        lm.generate_until(instances(lm, ["one", "two"]))


def test_a_server_that_stopped_answering_gets_no_more_requests():
    from mcqa_suite.evaluation.servers import MOST_IN_A_ROW

    with serving(lambda body: TEXT if len(served.bodies) <= 3 else 500) as served:
        lm = chat(served, max_retries=1)
        answers = lm.generate_until(instances(lm, [f"question {i}" for i in range(60)]))
    assert answers[:3] == [TEXT] * 3
    assert 3 + MOST_IN_A_ROW <= len(served.bodies) <= 3 + MOST_IN_A_ROW + 1
    assert answers[-1].reason.startswith("not sent, as the 20 requests before failed (HTTP 500")


def test_requests_run_side_by_side_and_answers_keep_their_places():
    with serving(lambda body: prompt_of(body).upper(), delay=0.05) as served:
        lm = chat(served, num_concurrent=4)
        assert lm.generate_until(instances(lm, [f"q{i}" for i in range(12)])) == [f"Q{i}" for i in range(12)]
    assert 1 < served.most <= 4


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
        assert read_run(tmp_path / "out").by_task[task].n == 12 - len(failed)


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
def test_a_server_that_does_not_score_prompts_is_named_with_the_remedy(tmp_path, capfd, model, choice, words):
    with serving(lambda body: {"choices": [{"index": 0, **choice}]}) as served:
        code, rows = evaluated(served, tmp_path / "out", model=model, task="mcqa_epfl", limit=3)
    error = capfd.readouterr().err.splitlines()[-1]
    assert (code, rows) == (2, {})
    assert words in error
    assert "mcqa_epfl: " in error or "where the tokenizer has" in error


def test_retries_end_after_a_number_of_tries_and_of_seconds():
    tries = []

    def never():
        tries.append(1)
        raise NoAnswerError("busy")

    with pytest.raises(NoAnswerError, match=r"busy \(4 tries\)"):
        retried(never, RetryPolicy(tries=4, backoff=0.001))
    started = time.monotonic()
    with pytest.raises(NoAnswerError):
        retried(never, RetryPolicy(tries=1000, backoff=0.05, seconds=0.4))
    assert time.monotonic() - started < 1
    assert len(tries) < 15


def test_rolling_scores_are_refused_in_one_line():
    from lm_eval.api.instance import Instance

    with serving(scoring) as served, pytest.raises(ConfigError, match="wikitext: scores whole texts"):
        chat(served).loglikelihood_rolling([Instance("loglikelihood_rolling", {}, ("text",), 0, ("wikitext", 0, 1))])


def test_one_of_several_processes_sends_the_requests(tmp_path, monkeypatch):
    for name, value in {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TQDM_DISABLE", "1")
    with serving(lambda body: TEXT) as served:
        words = ["eval", "--model", "local-chat-completions", "--tasks", "mcqa_epfl_cot", "--apply_chat_template"]
        command = [*words, "--model_args", f"model=m,base_url={served.url}/chat/completions"]
        done = subprocess.run([sys.executable, "-m", "mcqa_suite.cli.main", *command], capture_output=True, check=False)
    assert (done.returncode, served.bodies) == (0, [])
