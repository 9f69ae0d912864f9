"""Prompts and the responses drawn for them, from servers and checkpoints."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
from helpers.model_server import prompt_of, serving
from helpers.preference_rows import BASE, MCQ, lines, questions, write

from mcqa_suite.backend.sampling import Sampling, seed_of
from mcqa_suite.cli.main import main
from mcqa_suite.common.chat_template import ChatTemplate
from mcqa_suite.common.errors import CheckpointError, ConfigError, DatasetError
from mcqa_suite.common.jsonl import journal
from mcqa_suite.common.manifest import Hardware, Manifest, content_hash, write_manifest
from mcqa_suite.training_data.preferences.correctness import kind_and_doc
from mcqa_suite.training_data.preferences.sampling import read_prompts, read_responses

# --- prompts


def test_prompts_of_every_form_and_their_right_answers(tmp_path):
    rows = [
        {"id": "a", "prompt": MCQ, "completion": " The answer is B. whale"},
        {"question": MCQ, "answer": "B", "subject": "x"},
        {"question": "How many?", "answer": "6 * 180 = 1,080\n#### 1,080"},
        {"id": "d", "stem": "Largest?", "choices": ["ant", "whale"], "gold": [1]},
    ]
    prompts = read_prompts(write(tmp_path / "data.jsonl", rows))
    assert [kind_and_doc(prompt.row, prompt.text)[0] for prompt in prompts] == [
        "letters",
        "letters",
        "numbers",
        "letters",
    ]
    golds = [kind_and_doc(prompt.row, prompt.text)[1]["gold"] for prompt in prompts]
    assert golds == [[1], [1], "1080", [1]]
    assert "whale" in prompts[1].text
    assert prompts[2].text.startswith("Q: How many?")


def test_the_options_of_a_prompt_come_without_the_instructions_after_them(tmp_path):
    cot = read_prompts(write(tmp_path / "d.jsonl", [{"question": MCQ, "answer": "C"}]))[0].text
    assert "step by step" in cot
    assert kind_and_doc({"completion": " Cats are. The answer is C."}, cot)[1] == {
        "choices": ["ant", "whale", "cat"],
        "gold": [2],
    }


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{"prompt": "p"}, {"prompt": " "}], r"d\.jsonl:2: 'prompt' is blank"),
        ([{"id": 1, "prompt": "p"}, {"id": 1, "prompt": "q"}], r"d\.jsonl:2: id '1' belongs to two prompts"),
        ([{"text": "p"}], r"d\.jsonl:1: no 'question'; expected a 'prompt'"),
    ],
)
def test_a_row_without_a_usable_prompt_is_named_with_file_and_line(tmp_path, rows, words):
    with pytest.raises(DatasetError, match=words):
        read_prompts(write(tmp_path / "d.jsonl", rows))


def test_a_cut_off_last_line_of_the_prompts_is_no_fewer_prompts(tmp_path):
    (tmp_path / "d.jsonl").write_text('{"prompt": "p"}\n{"prompt": "q')
    with pytest.raises(DatasetError, match=r"d\.jsonl:2: not valid JSON"):
        read_prompts(tmp_path / "d.jsonl")


# --- sampling


def test_n_responses_a_prompt_are_sampled_with_seeds_from_the_row_ids(tmp_path, capsys):
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


def test_the_api_key_is_in_the_header_only(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("MCQA_API_KEY", "sesame-17")
    out = tmp_path / "out.jsonl"
    with serving(lambda body: "yes") as served:
        main(["preferences", "sample", str(questions(tmp_path)), "--endpoint", served.url, "-o", str(out)])
    assert {headers["Authorization"] for headers in served.headers} == {"Bearer sesame-17"}
    printed = "".join(capfd.readouterr())
    assert "sesame" not in printed + "".join(path.read_text() for path in tmp_path.iterdir())


@pytest.mark.slow
def test_sampling_resumes_after_a_kill(tmp_path):
    data, out = questions(tmp_path, 8), tmp_path / "out.jsonl"
    with serving(lambda body: f"{prompt_of(body)} {body['seed']}", delay=0.1) as served:
        words = ["preferences", "sample", str(data), "--endpoint", served.url, "--parallel", "2", "-o", str(out)]
        process = subprocess.Popen([sys.executable, "-m", "mcqa_suite.cli.main", *words], stderr=subprocess.DEVNULL)
        while not out.exists() or out.read_bytes().count(b"\n") < 5:
            assert process.poll() is None, "ended too early"
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        before = lines(out)
        with out.open("a") as file:
            file.write('{"id": "q7", "index"')  # what a kill in the middle of a write leaves
        n = len(served.bodies)
        assert main(words) == 0
    rows = lines(out)
    assert rows[: len(before)] == before
    assert sorted((row["id"], row["index"]) for row in rows) == [(f"q{i}", k) for i in range(8) for k in range(2)]
    assert len(served.bodies) - n == 16 - len(before)


@pytest.mark.parametrize("index", [None, "x", [0], 0.5])
def test_a_response_with_an_invalid_index_is_named_with_its_line(tmp_path, index):
    path = tmp_path / "responses.jsonl"
    path.write_text(json.dumps({"id": "q", "index": index, "prompt": "p", "response": "r"}) + "\n")
    with pytest.raises(DatasetError, match=r"responses.jsonl:1: not a response"):
        read_responses(path)


def test_responses_of_other_settings_are_not_appended_to(tmp_path, capsys):
    out = tmp_path / "out.jsonl"
    with serving(lambda body: "yes") as served:
        words = ["preferences", "sample", str(questions(tmp_path)), "--endpoint", served.url, "-o", str(out)]
        assert main(words) == 0
        assert main([*words, "--temperature", "1"]) == 2
    assert "holds responses with temperature 0.7, not 1.0; choose another --output" in capsys.readouterr().err


def test_only_one_command_writes_a_file_at_a_time(tmp_path):
    path = tmp_path / "x.jsonl"
    with journal(path), pytest.raises(ConfigError, match="another command is writing it"), journal(path):
        pass


def test_responses_of_a_checkpoint_differ_within_a_prompt_and_do_not_depend_on_the_batch_size(tmp_path):
    from toy.generated import generate

    from mcqa_suite.backend.sampling import Request, Sampler
    from mcqa_suite.questions.prompts import cot

    settings = Sampling(temperature=1.5, top_p=1.0, max_tokens=8)
    requests = [Request(q.id, k, cot(q), seed_of(0, q.id, k)) for q in generate("test", 6, 0) for k in range(4)]
    texts = {}
    for batch_size in (24, 5):
        sampler = Sampler(str(BASE), chat=False, batch_size=batch_size)
        texts[batch_size] = [written.text for _, written in sampler.generator(settings)(requests)]
    assert texts[24] == texts[5]
    assert len(set(texts[24])) > 6
    greedy = Sampler(str(BASE), chat=False).generator(Sampling(temperature=0, max_tokens=4))(requests)
    assert len({written.text for request, written in greedy if request.id == requests[0].id}) == 1


def test_draws_follow_the_models_distribution():
    import torch

    from mcqa_suite.backend.sampling import _draws

    scores = torch.log(torch.tensor([[0.5, 0.3, 0.15, 0.05]])).repeat(4000, 1)
    drawn = _draws(range(4000), Sampling(temperature=1.0, top_p=0.9), "cpu")(
        torch.zeros(4000, 1).long(), scores
    ).argmax(-1)
    shares = torch.bincount(drawn, minlength=4) / 4000
    assert shares.tolist() == pytest.approx([0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95, 0.0], abs=0.03)


def test_the_toy_checkpoint_samples_pairs_that_correctness_labels(tmp_path, capsys):
    from dataclasses import asdict

    from toy.generated import generate

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


def test_a_too_long_prompt_and_an_adapter_are_errors(tmp_path, tiny_checkpoint):
    from mcqa_suite.backend.sampling import Request, Sampler

    with pytest.raises(ConfigError, match=r"a prompt of 2000 tokens and --max-tokens 8 exceed the context of 1024"):
        list(Sampler(str(tiny_checkpoint)).generator(Sampling(max_tokens=8))([Request("x", 0, "a" * 2000, 1)]))
    with pytest.raises(ConfigError, match=r"--chat-template: the tokenizer of .* has no chat template"):
        Sampler(str(tiny_checkpoint), chat=True)
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(CheckpointError, match="is an adapter; give the folder of its parent"):
        Sampler(str(tmp_path))


@pytest.mark.parametrize("way", [True, False])
def test_a_checkpoint_is_sampled_as_its_manifest_says_of_written_answers_or_as_it_is_told(tmp_path, way):
    from mcqa_suite.backend.sampling import Sampler

    checkpoint = tmp_path / "sft"
    shutil.copytree(BASE, checkpoint)
    chat = ChatTemplate(letter=not way, cloze=not way, written=way)
    facts = Manifest("sft", "sft", None, {}, content_hash(checkpoint), 0, Hardware("cpu", 1), 1.0, chat_template=chat)
    write_manifest(checkpoint, facts)
    assert Sampler(str(checkpoint)).chat is way
    assert Sampler(str(checkpoint), chat=not way).chat is not way


@pytest.mark.parametrize(
    "row",
    [
        {"stem": 1e308, "choices": ["a", "b"], "gold": [0]},
        {"stem": "s", "choices": [[[]], "b"], "gold": [0]},
        {"stem": "s", "choices": ["a", None], "gold": [0]},
        {"stem": "s", "choices": ["a", "b"], "gold": ["a"]},
        {"stem": "s", "choices": 5, "gold": [0]},
        {"question": 5, "answer": "#### 2"},
        {"question": None, "solution": "2"},
    ],
)
def test_a_question_whose_texts_are_none_is_named_by_its_line(tmp_path, row):
    path = tmp_path / "prompts.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"prompts\.jsonl:1: .*expected a 'prompt'"):
        read_prompts(path)
