"""Training rows are looked over before they are trained on: what is wrong with them, and which evaluation items they hold."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from conftest import REPOSITORY, SHARED, needs_hub

from mcqa_suite import grids, prompts
from mcqa_suite.audit import Audit, audit
from mcqa_suite.audit.checks import balance, letter_of
from mcqa_suite.audit.engine import audit_items
from mcqa_suite.audit.grids import canonical, grids_in, pair_keys
from mcqa_suite.audit.items import item_of
from mcqa_suite.audit.ngrams import BOILERPLATE, Grams, Vocabulary
from mcqa_suite.audit.rows import as_row
from mcqa_suite.audit.text import folded, key_of, masked, question_of, words
from mcqa_suite.cli import main
from mcqa_suite.epfl import read_epfl
from mcqa_suite.errors import DatasetError
from mcqa_suite.question import Question

EGGS = "Mary Ann had 1,080 eggs and sold 17 of them to her neighbour at the market. How many eggs has she left?"
EGGS_TOO = "Bob had 12 eggs and sold 3.5 of them to his neighbour at the market. How many eggs has he left?"
SEA = "Which layer of the sea lies below two hundred metres, where light is too weak for any plant to grow?"
DEPTHS = ("twilight zone", "sunlight zone", "sea bed", "tidal zone")


def row(prompt: str, completion: str = " A", **more: str) -> dict[str, str]:
    return {"id": "r", "group": prompt, "source": "s", "topic": "", "prompt": prompt, "completion": completion} | more


def pair(prompt: str, chosen: str, rejected: str, name: str = "p") -> dict[str, str]:
    return {"id": name, "group": prompt, "prompt": prompt, "chosen": chosen, "rejected": rejected}


def choice(stem: str = SEA, choices: tuple[str, ...] = DEPTHS, gold: int = 0, number: int = 0) -> object:
    return item_of("made_up", number, {"id": f"q{number}", "stem": stem, "choices": list(choices), "gold": [gold]})


def problem(text: str = EGGS, number: int = 0) -> object:
    return item_of("made_up_math", number, {"id": f"m{number}", "question": text, "gold": "1063"})


def asked(stem: str = SEA, choices: tuple[str, ...] = DEPTHS) -> str:
    return prompts.letter(Question("x", stem, choices, (0,)))


def kinds(found: Audit) -> set[str]:
    return {one.kind for one in found.overlaps}


# Gold position, duplicates, lengths, baselines.


def test_gold_always_at_a_is_named():
    found = audit([row(asked(f"Question {i} of many?"), id=str(i)) for i in range(40)])
    assert found.checks.balance is not None
    assert found.checks.balance.verdict.startswith("gold always at A: ")
    assert "gold always at A" in found.text()


def test_shuffled_golds_are_not_called_uneven():
    letters = random.Random(0).choices("ABCD", k=2000)
    assert balance([(letter, 4) for letter in letters]).verdict == "even, as far as these rows can tell"


def test_balance_is_pearsons_chi_square_even_where_rows_differ_in_their_options():
    from scipy import stats

    golds = [("A", 4)] * 30 + [("B", 4)] * 20 + [("C", 4)] * 25 + [("D", 4)] * 25
    found = balance(golds)
    assert (found.chi_square, found.p) == pytest.approx(tuple(stats.chisquare([30, 20, 25, 25])))
    mixed = balance([("A", 2), ("B", 2), ("A", 4), ("B", 4), ("C", 4), ("D", 4)])
    assert mixed.expected == pytest.approx((2, 2, 1, 1))
    assert mixed.chi_square == 0


@pytest.mark.parametrize(
    ("response", "letter"),
    [
        (" B", "B"),
        ("(c)", "C"),
        (" B. twilight zone", "B"),
        ("The correct answer is D. tidal zone", "D"),
        ("Light is weak there. The answer is A.", "A"),
        (" A plant needs light", None),
        (" twilight zone", None),
        (" F", None),
    ],
)
def test_the_letter_of_a_training_answer(response, letter):
    assert letter_of(response, 4) == letter


def test_duplicates_conflicts_and_empty_rows_are_named():
    rows = [
        row(asked(), " A", id="first"),
        row(asked(), " A", id="again"),
        row(asked(SEA.upper() + " "), " a", id="shouted"),
        row(asked(), " A. twilight zone", id="more words, same answer"),
        row(asked(), " B", id="other answer"),
        row("Say something.", "  ", id="blank"),
    ]
    found = audit(rows).checks
    assert found.exact == ("again",)
    assert found.normalised == ("shouted",)
    assert found.conflicting == (("first", "other answer"),)
    assert found.empty == ("blank",)


def test_questions_that_differ_in_a_sign_are_no_duplicates():
    rows = [row(f"What is the degree of Q(sqrt(2) {sign} sqrt(3))?", f" {i}") for i, sign in enumerate("+-*")]
    found = audit(rows).checks
    assert found.normalised == found.conflicting == ()
    assert folded("1.5 m, or 15 m?") == "1.5mor15m"


def test_worked_solutions_that_end_on_one_number_do_not_conflict():
    rows = [row(EGGS, f" {text}\n#### 1,063") for text in ("1080 - 17", "Take 17 away.")]
    assert audit(rows).checks.conflicting == ()
    assert len(audit([*rows, row(EGGS, " Add 17.\n#### 1,097")]).checks.conflicting) == 1


def test_rows_that_are_too_long_are_named_in_characters_and_in_tokens():
    rows = [row("a", " b", id="short"), row("What is the unit of force? " * 30, " newton", id="long")]
    assert audit(rows, max_length=100).checks.lengths.over == ("long",)
    tokens = audit(rows, max_length=30, tokenizer=REPOSITORY / "training" / "base").checks.lengths
    assert (tokens.unit, tokens.over) == ("tokens", ("long",))
    assert 30 < tokens.longest < len(rows[1]["prompt"])


def test_pairs_give_their_length_baseline_with_an_interval_over_prompts():
    rows = [pair(f"p{i // 4}", "x" * 5, "x" * (9 if i < 60 else 1), str(i)) for i in range(100)]
    rows += [pair("q", "same", "same", "equal")]
    found = audit(rows).checks.pairs
    assert found is not None
    assert found.equal == ("equal",)
    assert (found.same_length, found.shorter.value, found.longer.value) == (1, 0.6, 0.4)
    alone = audit([row | {"group": row["id"]} for row in rows]).checks.pairs
    # four pairs of one prompt agree: they are worth less than four pairs of four prompts
    assert found.shorter.half_width > 1.5 * alone.shorter.half_width


def test_a_response_chosen_here_and_rejected_there_is_a_conflict():
    rows = [pair("p", "yes", "no", "one"), pair("p", "no", "yes", "two"), pair("q", "yes", "no", "three")]
    assert set(audit(rows).checks.conflicting) == {("one", "two"), ("two", "one")}


# Overlap.


@pytest.mark.parametrize(
    "prompt",
    [
        asked(),
        asked(choices=DEPTHS[::-1]),
        asked().replace("Question: ", "").replace("\n\nAnswer:", ""),
        asked().replace("A. ", "A) ").replace("\n", "\r\n"),
        f"You are an expert.\n\n{asked()}",
        prompts.cot(Question("x", SEA, DEPTHS, (0,))),
        prompts.cloze(Question("x", SEA, DEPTHS, (0,))),
        SEA.upper(),
    ],
)
def test_the_same_question_is_a_leak_in_whatever_form_it_is_asked(prompt):
    found = audit_items([row(prompt, " twilight zone")], [choice()])
    assert "question" in kinds(found)
    assert [(one.task, one.doc_id, one.row) for one in found.leaks] == [("made_up", 0, "r")]
    assert found.clean == ()


def test_a_short_question_is_the_same_one_only_with_its_options_or_its_answer():
    metals, gases = ("iron", "oak", "owl", "cat"), ("iron", "ant", "elm", "cod")
    items = [choice("Which of these is a metal?", metals)]
    assert kinds(audit_items([row(asked("Which of these is a metal?", metals[::-1]), " D")], items)) == {"question"}
    other = audit_items([row(asked("Which of these is a metal?", gases), " A")], items)
    assert (kinds(other), other.leaks, other.clean) == ({"answer"}, (), ())
    assert kinds(audit_items([row(asked("Which of these is a metal?", ("tin", "bee", "fir", "dog")))], items)) == set()
    whole = [choice("What is the unit of force?", ("newton", "watt", "volt", "ohm"))]
    assert kinds(audit_items([row("Question: What is the unit of force?\n\nAnswer:", " newton")], whole)) == {
        "question"
    }
    assert kinds(audit_items([row("Question: What is the unit of force?\n\nAnswer:", " watt")], whole)) == set()


def test_a_question_inside_a_longer_text_is_found_by_its_8_grams():
    text = f"From my notes on biology. {SEA} I answered the twilight zone, and that was right. More notes follow here."
    found = audit_items([row(text, " fine")], [choice()])
    assert {one.kind for one in found.leaks} == {"8-gram"}


def test_one_run_of_13_words_takes_an_item_off_the_clean_list_and_is_no_leak():
    start = " ".join(SEA.split()[:14])
    items = [choice(f"{SEA} Say it with reference to what you know of {i}, of {i + 1} and of {i + 2}.") for i in (1,)]
    found = audit_items([row(f"{start} there are many fish?", " yes")], items)
    assert (kinds(found), found.leaks, found.clean) == ({"13-gram"}, (), ())


def test_an_instance_of_the_same_word_problem_is_a_template_leak():
    found = audit_items([row(prompts.math(EGGS_TOO), " 8.5")], [problem()])
    assert kinds(found) == {"template"}
    assert found.leaks[0].row == "r"
    other = "Bob has 12 hens that lay 3 eggs a day, of which he eats 2. How many eggs can he sell in 7 days?"
    assert audit_items([row(prompts.math(other), " 238")], [problem()]).overlaps == ()
    assert masked("Mary Ann had 1,080 eggs; she sold 3.5") == ["xx", "had", "0", "eggs", "xx", "sold", "0"]


def test_what_many_questions_begin_with_is_overlap_with_none_of_them():
    head = "Use the passage above, which was taken from a book on the history of science, to answer this: what is"
    items = [choice(f"{head} the {i}th of all the {i + 100} things?", number=i) for i in range(BOILERPLATE + 2)]
    rows = [row(f"{head} a book?", " paper")]
    assert audit_items(rows, items).overlaps == ()
    assert len(audit_items(rows, items[:3]).overlaps) == 3


def test_n_gram_shares_equal_those_counted_with_sets():
    rng = random.Random(3)
    texts = [[str(rng.randrange(3)) for _ in range(rng.randrange(2, 30))] for _ in range(60)]
    corpus = [[str(rng.randrange(4)) for _ in range(rng.randrange(0, 80))] for _ in range(50)]

    def grams(text: list[str]) -> set[tuple[str, ...]]:
        return {tuple(text[i : i + 5]) for i in range(len(text) - 4)}

    vocabulary, lengths = Vocabulary(texts), np.array([len(text) for text in texts])
    kinds = np.zeros(len(texts), np.int64)  # all of one kind, so that nothing is boilerplate
    counted = Grams(5, texts, lengths, kinds, vocabulary, 0.5)
    for start in range(0, len(corpus), 7):
        counted.feed(*vocabulary.encode(corpus[start : start + 7]), start)
    found = counted.coverage()
    everything = set().union(*map(grams, corpus))
    for i, own in enumerate(map(grams, texts)):
        shared = [len(own & grams(text)) for text in corpus]
        assert found.total[i] == len(own)
        assert found.found[i] == pytest.approx(len(own & everything) / max(1, len(own)))
        assert found.row[i] == (shared.index(max(shared)) if max(shared) else -1)
        assert found.rows[i] == (sum(n >= len(own) / 2 for n in shared if n) if own else 0)


def test_a_task_of_grids_is_known_turned_mirrored_recoloured_and_in_other_spellings():
    rng = np.random.default_rng(0)
    examples = [{"input": rng.integers(0, 4, (3, 5)), "output": rng.integers(0, 4, (4, 4))} for _ in range(3)]

    def as_text(change) -> str:
        changed = [{side: change(grid).tolist() for side, grid in example.items()} for example in examples]
        solved = grids.prompt([grids.Pair(**pair) for pair in changed[:2]], changed[2]["input"])
        return f"{solved}\n{grids.encode(changed[2]['output'])}"

    keys = pair_keys(as_text(np.asarray))
    assert len(set(keys)) == 3
    colours = np.array([7, 2, 9, 0])
    for change in (
        np.rot90,
        np.fliplr,
        np.transpose,
        lambda grid: colours[grid],
        lambda grid: np.rot90(colours[grid].T, 3),
    ):
        assert pair_keys(as_text(change)) == keys
    assert pair_keys(json.dumps([[e["input"].tolist(), e["output"].tolist()] for e in examples])) == keys
    plain = [["".join(map(str, line)) for line in e[side]] for e in examples for side in ("input", "output")]
    assert pair_keys("\n\n".join("\n".join(lines) for lines in plain)) == keys
    blocks = ["\n".join(f"{i} {line}" for i, line in enumerate(lines, 1)) for lines in plain]
    assert pair_keys("\n".join(f"```grid shape: 3x3\n{block}\n```" for block in blocks)) == keys
    assert canonical(examples[0]["input"], examples[0]["output"]) != canonical(
        examples[0]["output"], examples[0]["input"]
    )
    assert [grid.shape for grid in grids_in(as_text(np.asarray))] == [(3, 5), (4, 4)] * 3


def test_a_row_may_have_any_of_the_forms_that_are_met():
    spoken = [{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "Yes."}]
    assert as_row({"messages": spoken}, "1", "f")["completion"] == "Yes."
    assert as_row({"prompt": spoken[:1], "chosen": spoken[1:], "rejected": "No."}, "1", "f")["chosen"] == "Yes."
    epfl = as_row({"subject": "sea", "question": asked(), "answer": "B"}, "1", "f")
    assert (epfl["topic"], epfl["completion"], epfl["prompt"]) == ("sea", " B", asked())
    for bad, why in (
        ({"messages": spoken[:1]}, "assistant"),
        ({"prompt": "x"}, "completion"),
        ({"a": 1}, "'a'"),
        ([], "list"),
    ):
        with pytest.raises(ValueError, match=why):
            as_row(bad, "1", "f")


def test_a_prompt_gives_its_question_without_instruction_and_tail():
    assert question_of(prompts.math(EGGS)) == (EGGS, ())
    assert question_of(asked()) == (SEA, DEPTHS)
    shots = f"{asked('Which is one?')} A\n\n{asked()}"
    assert question_of(shots) == (SEA, DEPTHS)
    assert key_of(SEA, DEPTHS) == key_of(SEA.lower(), DEPTHS[::-1]) != key_of(SEA, DEPTHS[:3])
    assert words("Janet’s ½ – CAFÉ_2") == ["janet", "s", "1", "2", "café", "2"]


# The command.


def write(path: Path, rows: list[dict]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def test_the_command_exits_with_1_on_a_leak_and_names_it(tmp_path, capsys):
    questions, _ = read_epfl(REPOSITORY / "tasks" / "epfl" / "sample.jsonl")
    rows = [
        {"id": f"row {i}", "prompt": prompts.letter(q), "completion": f" {q.answer}"}
        for i, q in enumerate(questions[:7])
    ]
    data = write(tmp_path / "train.jsonl", rows)
    assert main(["audit", data, "--against", "mcqa_epfl", "-o", str(tmp_path / "out")]) == 1
    told = capsys.readouterr().out
    assert "**Leak**: 7 of 160 evaluation documents are in the training rows" in told
    assert f"mcqa_epfl document 6 ({questions[6].id}): question in row row 6" in told
    assert (tmp_path / "out" / "report.md").read_text(encoding="utf-8") == told
    lines = (tmp_path / "out" / "overlaps.csv").read_text(encoding="utf-8").splitlines()
    assert lines[1] == f"mcqa_epfl,0,{questions[0].id},question,1,row 0,1,1,1"
    clean = json.loads((tmp_path / "out" / "clean.json").read_text(encoding="utf-8"))["tasks"]["mcqa_epfl"]
    assert (clean["documents"], clean["doc_ids"]) == (160, list(range(7, 160)))
    assert main(["audit", data, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["checks"]["n"] == 7


def test_the_command_reads_the_rows_of_a_stage_and_of_a_recipe(tmp_path, capsys):
    stage = tmp_path / "stage.yaml"
    stage.write_text("bits: 4\ncalibration: [{source: generated, n: 12}]\n", encoding="utf-8")
    assert main(["audit", str(stage), "--against", "mcqa_epfl"]) == 0
    assert "# Audit of 12 training rows\n" in capsys.readouterr().out
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "name: x\nstages:\n  - {name: s, kind: sft, parent: base, settings: {data: [{source: generated, n: 12, style: cloze}]}}\n"
        "evaluate: [{tasks: [mcqa_generated]}]\n",
        encoding="utf-8",
    )
    # the generated questions are few: what is the unit of force, asked without options, is asked again in the test
    assert main(["audit", str(recipe)]) == 1
    assert "| mcqa_generated | 1000 |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        (
            "a.jsonl",
            '{"prompt": "x", "completion": "y"}\n{"prompt": "x"}\n',
            "a.jsonl:2: no 'completion'; mend the row",
        ),
        ("a.jsonl", "\n", "a.jsonl: no row in it"),
        ("a.jsonl", "{", "a.jsonl:1: Expecting"),
        ("a.yaml", "bats: 4\n", "a.yaml: neither a recipe (no 'stages') nor the settings of a stage"),
    ],
)
def test_data_that_cannot_be_read_is_one_line(tmp_path, capsys, name, text, told):
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert main(["audit", str(tmp_path / name)]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


def test_other_input_that_cannot_be_used_is_one_line(tmp_path, capsys):
    data = write(tmp_path / "a.jsonl", [{"prompt": "x", "completion": "y"}])
    for words_, told in (
        ([str(tmp_path / "none.jsonl")], "No such file"),
        ([data, "--against", "mcqa_epfll"], "unknown task 'mcqa_epfll': did you mean"),
        ([data, "--tokenizer", str(tmp_path)], "no tokenizer.json in it"),
    ):
        assert main(["audit", *words_]) == 2
        assert told in capsys.readouterr().err
    with pytest.raises(DatasetError, match="no training row"):
        audit([])


# The shared real data.


@needs_hub
@pytest.mark.parametrize(
    ("name", "task", "leaks", "documents"),
    [
        ("gsm8k_preference_pairs.jsonl", "mcqa_gsm8k", 731, 1319),
        ("epfl_mcq_from_mmlu_stem_test.jsonl", "mcqa_mmlu_stem", 3153, 3153),
    ],
)
def test_test_questions_in_shared_training_data_are_all_found(name, task, leaks, documents):
    from mcqa_suite.audit.rows import read_jsonl

    found = audit(read_jsonl(SHARED / "data" / name), [task])
    assert (len(found.leaks), len(found.items)) == (leaks, documents)


def test_arc_1_evaluation_tasks_are_found_in_arc_2_training_and_not_in_arc_1_training():
    def leaked(release: int) -> set[str]:
        rows = [row(one["text"], grids.encode(one["output"]), id=one["id"]) for one in grids.load(release, "training")]
        items = [item_of("arc", i, one, lambda doc: doc["text"]) for i, one in enumerate(grids.load(1, "evaluation"))]
        return {one.item.split("/")[1] for one in audit_items(rows, items).leaks}

    assert len(leaked(2)) == 376
    # two evaluation tasks are recoloured or share a pair with a training task
    assert leaked(1) == {"070dd51e", "50a16a69"}
