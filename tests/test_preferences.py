"""Responses sampled from checkpoints and servers; labels by correctness, judge and human; what a check of them finds."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import REPOSITORY
from model_server import prompt_of, serving

from mcqa_suite.cli import main
from mcqa_suite.errors import CheckpointError, ConfigError, DatasetError, EndpointError
from mcqa_suite.manifest import Hardware, Manifest, content_hash, write_manifest
from mcqa_suite.preferences.asked import kind_and_doc, read_prompts
from mcqa_suite.preferences.check import check, write_pairs
from mcqa_suite.preferences.correctness import by_correctness
from mcqa_suite.preferences.endpoint import Endpoint
from mcqa_suite.preferences.human import shown_first
from mcqa_suite.preferences.journal import journal
from mcqa_suite.preferences.judge import read_template, read_verdict
from mcqa_suite.preferences.pairs import Pair, pairs_of, read_labels
from mcqa_suite.preferences.responses import Sampling, read_responses, seed_of
from mcqa_suite.sources import PairSource, read_pairs

BASE = REPOSITORY / "training" / "base"
MCQ = "Question: Which is largest?\n\nOptions:\nA. ant\nB. whale\nC. cat\n\nAnswer:"


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch):
    for name in ("MCQA_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def write(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def questions(tmp_path: Path, n: int = 4) -> Path:
    return write(
        tmp_path / "prompts.jsonl",
        [{"id": f"q{i}", "prompt": f"How many is {i} + 1?", "gold": str(i + 1)} for i in range(n)],
    )


def responses(tmp_path: Path, texts: list[list[str]], **data) -> Path:
    rows = [
        {"id": f"q{i}", "index": k, "prompt": data.get("prompt", f"p{i}"), "response": text, "data": data}
        for i, made in enumerate(texts)
        for k, text in enumerate(made)
    ]
    return write(tmp_path / "responses.jsonl", rows)


# --- prompts


def test_prompts_of_every_form_and_their_right_answers(tmp_path):
    rows = [
        {"id": "a", "prompt": MCQ, "completion": " The answer is B. whale"},
        {"question": MCQ, "answer": "B", "subject": "x"},
        {"question": "How many?", "answer": "6 * 180 = 1,080\n#### 1,080"},
        {"id": "d", "stem": "Largest?", "choices": ["ant", "whale"], "gold": [1]},
    ]
    found = read_prompts(write(tmp_path / "data.jsonl", rows))
    assert [kind_and_doc(asked.row, asked.prompt)[0] for asked in found] == ["letters", "letters", "numbers", "letters"]
    golds = [kind_and_doc(asked.row, asked.prompt)[1]["gold"] for asked in found]
    assert golds == [[1], [1], "1080", [1]]
    assert "whale" in found[1].prompt
    assert found[2].prompt.startswith("Q: How many?")


def test_options_of_a_prompt_with_instructions_behind_them_are_read_without_those(tmp_path):
    cot = read_prompts(write(tmp_path / "d.jsonl", [{"question": MCQ, "answer": "C"}]))[0].prompt
    assert "step by step" in cot
    assert kind_and_doc({"completion": " Cats are. The answer is C."}, cot)[1] == {
        "choices": ["ant", "whale", "cat"],
        "gold": [2],
    }


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{"prompt": "p"}, {"prompt": " "}], "row 2: 'prompt' is blank"),
        ([{"id": 1, "prompt": "p"}, {"id": 1, "prompt": "q"}], "row 2: id '1' stands for two prompts"),
        ([{"text": "p"}], "row 1: no 'question'; expected a 'prompt'"),
    ],
)
def test_prompts_that_cannot_be_asked_name_their_row(tmp_path, rows, words):
    with pytest.raises(DatasetError, match=words):
        read_prompts(write(tmp_path / "d.jsonl", rows))


# --- sampling


def test_a_server_is_asked_n_times_a_prompt_with_seeds_from_the_rows_id(tmp_path, capsys):
    out = tmp_path / "out.jsonl"
    with serving(lambda body: f"It is {body['seed']}.", delay=0.02) as served:
        words = ["preferences", "sample", str(questions(tmp_path, 6)), "--endpoint", served.url, "-o", str(out)]
        assert main([*words, "--n", "3", "--parallel", "4", "--stop", "Q:"]) == 0
    rows = lines(out)
    assert len(rows) == 18
    assert all(row["response"] == f"It is {seed_of(0, row['id'], row['index'])}." for row in rows)
    assert served.bodies[0] | {"seed": 0, "messages": []} == {
        "model": "m", "messages": [], "temperature": 0.7, "top_p": 0.9, "max_tokens": 512, "seed": 0, "stop": ["Q:"]
    }  # fmt: skip
    assert 1 < served.most <= 4
    assert rows[0]["data"] == {"id": rows[0]["id"], "gold": str(int(rows[0]["id"][1]) + 1)}
    assert "18 responses written" in capsys.readouterr().out


def test_a_completions_address_is_given_a_plain_prompt(tmp_path):
    with serving(lambda body: prompt_of(body).upper()) as served:
        written = Endpoint(f"{served.url}/completions", "m").complete("abc", Sampling(), 1)
    assert (written.text, written.finish) == ("ABC", "length")
    assert served.bodies[0]["prompt"] == "abc"


def test_the_key_goes_into_a_header_and_into_no_file(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("MCQA_API_KEY", "sesame-17")
    out = tmp_path / "out.jsonl"
    with serving(lambda body: "yes") as served:
        main(["preferences", "sample", str(questions(tmp_path)), "--endpoint", served.url, "-o", str(out)])
    assert {headers["Authorization"] for headers in served.headers} == {"Bearer sesame-17"}
    printed = "".join(capfd.readouterr())
    assert "sesame" not in printed + "".join(path.read_text() for path in tmp_path.iterdir())


def test_a_busy_server_is_asked_again_and_a_refusal_is_one_line():
    calls = []

    def busy(body):
        calls.append(body)
        return 503 if len(calls) < 3 else "at last"

    with serving(busy) as served:
        assert Endpoint(served.url, "m", backoff=0.01).complete("p", Sampling(), 0).text == "at last"
    with (
        serving(lambda body: 401) as served,
        pytest.raises(EndpointError, match=r"HTTP 401: .*not today.*MCQA_API_KEY"),
    ):
        Endpoint(served.url, "m").complete("p", Sampling(), 0)
    with serving(lambda body: 500) as served, pytest.raises(EndpointError, match="HTTP 500"):
        Endpoint(served.url, "m", retries=2, backoff=0.01).complete("p", Sampling(), 0)
    assert len(served.bodies) == 3
    with pytest.raises(EndpointError, match=r"no answer .* is the server running"):
        Endpoint(served.url, "m", retries=0).complete("p", Sampling(), 0)


def test_of_several_models_one_has_to_be_named():
    with serving(str, models=("one", "two")) as served, pytest.raises(ConfigError, match=r"2 models \(one, two\)"):
        Endpoint(served.url)


def test_a_run_that_is_killed_goes_on_at_the_next_response(tmp_path):
    data, out = questions(tmp_path, 8), tmp_path / "out.jsonl"
    with serving(lambda body: f"{prompt_of(body)} {body['seed']}", delay=0.1) as served:
        words = ["preferences", "sample", str(data), "--endpoint", served.url, "--parallel", "2", "-o", str(out)]
        process = subprocess.Popen([sys.executable, "-m", "mcqa_suite.cli", *words], stderr=subprocess.DEVNULL)
        while not out.exists() or out.read_bytes().count(b"\n") < 5:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        before = lines(out)
        with out.open("a") as file:
            file.write('{"id": "q7", "index"')  # what a kill in the middle of a write leaves
        asked = len(served.bodies)
        assert main(words) == 0
    rows = lines(out)
    assert rows[: len(before)] == before
    assert sorted((row["id"], row["index"]) for row in rows) == [(f"q{i}", k) for i in range(8) for k in range(2)]
    assert len(served.bodies) - asked == 16 - len(before)


@pytest.mark.parametrize("index", [None, "x", [0], 0.5])
def test_a_response_whose_index_is_no_number_is_named(tmp_path, index):
    path = tmp_path / "responses.jsonl"
    path.write_text(json.dumps({"id": "q", "index": index, "prompt": "p", "response": "r"}) + "\n")
    with pytest.raises(DatasetError, match=r"responses.jsonl:1: no response"):
        read_responses(path)


def test_a_server_that_quotes_the_key_it_refuses_does_not_show_it(monkeypatch):
    monkeypatch.setenv("MCQA_API_KEY", "marker-5f1c")
    with (
        serving(lambda body: 401) as served,
        pytest.raises(EndpointError, match=r"HTTP 401: .*Bearer \.\.\.") as refused,
    ):
        Endpoint(served.url, "m").complete("p", Sampling(), 0)
    assert served.headers[0]["Authorization"] == "Bearer marker-5f1c"
    assert "marker-5f1c" not in str(refused.value)


def test_responses_of_other_settings_are_not_added_to(tmp_path, capsys):
    out = tmp_path / "out.jsonl"
    with serving(lambda body: "yes") as served:
        words = ["preferences", "sample", str(questions(tmp_path)), "--endpoint", served.url, "-o", str(out)]
        assert main(words) == 0
        assert main([*words, "--temperature", "1"]) == 2
    assert "holds responses with temperature 0.7, not 1.0; choose another --output" in capsys.readouterr().err


def test_one_command_writes_a_file_at_a_time(tmp_path):
    path = tmp_path / "x.jsonl"
    with journal(path), pytest.raises(ConfigError, match="another command is writing it"), journal(path):
        pass


def test_a_checkpoint_draws_the_same_whatever_the_batch_and_different_responses_a_prompt(tmp_path):
    from mcqa_suite.generated import generate
    from mcqa_suite.harness.sampling import Sampler
    from mcqa_suite.preferences.responses import Request
    from mcqa_suite.prompts import letter

    settings = Sampling(temperature=1.5, top_p=1.0, max_tokens=8)
    requests = [Request(q.id, k, letter(q), seed_of(0, q.id, k)) for q in generate("test", 6, 0) for k in range(4)]
    made = {}
    for batch_size in (24, 5):
        sampler = Sampler(str(BASE), chat=False, batch_size=batch_size)
        made[batch_size] = [written.text for _, written in sampler.generator(settings)(requests)]
    assert made[24] == made[5]
    assert len(set(made[24])) > 6
    greedy = Sampler(str(BASE), chat=False).generator(Sampling(temperature=0, max_tokens=4))(requests)
    assert len({written.text for request, written in greedy if request.id == requests[0].id}) == 1


def test_draws_follow_the_models_distribution():
    import torch

    from mcqa_suite.harness.sampling import _draws

    scores = torch.log(torch.tensor([[0.5, 0.3, 0.15, 0.05]])).repeat(4000, 1)
    drawn = _draws(range(4000), Sampling(temperature=1.0, top_p=0.9), "cpu")(
        torch.zeros(4000, 1).long(), scores
    ).argmax(-1)
    shares = torch.bincount(drawn, minlength=4) / 4000
    assert shares.tolist() == pytest.approx([0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95, 0.0], abs=0.03)


def test_the_embedded_base_gives_pairs_to_train_on(tmp_path, capsys):
    from dataclasses import asdict

    from mcqa_suite.generated import generate

    data = write(tmp_path / "data.jsonl", [asdict(q) for q in generate("train", 6, 0)])
    out, labels = tmp_path / "out.jsonl", tmp_path / "labels.jsonl"
    words = ["preferences", "sample", str(data), "--model", str(BASE), "--no-chat-template", "--max-tokens", "12"]
    assert main([*words, "--n", "6", "--temperature", "2", "--top-p", "1", "-o", str(out)]) == 0
    assert (
        main(["preferences", "label", str(out), "--by", "correctness", "--pairs-per-prompt", "0", "-o", str(labels)])
        == 0
    )
    assert len(lines(labels)) == 6 * 15
    assert re.fullmatch(r"base [0-9a-f]{12}, no chat template", lines(out)[0]["made_by"]["model"])
    decided = sum(row["label"] in ("a", "b") for row in lines(labels))
    assert decided == sum(len({*row["right"]}) == 2 for row in lines(labels))


def test_a_prompt_that_leaves_no_room_and_an_adapter_are_refused(tmp_path, tiny_checkpoint):
    from mcqa_suite.harness.sampling import Sampler
    from mcqa_suite.preferences.responses import Request

    with pytest.raises(ConfigError, match=r"a prompt of 2000 tokens and --max-tokens 8 exceed the context of 1024"):
        list(Sampler(str(tiny_checkpoint)).generator(Sampling(max_tokens=8))([Request("x", 0, "a" * 2000, 1)]))
    with pytest.raises(ConfigError, match="no chat template; give --no-chat-template"):
        Sampler(str(tiny_checkpoint), chat=True)
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(CheckpointError, match="is an adapter; give the folder of its parent"):
        Sampler(str(tmp_path))


@pytest.mark.parametrize("trained", [True, False])
def test_sampling_follows_the_chat_template_that_the_checkpoint_was_trained_with(tmp_path, trained):
    from mcqa_suite.harness.sampling import Sampler

    checkpoint = tmp_path / "sft"
    shutil.copytree(BASE, checkpoint)
    facts = Manifest(
        "sft", "sft", None, {}, content_hash(checkpoint), 0, Hardware("cpu", 1), 1.0, chat_template=trained
    )
    write_manifest(checkpoint, facts)
    assert Sampler(str(checkpoint)).chat is trained
    with pytest.raises(ConfigError, match="was trained with"):
        Sampler(str(checkpoint), chat=not trained)


# --- correctness


@pytest.mark.parametrize(
    ("a", "b", "label"),
    [
        ("The answer is B.", "The answer is A.", "a"),
        ("The answer is A.", "The answer is B.", "b"),
        ("The answer is B.", "Surely B.", "tie"),
        ("The answer is A.", "The answer is C.", "tie"),
        ("The answer is A.", "I cannot say.", "unread"),
        ("I cannot say.", "The answer is A.", "unread"),
        ("I cannot say.", "The answer is B.", "b"),
        ("I cannot say.", "Who knows?", "unread"),
    ],
)
def test_right_wins_over_wrong_and_unread_is_never_chosen_over_read(a, b, label):
    pair = Pair("x", (0, 1), MCQ, a, b, {"answer": "B"})
    assert next(by_correctness([pair]))[1]["label"] == label


def test_a_gold_with_a_comma_is_one_number():
    pair = Pair(
        "x", (0, 1), "How many?", "The final answer is 1080.", "The final answer is 80.", {"answer": "#### 1,080"}
    )
    assert next(by_correctness([pair]))[1]["label"] == "a"


def test_a_prompt_without_a_right_answer_is_named():
    with pytest.raises(DatasetError, match="q3: no right answer to compare with; add one of the columns gold, answer"):
        next(by_correctness([Pair("q3", (0, 1), "p", "a", "b", {})]))


# --- judge


def test_a_judge_that_always_says_a_decides_nothing_and_its_bias_is_shown(tmp_path, capsys):
    path = responses(tmp_path, [[f"good {i}", f"bad {i}"] for i in range(12)])
    labels = tmp_path / "labels.jsonl"
    with serving(lambda body: "It reads well. Verdict: A") as served:
        assert main(["preferences", "label", str(path), "--by", "judge", "--judge", served.url, "-o", str(labels)]) == 0
    rows = read_labels(labels)
    assert [row["label"] for row in rows] == ["tie"] * 12
    assert {verdict["raw"] for row in rows for verdict in row["verdicts"]} == {"It reads well. Verdict: A"}
    found = check(rows)
    assert found.first_share.value == 1
    assert found.first_share.low > 0.8
    assert found.agreement.value == 0
    assert not found.fit
    assert main(["preferences", "check", str(labels)]) == 1
    assert "<- position bias" in capsys.readouterr().out


def test_a_judge_is_asked_in_both_orders_and_agreement_decides(tmp_path):
    def judge(body):
        assert body["temperature"] == 0
        first, second = prompt_of(body).split("[Response A]\n")[1].split("\n\n[Response B]\n")
        return "Verdict: " + ("A" if first.startswith("good") else "B" if second.startswith("good") else "who knows")

    path = responses(tmp_path, [["good", "bad"], ["bad", "good"], ["bad", "poor"], ["same", "same "]])
    labels, pairs = tmp_path / "labels.jsonl", tmp_path / "pairs.jsonl"
    with serving(judge) as served:
        words = ["preferences", "label", str(path), "--by", "judge", "--judge", served.url, "-o", str(labels)]
        assert main(words) == 0
        assert len(served.bodies) == 6, "equal responses are not asked about"
        assert main(words) == 0
        assert len(served.bodies) == 6, "what is labelled is not asked again"
    assert {row["id"]: row["label"] for row in read_labels(labels)} == {
        "q0": "a",
        "q1": "b",
        "q2": "unread",
        "q3": "equal",
    }
    assert main(["preferences", "check", str(labels), "--responses", str(path), "--pairs", str(pairs)]) == 0
    assert sorted(row["prompt"] for row in lines(pairs)) == ["p0", "p1"]
    assert {(row["chosen"], row["rejected"]) for row in lines(pairs)} == {("good", "bad")}


def test_a_response_cannot_fill_the_judges_slots(tmp_path):
    path = responses(tmp_path, [["{second}", "{prompt}"]])
    with serving(lambda body: "Verdict: C") as served:
        main(
            ["preferences", "label", str(path), "--by", "judge", "--judge", served.url, "-o", str(tmp_path / "l.jsonl")]
        )
    assert all("{second}" in prompt_of(body) and "{prompt}" in prompt_of(body) for body in served.bodies)


@pytest.mark.parametrize(
    ("raw", "won"),
    [
        ("Verdict: A", "first"),
        ("[[B]]", "second"),
        ("Both say the same. Verdict: C", "tie"),
        ("<think>Verdict: A?</think>Verdict: B", "second"),
        ("Verdict: A or B", "unread"),
        ("I would rather not.", "unread"),
        ("", "unread"),
    ],
)
def test_verdicts_are_read_by_the_extractors(raw, won):
    assert read_verdict(raw) == won


def test_instructions_for_a_judge_need_their_slots(tmp_path):
    (tmp_path / "judge.txt").write_text("{prompt} {first}", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"no \{second\} in it"):
        read_template(tmp_path / "judge.txt")


# --- human


class Terminal:
    """`mcqa preferences label --by human` on a pseudo-terminal."""

    def __init__(self, path: Path, output: Path) -> None:
        words = ["preferences", "label", str(path), "--by", "human", "-o", str(output)]
        master, slave = pty.openpty()
        command = [sys.executable, "-m", "mcqa_suite.cli", *words]
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, close_fds=True)
        os.close(slave)
        self.master, self.seen = master, ""

    def press(self, key: str) -> str:
        """Waits for the keys to be explained, presses one, returns what was shown."""
        shown = self.until("q: quit")
        os.write(self.master, key.encode())
        return shown

    def until(self, words: str) -> str:
        shown, deadline = "", time.monotonic() + 20
        while words not in shown:
            assert time.monotonic() < deadline, shown
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    shown += os.read(self.master, 65536).decode()
                except OSError:
                    break
        return shown

    def end(self) -> int:
        code = self.process.wait(20)
        os.close(self.master)
        return code


def test_a_human_labels_one_key_a_pair_undoes_quits_and_goes_on(tmp_path):
    path = responses(tmp_path, [[f"left {i}", f"right {i}"] for i in range(5)] + [["same", "same"]])
    out = tmp_path / "labels.jsonl"
    keys = {pair.id: shown_first(pair, 0) for pair in pairs_of(read_responses(path))}

    terminal = Terminal(path, out)
    shown = terminal.press("a")
    first = "left 0" if keys["q0"] == "a" else "right 0"
    assert shown.index(first) < shown.index("right 0" if first == "left 0" else "left 0")
    terminal.press("x")  # explained, not taken
    terminal.press("b")
    terminal.press("u")  # q1 again
    assert "left 1" in terminal.press("t")
    terminal.press("q")
    terminal.until("3 left")
    assert terminal.end() == 0
    assert [(row["id"], row["label"]) for row in lines(out)] == [("q5", "equal"), ("q0", keys["q0"]), ("q1", "tie")]

    terminal = Terminal(path, out)
    assert "left 2" in terminal.press("s")
    terminal.press("b")
    terminal.press("a")
    terminal.until("all labelled")
    assert terminal.end() == 0
    rows = lines(out)
    other = {"a": "b", "b": "a"}
    assert [row["label"] for row in rows[3:]] == ["skip", other[keys["q3"]], keys["q4"]]
    assert [row["verdicts"][0] for row in rows[3:]] == [
        {"first": keys["q2"], "won": "skip", "raw": "s"},
        {"first": keys["q3"], "won": "second", "raw": "b"},
        {"first": keys["q4"], "won": "first", "raw": "a"},
    ]


def test_a_label_is_on_disk_when_the_terminal_dies(tmp_path):
    path, out = responses(tmp_path, [["l0", "r0"], ["l1", "r1"]]), tmp_path / "labels.jsonl"
    terminal = Terminal(path, out)
    terminal.press("t")
    terminal.until("=== 1 left ===")
    terminal.process.kill()
    terminal.end()
    assert [row["label"] for row in lines(out)] == ["tie"]


def test_positions_are_balanced_and_depend_on_the_row_alone():
    pairs = [Pair(f"q{i}", (0, 1), "p", "a", "b", {}) for i in range(400)]
    shares = [shown_first(pair, 0) for pair in pairs]
    assert 160 < shares.count("a") < 240
    assert [shown_first(pair, 0) for pair in pairs[::-1]] == shares[::-1]


def test_without_a_terminal_a_human_cannot_be_asked(tmp_path, capsys):
    path = responses(tmp_path, [["l", "r"]])
    assert main(["preferences", "label", str(path), "--by", "human", "-o", str(tmp_path / "l.jsonl")]) == 2
    assert "--by human needs a terminal" in capsys.readouterr().err


# --- check


def labelled(i: int, label: str, a: str = "long answer", b: str = "short", **more) -> dict:
    return {"id": f"q{i}", "pair": [0, 1], "prompt": f"p{i}", "a": a, "b": b, "by": "human", "label": label, **more}


def test_a_check_counts_what_is_missing_doubled_tied_and_biased():
    rows = [labelled(i, label) for i, label in enumerate("aaab")] + [labelled(4, "tie"), labelled(5, "unread")]
    rows += [labelled(6, "a", b=" "), labelled(0, "b"), {**labelled(8, "a"), "prompt": "p0"}]
    found = check(rows, ["q0", "q7"])
    assert found.missing == ("q6#0-1", "q7")
    assert found.repeated == ("q0#0-1",)
    assert found.repeated_texts == 1
    assert found.labels == {"a": 5, "b": 1, "tie": 1, "unread": 1, "skip": 0, "equal": 0}
    assert (found.a_share.value, found.a_share.n) == (pytest.approx(5 / 6), 6)
    assert found.longer_share.value == pytest.approx(5 / 6)
    assert found.first_share is None
    assert not found.fit


def test_pairs_to_train_on_hold_decided_rows_alone_and_are_read_by_training(tmp_path):
    rows = [labelled(0, "a"), labelled(1, "b"), labelled(2, "tie"), labelled(0, "b")]
    assert write_pairs(rows, tmp_path / "pairs.jsonl") == 2
    read, (data,) = read_pairs([PairSource("evaluator", path=str(tmp_path / "pairs.jsonl"))])
    assert data.n == 2
    assert [(row["chosen"], row["rejected"]) for row in read] == [
        (" long answer", " short"),
        (" short", " long answer"),
    ]


def test_labels_that_contradict_each_other_and_no_labels_at_all_are_refused(tmp_path):
    with pytest.raises(DatasetError, match="q1#0-1: the same two responses were decided the other way"):
        write_pairs([labelled(0, "a"), {**labelled(1, "b"), "prompt": "p0"}], tmp_path / "p.jsonl")
    with pytest.raises(DatasetError, match="no row is decided"):
        write_pairs([labelled(0, "tie")], tmp_path / "p.jsonl")


def test_labels_by_another_way_are_not_added_to(tmp_path, capsys):
    path, out = responses(tmp_path, [["The answer is 1.", "2"]], gold="1"), tmp_path / "l.jsonl"
    write(out, [labelled(0, "a")])
    assert main(["preferences", "label", str(path), "--by", "correctness", "-o", str(out)]) == 2
    assert "labelled by 'human', not 'correctness'; choose another --output" in capsys.readouterr().err
