"""The audit compares what a reader sees: another spelling of a test question is the question."""

from __future__ import annotations

import json
import re
import time

import pytest
from helpers.audit_rows import DEPTHS, SEA, choice, kinds, mcq_prompt, row

from mcqa_suite.common.paths import tasks_dir
from mcqa_suite.questions.epfl import read_epfl
from mcqa_suite.training_data.audit import audit
from mcqa_suite.training_data.audit.report import as_json, markdown
from mcqa_suite.training_data.audit.rows import as_row, read_training_rows
from mcqa_suite.training_data.audit.text import folded, key_of, shapes, words
from mcqa_suite.training_data.audit.visible import visible

CYRILLIC = str.maketrans("aeopcxyiABEHIKMOPCTX", "аеорсхуіАВЕНІКМОРСТХ")
GREEK = str.maketrans("oviABEHIKMNOPTXYZ", "ονιΑΒΕΗΙΚΜΝΟΡΤΧΥΖ")
WAYS = {
    "soft hyphen": lambda text: re.sub(r"(\w\w\w)(\w)", "\\1\u00ad\\2", text),
    "zero width space": lambda text: re.sub(r"(\w\w\w)(\w)", "\\1\u200b\\2", text),
    "word joiner and direction": lambda text: f"\u2066{text.replace('e', chr(0x2060) + 'e')}\u2069",
    "control character": lambda text: text.replace("e", "e\x08"),
    "variation selector": lambda text: text.replace("e", "e\ufe0f"),
    "no-break space entity": lambda text: text.replace(" ", "&nbsp;"),
    "numeric entities": lambda text: "".join(f"&#{ord(c)};" for c in text),
    "entities in entities": lambda text: text.replace(" ", "&amp;nbsp;"),
    "span tags": lambda text: " ".join(f"<span>{word}</span>" for word in text.split(" ")),
    "tags in words": lambda text: re.sub(r"(\w\w)(\w)", r"\1<b class='x'>\2</b>", text),
    "tags as entities": lambda text: re.sub(r"(\w\w)(\w)", r"\1&lt;i&gt;\2&lt;/i&gt;", text),
    "comments": lambda text: text.replace(" ", " <!-- x -->"),
    "combining marks": lambda text: re.sub(r"([a-z])", "\\1\u0301\u0336", text),
    "Cyrillic letters": lambda text: text.translate(CYRILLIC),
    "Greek letters": lambda text: text.translate(GREEK),
    "full width": lambda text: "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in text),
    "bold letters": lambda text: re.sub(r"[a-z]", lambda match: chr(0x1D41A + ord(match[0]) - ord("a")), text),
    "l for I and 1 for l": lambda text: text.replace("l", "1").replace("I", "l"),
    "0 for O, rn for m": lambda text: text.replace("o", "0").replace("m", "rn"),
    "hyphens at line ends": lambda text: re.sub(r"([a-z]{3})([a-z]{2})", r"\1-\n\2", text),
    "soft hyphens at line ends": lambda text: re.sub(r"([a-z]{3})([a-z]{2})", "\\1\u00ad\r\n\\2", text),
}
ways = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


@ways
def test_a_question_is_found_however_it_is_spelt_in_a_prompt_and_inside_a_text(way):
    prompt = mcq_prompt(way(SEA), tuple(map(way, DEPTHS)))
    assert "question" in kinds(audit([row(prompt, " A")], [choice()]))
    text = f"From my notes. {way(SEA)} I knew that. More notes follow."
    assert {leak.kind for leak in audit([row(text, " fine")], [choice()]).leaks} == {"8-gram"}


@ways
def test_a_short_question_is_found_by_its_key(way):
    assert key_of(visible(way("Which one lives in water?"))) == key_of("Which one lives in water?")


@ways
def test_another_question_in_any_spelling_is_no_leak(way):
    other = "Which of the planets that move around the sun is so close to it that no water could stay on it for long?"
    assert audit(
        [row(mcq_prompt(way(other), tuple(map(way, ("Mars", "Venus", "Mercury", "Saturn")))))], [choice()]
    ).clean


def test_tags_are_not_the_signs_of_a_formula_and_a_negated_sign_is_not_the_sign():
    for text in ("if a<b and c>d then x<y", "3 < 4 & 5 > 2", "P(A|B) <= 1", "well-known, x-y, non-\nlinear 5-\n4"):
        assert folded(visible(text)) == folded(text.replace("-\nl", "l"))
    assert visible("x ≠ 1") == visible("x =\u0338 1") != visible("x = 1")
    assert words(visible("Janet’s ½ – CAFÉ_2")) == ["janet", "s", "1", "2", "cafe", "2"]
    assert shapes("Ill 10") == shapes("lil lO")
    assert visible("<p>A. one</p><p>B. two<br/>three</p>").split() == ["A.", "one", "B.", "two", "three"]


def test_a_compound_word_keeps_its_hyphen_at_a_line_end_where_no_question_has_it_as_one_word():
    stem = (
        "Which well-known photosynthesis product of green plants is stored in the roots of most vegetables over winter?"
    )
    text = stem.replace("well-known", "well-\nknown").replace("photosynthesis", "photo-\nsyn-\nthesis")
    (leak,) = audit([row(f"Note: {text} Ok.", " fine")], [choice(stem)]).leaks
    assert (leak.kind, leak.share) == ("8-gram", 1.0)


HOSTILE = ("a" * 100_000, *(part * 30_000 for part in ("<", "<a ", "<!--", "<a x=", "aa- ", "&amp;", "e\u0301")))


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:5])
def test_hostile_texts_take_linear_time(text):
    start = time.process_time()
    visible(f"{text}é")
    assert time.process_time() - start < 2


def test_what_a_row_holds_in_another_form_is_audited_too():
    spoken = [{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "Yes."}]
    both = as_row({"messages": spoken, "prompt": mcq_prompt(), "completion": " A"}, "1", "f")
    assert (both["prompt"], both["completion"]) == ("Hello?", "Yes.")
    assert "question" in kinds(audit([both], [choice()]))
    hidden = [{"role": "user", "content": mcq_prompt()}, {"role": "assistant", "content": " A"}]
    assert "question" in kinds(
        audit([as_row({"prompt": "Hello?", "completion": "x", "messages": hidden}, "1", "f")], [choice()])
    )
    assert "also" not in as_row({"messages": spoken, "prompt": "Hello?"}, "1", "f")
    assert "also" not in as_row({"question": mcq_prompt(), "answer": "B"}, "1", "f")


PASSAGE = (
    "Scientists have recorded data on global temperature changes over the last hundred years and have predicted possible "
    "changes in sea level that may affect all people who live near the coasts of the oceans."
)


def test_another_question_on_the_same_passage_is_no_leak_and_not_clean():
    item = choice(
        f"{PASSAGE} Which action helps reduce it?", ("new roads", "large cars", "wind power", "coal plants"), 2
    )
    other = mcq_prompt(
        f"{PASSAGE} Which result will most harm them?", ("lost land", "flat hills", "cold air", "more ice")
    )
    result = audit([row(other, " A")], [item])
    assert (kinds(result), result.leaks, result.clean) == ({"passage", "13-gram"}, (), ())
    same = mcq_prompt(f"{PASSAGE} Which action helps reduce it?", ("wind power", "big roads", "planes", "coal plants"))
    assert {leak.kind for leak in audit([row(same, " A")], [item]).leaks} == {"8-gram"}


def test_a_question_that_ends_in_other_words_and_has_other_options_is_another_question():
    item = choice(
        "Which of these is an important safety rule to follow when using chemicals?",
        ("Tie back long hair.", "Refrigerate all chemicals.", "Label all test tubes.", "Throw away matches."),
        2,
    )
    stem = "Which of these is an important safety rule to follow when using an electrical device?"
    other = mcq_prompt(stem, ("Wear an apron.", "Keep the work area dry.", "Put out all flames.", "Wear gloves."))
    assert audit([row(other, " B")], [item]).leaks == ()


def test_the_report_says_what_an_audit_cannot_find():
    result = audit([row("What is it?")], [choice()])
    for text in (markdown(result), as_json(result)):
        assert "paraphrases and translations" in text
    assert json.loads(as_json(result))["leaks"] == 0


@pytest.mark.parametrize(
    "way", ["soft hyphen", "zero width space", "no-break space entity", "span tags", "Cyrillic letters"]
)
def test_all_questions_of_the_bundled_exam_are_found_in_every_spelling(tmp_path, way):
    spell = WAYS[way]
    questions, _ = read_epfl(tasks_dir() / "epfl" / "sample.jsonl")
    items = [choice(question.stem, question.choices, question.gold[0], i) for i, question in enumerate(questions)]
    prompts = [mcq_prompt(spell(question.stem), tuple(map(spell, question.choices))) for question in questions]
    path = tmp_path / "train.jsonl"
    path.write_text("".join(json.dumps({"prompt": p, "completion": " A"}) + "\n" for p in prompts), encoding="utf-8")
    result = audit(read_training_rows(path), items)
    assert (len(result.leaks), result.clean) == (len(questions), ())
