"""Test questions in training rows are found in every form, and nothing else is."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
from helpers.audit_rows import DEPTHS, EGGS, EGGS_TOO, SEA, choice, kinds, mcq_prompt, problem, row

from mcqa_suite import grids
from mcqa_suite.questions import prompts
from mcqa_suite.questions.question import Question
from mcqa_suite.training_data.audit import audit
from mcqa_suite.training_data.audit.grids import canonical, grids_in, pair_keys
from mcqa_suite.training_data.audit.ngrams import BOILERPLATE, ngrams, specific_ngrams
from mcqa_suite.training_data.audit.overlap import covered
from mcqa_suite.training_data.audit.rows import as_row
from mcqa_suite.training_data.audit.text import key_of, masked, question_of, questions_of, words

# Overlap.


@pytest.mark.parametrize(
    "prompt",
    [
        mcq_prompt(),
        mcq_prompt(choices=DEPTHS[::-1]),
        mcq_prompt().replace("Question: ", "").replace("\n\nAnswer:", ""),
        mcq_prompt().replace("A. ", "A) ").replace("\n", "\r\n"),
        f"You are an expert.\n\n{mcq_prompt()}",
        prompts.cot(Question("x", SEA, DEPTHS, (0,))),
        prompts.cloze(Question("x", SEA, DEPTHS, (0,))),
        SEA.upper(),
    ],
)
def test_the_same_question_is_a_leak_in_every_prompt_format(prompt):
    result = audit([row(prompt, " twilight zone")], [choice()])
    assert "question" in kinds(result)
    assert [(overlap.task, overlap.doc_id, overlap.row) for overlap in result.leaks] == [("made_up", 0, "r")]
    assert result.clean == ()


def test_a_short_question_among_the_worked_examples_of_a_row_is_a_leak():
    item = choice("What is a metal?", ("iron", "oak", "owl", "cat"))
    shots = f"{mcq_prompt('What is a metal?', ('oak', 'iron', 'cat', 'owl'))} B\n\n{mcq_prompt()}"
    assert [leak.kind for leak in audit([row(shots, " A")], [item]).leaks] == ["question"]
    assert (
        audit(
            [row(mcq_prompt("What is a metal?", ("tin", "bee", "fir", "dog")) + " A\n\n" + mcq_prompt())], [item]
        ).leaks
        == ()
    )


def test_a_short_question_is_the_same_question_only_with_its_options_or_its_answer():
    metals, gases = ("iron", "oak", "owl", "cat"), ("iron", "ant", "elm", "cod")
    items = [choice("Which of these is a metal?", metals)]
    assert kinds(audit([row(mcq_prompt("Which of these is a metal?", metals[::-1]), " D")], items)) == {"question"}
    other = audit([row(mcq_prompt("Which of these is a metal?", gases), " A")], items)
    assert (kinds(other), other.leaks, other.clean) == ({"answer"}, (), ())
    assert kinds(audit([row(mcq_prompt("Which of these is a metal?", ("tin", "bee", "fir", "dog")))], items)) == set()
    whole = [choice("What is the unit of force?", ("newton", "watt", "volt", "ohm"))]
    assert kinds(audit([row("Question: What is the unit of force?\n\nAnswer:", " newton")], whole)) == {"question"}
    assert kinds(audit([row("Question: What is the unit of force?\n\nAnswer:", " watt")], whole)) == set()


def test_a_question_inside_a_longer_text_is_found_by_its_8_grams():
    text = f"From my notes on biology. {SEA} I answered the twilight zone, and that was right. More notes follow here."
    result = audit([row(text, " fine")], [choice()])
    assert {overlap.kind for overlap in result.leaks} == {"8-gram"}


def test_a_common_13_gram_makes_an_item_not_clean_but_is_no_leak():
    start = " ".join(SEA.split()[:14])
    items = [choice(f"{SEA} Say it with reference to what you know of {i}, of {i + 1} and of {i + 2}.") for i in (1,)]
    result = audit([row(f"{start} there are many fish?", " yes")], items)
    assert (kinds(result), result.leaks, result.clean) == ({"13-gram"}, (), ())


def test_an_instance_of_the_same_word_problem_is_a_template_leak():
    result = audit([row(prompts.math(EGGS_TOO), " 8.5")], [problem()])
    assert kinds(result) == {"template"}
    assert result.leaks[0].row == "r"
    assert kinds(audit([row(prompts.final_answer(EGGS_TOO), " 8.5")], [problem()])) == {"template"}
    assert "question" in kinds(audit([row(prompts.final_answer(EGGS), " 1063")], [problem()]))
    other = "Bob has 12 hens that lay 3 eggs a day, of which he eats 2. How many eggs can he sell in 7 days?"
    assert audit([row(prompts.math(other), " 238")], [problem()]).overlaps == ()
    assert masked("Mary Ann had 1,080 eggs; she sold 3.5") == ["xx", "had", "0", "eggs", "xx", "sold", "0"]


def test_words_that_many_questions_begin_with_are_no_overlap():
    head = "Use the passage above, which was taken from a book on the history of science, to answer this: what is"
    items = [choice(f"{head} the {i}th of all the {i + 100} things?", number=i) for i in range(BOILERPLATE + 2)]
    rows = [row(f"{head} a book?", " paper")]
    assert audit(rows, items).overlaps == ()
    assert len(audit(rows, items[:3]).overlaps) == 3


def test_n_gram_shares_equal_those_counted_with_sets():
    rng = random.Random(3)
    texts = [[str(rng.randrange(3)) for _ in range(rng.randrange(2, 30))] for _ in range(60)]
    corpus = [[str(rng.randrange(4)) for _ in range(rng.randrange(0, 80))] for _ in range(50)]

    def grams(text: list[str]) -> set[tuple[str, ...]]:
        return {tuple(text[i : i + 5]) for i in range(len(text) - 4)}

    own = specific_ngrams(texts, 5, ["one"] * len(texts))  # all of one kind, so that nothing is boilerplate
    items = [problem(" ".join(text), number) for number, text in enumerate(texts)]
    rows = [row(" ".join(text), "", id=f"{number}") for number, text in enumerate(corpus)]
    overlaps = covered("8-gram", items, own, rows, lambda text: ngrams(text.split(), 5), 0.5)
    result = {item.number: (item.overlap, item.shared) for item in overlaps}
    everything = set().union(*map(grams, corpus))
    assert own == list(map(grams, texts))
    for i, mine in enumerate(own):
        shared = [len(mine & grams(text)) for text in corpus]
        if not any(shared):
            assert i not in result
            continue
        overlap, parts = result[i]
        assert parts == mine & everything
        assert overlap.share == pytest.approx(len(mine & everything) / len(mine))
        assert (overlap.row, overlap.row_share) == (f"{shared.index(max(shared))}", max(shared) / len(mine))
        assert overlap.rows == sum(n >= len(mine) / 2 for n in shared if n)


def test_an_arc_task_has_the_same_keys_when_turned_mirrored_recoloured_or_written_differently():
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


def test_training_rows_are_read_in_every_usual_form():
    spoken = [{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "Yes."}]
    assert as_row({"messages": spoken}, "1", "f")["completion"] == "Yes."
    assert as_row({"prompt": spoken[:1], "chosen": spoken[1:], "rejected": "No."}, "1", "f")["chosen"] == "Yes."
    epfl = as_row({"subject": "sea", "question": mcq_prompt(), "answer": "B"}, "1", "f")
    assert (epfl["topic"], epfl["completion"], epfl["prompt"]) == ("sea", " B", mcq_prompt())
    for bad, why in (
        ({"messages": spoken[:1]}, "assistant"),
        ({"prompt": "x"}, "completion"),
        ({"a": 1}, "'a'"),
        ([], "list"),
    ):
        with pytest.raises(ValueError, match=why):
            as_row(bad, "1", "f")


def test_the_question_of_a_prompt_comes_without_instructions_and_answer_mark():
    assert question_of(prompts.math(EGGS)) == (EGGS, ())
    assert question_of(mcq_prompt()) == (SEA, DEPTHS)
    shots = f"{mcq_prompt('Which is one?')} A\n\n{mcq_prompt()}"
    assert question_of(shots) == (SEA, DEPTHS)
    assert questions_of(shots) == [(SEA, DEPTHS), ("Which is one?", DEPTHS)]
    assert questions_of(f"{prompts.math(EGGS)} 1080 - 17\n= 1063.\n\n{prompts.math('How many?')}") == [
        ("How many?", ()),
        (EGGS, ()),
    ]
    colons = "Question: Which is one?\nA: tin\nB: oak\nAnswer: A\n\nQuestion: And here?\nA: 1\nB: 2\nAnswer:"
    assert questions_of(colons) == [("And here?", ("1", "2")), ("Which is one?", ("tin", "oak"))]
    assert key_of(SEA, DEPTHS) == key_of(SEA.lower(), DEPTHS[::-1]) != key_of(SEA, DEPTHS[:3])
    assert words("Janet's 1/2 – CAFÉ_2") == ["janet", "s", "1", "2", "café", "2"]


# The rows that give items away.


def rest(rows: list, result) -> list:
    return [row for number, row in enumerate(rows) if number not in result.leaking_rows]


def test_every_row_that_holds_an_item_is_named_and_not_only_the_first():
    rows = [row(mcq_prompt(), id="a"), row("Which gas do plants take up?", id="b"), row(SEA, " x", id="c")]
    rows += [row(f"From my notes on biology. {SEA} I knew that. More notes follow.", " fine", id="d")]
    result = audit(rows, [choice()])
    named = {rows[number]["id"]: [leak.kind for leak in leaks] for number, leaks in result.leaking_rows.items()}
    assert named == {"a": ["question"], "c": ["question"], "d": ["8-gram"]}
    assert audit(rest(rows, result), [choice()]).leaks == ()
    assert audit([row(prompts.math(EGGS_TOO)), row("What is it?")], [problem()]).leaking_rows.keys() == {0}


def test_rows_that_only_together_hold_an_item_are_no_leak():
    text = [f"w{i}" for i in range(57)]  # 50 runs of 8 words
    rows = [
        row(" ".join(text[start:end]), " x", id=f"{start}") for start, end in ((0, 27), (20, 42), (35, 48), (41, 57))
    ]
    result = audit(rows, [problem(" ".join(text))])
    assert (kinds(result), result.leaks, result.clean) == ({"13-gram"}, (), ())


@pytest.mark.parametrize("seed", range(20))
def test_no_item_leaks_without_the_named_rows_and_rows_are_named_only_for_items_that_leak(seed):
    rng = random.Random(seed)
    text = [f"w{rng.randrange(40)}" for _ in range(3000)]

    def piece(least: int, most: int) -> str:
        start = rng.randrange(2900)
        return " ".join(text[start : start + rng.randrange(least, most)])

    items = [choice(piece(8, 60), (piece(1, 9), "no"), number=number) for number in range(12)]
    rows = [row(piece(5, 90), " x", id=str(number)) for number in range(60)]
    result = audit(rows, items)
    others = rest(rows, result)
    assert audit(others, items).leaks == ()
    assert bool(result.leaking_rows) == bool(result.leaks)
    for leaks in result.leaking_rows.values():
        assert {leak.item for leak in leaks} <= {leak.item for leak in result.leaks}
