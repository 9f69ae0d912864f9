"""Runs of other tasks and through servers: options, right answers, metrics and prompts."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.foreign_logs import rewrite, rows_of, run_in, samples
from helpers.log_files import choice_rows, questions, write_run, written_row

import mcqa_suite
from mcqa_suite.cli.main import main
from mcqa_suite.logs.rows import read_rows
from mcqa_suite.logs.runs import read_run

SERVERS = {
    "completions": {
        "model": "local-completions",
        "model_args": "model=org/m,base_url=http://localhost:8000/v1/completions",
    },
    "chat": {"model": "local-chat-completions", "model_args": {"model": "org/m", "base_url": "http://localhost:8000"}},
    "vllm": {"model": "vllm", "model_args": "pretrained=org/m,tensor_parallel_size=2", "model_num_parameters": -1},
    "sglang": {
        "model": "sglang",
        "model_args": "pretrained=org/m,dp_size=1",
        "model_num_parameters": -1,
        "model_dtype": "",
    },
    "gguf": {"model": "gguf", "model_args": "base_url=http://localhost:8000"},
}


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.slow
def test_a_run_through_a_server_is_read_and_compared(tmp_path, name):
    source, model = SERVERS[name]["model"], "" if name == "gguf" else "org/m"
    base = run_in(tmp_path / "base")
    served = run_in(tmp_path / "served", noise=0.5, config=SERVERS[name], model=model, model_source=source)
    run = read_run(served)
    assert run.model is not None
    assert SERVERS[name]["model"] in run.model or "org/m" in run.model
    assert run.tasks["arc", "none"].parameters is None
    comparison = mcqa_suite.compare(base, served)
    assert comparison.problems == ()
    assert comparison.to_frame()["n"].tolist() == [12]
    page = tmp_path / "r.html"
    mcqa_suite.report(served, base=base, output=page)
    assert f"--model {source}" in page.read_text(encoding="utf-8")


def test_a_chat_that_a_server_was_sent_is_the_prompt(tmp_path):
    folder = write_run(tmp_path, {"cot": [written_row("cot", i, "B", 1) for i in range(2)]})
    chat = '[{"role": "user", "content": "?"}]'
    rewrite(samples(folder, "cot"), lambda row: row | {"arguments": {"gen_args_0": {"arg_0": [chat], "arg_1": {}}}})
    assert next(iter(read_rows(samples(folder, "cot")))).context == chat


def shaped(doc: dict, target: object, answers: dict[str, str], **scores: float) -> list[dict]:
    """A generated answer to a document of a task of the harness, as each filter logs it."""
    return [
        {
            **{"doc_id": 0, "doc": doc, "target": str(target), "filter": name, "metrics": list(scores)},
            "arguments": {"gen_args_0": {"arg_0": "?", "arg_1": {"until": ["\n"]}}},
            **{"resps": [["It is so. " + answer]], "filtered_resps": [answer]},
            **dict.fromkeys(("doc_hash", "prompt_hash", "target_hash"), "ab" * 32),
            **scores,
        }
        for name, answer in answers.items()
    ]


OPTIONS = [f"{number} J" for number in range(10)]
PRO = {
    "question_id": 70,
    "question": "?",
    "options": OPTIONS,
    "answer": "I",
    "answer_index": 8,
    "cot_content": "",
    "category": "physics",
}
GPQA = {
    "Question": "?",
    "choices": ["w", "x", "y", "z"],
    "choice1": "w",
    "choice2": "x",
    "choice3": "y",
    "choice4": "z",
    "answer": "(C)",
}
MGSM = {"question": "?", "answer": None, "answer_number": 18, "equation_solution": None}
MATH = {
    "problem": "?",
    "level": "Level 5",
    "type": "Algebra",
    "solution": "$\\boxed{\\frac{1}{2}}$",
    "answer": "\\frac{1}{2}",
}
SHAPES = {
    # documents, and of each filter: options, right option, chosen option, unread, metrics
    "mmlu_pro": (shaped(PRO, "I", {"custom-extract": "I"}, exact_match=1.0), [(10, [8], 8, 0.0, ["exact_match"])]),
    "mmlu_pro unread": (
        shaped(PRO, "I", {"custom-extract": "[invalid]"}, exact_match=0.0),
        [(10, [8], -1, 1.0, ["exact_match"])],
    ),
    "mmlu_pro printed": (
        shaped(PRO | {"options": "['a' 'b' 'c']", "answer": "B"}, "B", {"custom-extract": "C"}, exact_match=0.0),
        [(3, [1], 2, 0.0, ["exact_match"])],
    ),
    "gpqa": (
        shaped(GPQA, "(C)", {"strict-match": "[invalid]", "flexible-extract": "(D)"}, exact_match=0.0),
        [(4, [2], -1, 1.0, ["exact_match"]), (4, [2], 3, 0.0, ["exact_match"])],
    ),
    "mgsm": (
        shaped(MGSM, "18", {"remove_whitespace": "18", "flexible-extract": "18"}, exact_match=1.0),
        [(0, [], -1, 0.0, ["exact_match"])] * 2,
    ),
    "math": (
        shaped(MATH, "\\frac{1}{2}", {"none": "0.5"}, exact_match=0, math_verify=1),
        [(0, [], -1, 0.0, ["exact_match", "math_verify"])],
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_documents_of_tasks_of_the_harness_have_their_options_gold_and_metrics(tmp_path, name):
    rows, expected = SHAPES[name]
    folder = write_run(tmp_path, {"t": rows}, configs={"t": {"output_type": "generate_until"}})
    tasks = read_run(folder).tasks.values()
    facts = [
        (
            int(task.samples.options[0]),
            np.flatnonzero(task.samples.gold[0]).tolist(),
            int(task.samples.letter[0]),
            task.unread,
            list(task.samples.scores),
        )
        for task in tasks
    ]
    assert facts == expected
    assert [task.chance for task in tasks] == [1 / options if options else None for options, *_ in expected]


def test_gpqa_by_letters_in_brackets_has_its_gold(tmp_path):
    rows = choice_rows("gpqa", *questions(8))
    for row in rows:
        doc = {**GPQA, "answer": f"({'ABCD'[int(row['target'])]})"}
        row |= {
            "doc": doc,
            "arguments": {f"gen_args_{i}": {"arg_0": "?", "arg_1": f" ({letter})"} for i, letter in enumerate("ABCD")},
        }
    run = read_run(write_run(tmp_path, {"gpqa": rows})).tasks["gpqa", "none"]
    assert run.samples.gold.argmax(axis=1).tolist() == [int(row["target"]) for row in rows]


@pytest.mark.parametrize(
    ("shape", "kind", "answer"), [(PRO, "letters", "I"), (GPQA, "letters", "(C)"), (MGSM, "numbers", "18")]
)
def test_answers_to_documents_of_the_harness_are_extracted_again(tmp_path, capsys, shape, kind, answer):
    rows = shaped(shape, answer, {"none": "[invalid]"}, exact_match=0.0)
    rows[0]["resps"] = [[f"The answer is {answer}."]]
    log = samples(write_run(tmp_path, {"t": rows}), "t")
    assert main(["extract", str(log), "--kind", kind]) == 0
    assert rows_of(log.with_name(log.stem + ".reread.jsonl"))[0]["acc"] == 1.0
