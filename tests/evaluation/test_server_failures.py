"""A server that fails: requests are retried, then recorded as failed; none counts as wrong."""

from __future__ import annotations

import math
import re
import time

import pytest
from helpers.log_files import by_name
from helpers.model_server import Reply, prompt_of, serving
from helpers.server_evaluations import TEXT, chat, environment, evaluated, instances, lines, results_of

from mcqa_suite.analysis.compare import compare
from mcqa_suite.analysis.leaderboard import leaderboard
from mcqa_suite.common.errors import EndpointError
from mcqa_suite.common.http import reason_of, retried
from mcqa_suite.logs.log_row import Columns
from mcqa_suite.logs.rescore import rescore
from mcqa_suite.logs.runs import read_run
from mcqa_suite.reporting.comparison_text import remarks
from mcqa_suite.reporting.leaderboard_notes import notes
from mcqa_suite.reporting.provenance import checklist, origin

pytest.importorskip("tenacity", reason="the client of servers is an extra: pip install '.[server]'")


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    environment(monkeypatch)


@pytest.mark.slow
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
    run = by_name(with_holes)["mcqa_epfl_cot"]
    assert (run.n, len(run.samples.failed), run.failed_share) == (6, 2, 0.25)
    for base, variant in ((whole, with_holes), (with_holes, whole)):
        report = compare(base, [variant])
        lost = report.unpaired[variant.name]["mcqa_epfl_cot", run.filter]
        assert (lost.failed, lost.total, report.rows[0].n) == (2, 2, 6)
        assert report.rows[0].flips.total == 0
        texts = {title: " ".join(lines) for title, lines in remarks(report)}
        assert "2 of 8 documents are not paired: 2 without an answer in either run" in texts["Checks of the scores"]
        assert (
            "mcqa_epfl_cot, holes: **not valid** (failed): 2 of 8 items (25.0 %) got no answer"
            in texts["Checks of the scores"]
        )
        assert report.rows[0].verdict == "not valid"
        checks = checklist(report, base, [variant], {run.name: origin(run) for run in (base, variant)})
        (cell,) = [cell for cell in checks["samples complete and sound"] if cell[0] == "bad"]
        assert cell[1].startswith("mcqa_epfl_cot: 2 of 8 items (25.0 %) got no answer")
    assert any("holes, mcqa_epfl_cot: failed: 2 of 8" in note for note in notes(leaderboard([with_holes, whole])))

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
        (Reply(HALF), 'no JSON .*{"choices": .*The ans', 2),
        (Reply(HALF, headers=(("Content-Length", "500"),)), "no answer", 2),
        (Reply(b"<html>"), "no JSON .*<html>", 2),
        (Reply(b"[" * 200_000), "no JSON .*100 deep", 2),
        ({"choices": [{"message": {"content": [{"type": "text", "text": "B"}]}}]}, "no text but list", 2),
        ({"choices": [{"message": {"content": None, "reasoning": "B"}, "finish_reason": "stop"}]}, "no text", 2),
        ({"object": "x"}, "without choices", 2),
        ({"choices": []}, "without choices", 2),
        ({"choices": [{"index": 0}]}, "not an answer .*KeyError", 2),
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
    assert bad.reason == "no answer (timed out) (2 tries)"


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
        EndpointError, match=r"nothing was answered \(no answer \(ClientConnectorError\).*is the server running"
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


def test_retries_end_after_a_number_of_tries_and_of_seconds():
    tries = []

    def never(seconds):
        tries.append(seconds)
        raise ValueError("busy")

    with pytest.raises(ValueError, match="busy") as failure:
        retried(never, tries=4, backoff=0.001, seconds=900)
    assert reason_of(failure.value) == "not an answer of OpenAI's API (ValueError: busy) (4 tries)"
    started = time.monotonic()
    with pytest.raises(ValueError, match="busy"):
        retried(never, tries=1000, backoff=0.05, seconds=0.4)
    assert time.monotonic() - started < 1
    assert len(tries) < 15
    assert tries[4] == math.inf  # the first try has the whole time of a request, and the others what is left
    assert all(seconds <= 0.4 for seconds in tries[5:])


def test_a_key_or_half_a_surrogate_in_an_answer_reaches_no_log(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "marker-71")
    replies = {"key": {"error": "marker-71"}, "half": "B \ud800 marker-71"}
    with serving(
        lambda body: next((reply for word, reply in replies.items() if word in prompt_of(body)), TEXT)
    ) as served:
        lm = chat(served)
        failed, half, last = lm.generate_until(instances(lm, ["key", "half", "plain"]))
    assert (half, last) == ("B \ufffd ...", TEXT)
    assert failed.reason.startswith("not an answer")
    assert "marker-71" not in failed.reason
    assert served.headers[0]["Authorization"] == "Bearer marker-71"


@pytest.mark.parametrize("value", [0.5, True, float("nan"), float("inf"), float("-inf"), None, "-1", [-1.0]])
def test_a_log_probability_that_cannot_be_is_a_failure(value):
    from mcqa_suite.evaluation.servers import RetryingCompletions

    def score(number):
        scored = [None, number, -9.0]
        return RetryingCompletions._score(
            RetryingCompletions,
            {"logprobs": {"token_logprobs": scored, "top_logprobs": [None, {"a": -1.0}, {}]}},
            [1, 2],
            1,
        )

    assert score(-1.0) == (-1.0, True)
    with pytest.raises(ValueError, match="a log-probability"):
        score(value)
