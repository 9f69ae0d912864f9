"""The templates written for this project, the tasks that ask them, and the rows to train on."""

from __future__ import annotations

import re
import shutil
from collections import Counter

import pytest

from mcqa_suite import symbolic
from mcqa_suite.common.errors import ConfigError, DatasetError, TemplateError
from mcqa_suite.common.paths import tasks_dir
from mcqa_suite.evaluation.check import check
from mcqa_suite.harness.tasks import load_leaves, manager
from mcqa_suite.symbolic import Template, calculations, defaults
from mcqa_suite.training_data.sources import Source, rows

TEMPLATES = tasks_dir() / "symbolic_local" / "templates"
PATHS = sorted(TEMPLATES.glob("*/*.txt"))


def test_every_variant_has_the_same_number_of_stories():
    stories = {variant: {path.stem for path in (TEMPLATES / variant).glob("*.txt")} for variant in symbolic.VARIANTS}
    assert sum(map(len, stories.values())) >= 40
    assert len({frozenset(names) for names in stories.values()}) == 1
    assert not stories["main"] & {path.stem for path in (TEMPLATES / "dev").glob("*.txt")}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_story_is_well_formed_and_both_golds_agree(path):
    template = Template.load(path)
    shown = defaults.values(template.parsed)
    assert all(condition(shown) for condition in template.parsed.conditions)
    instances = [template.default(), *template.sample(25, seed=11)]
    for instance in instances:
        marked, off = calculations(instance.answer)
        assert marked
        assert not off
        assert re.fullmatch(r"\d{1,5}", instance.gold), instance
        assert not re.search(r"-\d|\d\.\d", instance.solution), (
            instance.solution
        )  # no negative quantity, nothing broken
        both = f"{instance.question} {instance.solution}"
        assert not re.search(r"\b[Aa] [aeiou]|  |[{}]|\s[.,?]|(?<![\d/*+-] )\b1 (?!less|is|remains)[a-z]+s\b", both), (
            both
        )
        assert instance.question.endswith("?")
        assert all(sentence[0].isupper() or not sentence[0].isalpha() for sentence in instance.question.split(". "))


def test_a_no_op_changes_the_words_and_not_the_answer():
    for path in sorted((TEMPLATES / "main").glob("*.txt")):
        main, noop = Template.load(path), Template.load(TEMPLATES / "noop" / path.name)
        assert main.default().gold == noop.default().gold
        assert len(noop.default().question) > len(main.default().question)
        assert main.parsed.result.source == noop.parsed.result.source


def test_harder_variants_take_more_calculations():
    for path in sorted((TEMPLATES / "main").glob("*.txt")):
        counts = [
            calculations(Template.load(TEMPLATES / variant / path.name).default().answer)[0]
            for variant in ("main", "p1", "p2")
        ]
        assert counts[0] < counts[1] < counts[2], path


def test_documents_are_the_same_for_a_seed_and_name_template_and_instance():
    docs = symbolic.documents("p1", seed=4, instances=3)
    assert docs == symbolic.documents("p1", seed=4, instances=3)
    assert [doc["instance"] for doc in docs] == sorted(doc["instance"] for doc in docs)
    assert docs[0]["id"] == f"symbolic_local_p1/{docs[0]['template']}/0"
    assert len({doc["id"] for doc in docs}) == len(docs) == 3 * 12
    assert {doc["question"] for doc in docs}.isdisjoint(
        doc["question"] for doc in symbolic.documents("p1", seed=5, instances=3)
    )


def first_numbers(docs):
    return {(doc["template"], *re.findall(r"\d+", doc["question"])[:2]) for doc in docs}


@pytest.mark.slow
def test_training_rows_share_no_numbers_with_any_test_of_any_variant():
    rows = symbolic.rows(symbolic.VARIANTS, n=600, seed=0)
    assert len(rows) == 600
    assert len({row["id"] for row in rows}) == 600
    questions = [doc for variant in symbolic.VARIANTS for doc in symbolic.documents(variant, seed=0)]
    stories = {"ferry", "library", "tiles", "honey", "workshop"}  # whose first two numbers stand first in the question
    shared = first_numbers(r for r in rows if r["template"] in stories) & first_numbers(questions)
    assert not shared
    assert {row["question"] for row in rows}.isdisjoint(doc["question"] for doc in questions)


def test_training_rows_are_shared_evenly_among_templates():
    rows = symbolic.rows(("main", "p1"), n=50, seed=3)
    counts = Counter((row["template"], row["variant"]) for row in rows)
    assert len(rows) == 50
    assert max(counts.values()) - min(counts.values()) <= 1
    assert {row["variant"] for row in rows} == {"main", "p1"}


@pytest.mark.slow
def test_the_tasks_render_and_show_examples_of_other_templates():
    checks = check(["mcqa_symbolic_local"], {"seed": 9, "instances": 2})
    assert [numbers.n for numbers in checks] == [24] * 4
    from lm_eval import simple_evaluate

    results = simple_evaluate(
        model="dummy",
        tasks=["mcqa_symbolic_local_p2"],
        task_manager=manager({"seed": 9, "instances": 2}),
        bootstrap_iters=0,
        limit=2,
    )
    sample = results["samples"]["mcqa_symbolic_local_p2"][1]
    prompt = sample["arguments"][0][0]
    assert prompt.count("The final answer is ") == 8
    assert prompt.count("Q: ") == 9
    assert sample["doc"] == symbolic.documents("p2", seed=9, instances=2)[1]


@pytest.mark.parametrize("metadata", [{"instances": 0}, {"instances": "50"}, {"seed": 1.5}, {"seed": -1}])
def test_a_bad_seed_or_count_is_named(metadata):
    with pytest.raises((ConfigError, DatasetError), match=rf"{next(iter(metadata))} is .*expected a whole number"):
        check(["mcqa_symbolic_local_main"], metadata)


def test_a_folder_of_templates_takes_the_place_of_a_variants(tmp_path):
    (tmp_path / "own").mkdir()
    shutil.copy(TEMPLATES / "main" / "printing.txt", tmp_path / "own" / "mine.txt")
    metadata = {"templates": str(tmp_path / "own"), "instances": 6}
    [task] = load_leaves(["mcqa_symbolic_local_main_final_answer"], metadata)
    documents = list(task.eval_docs)
    assert {doc["template"] for doc in documents} == {"mine"}
    trained = rows(Source("symbolic_local", n=20, path=str(tmp_path / "own"), style="final_answer"))
    assert {row["group"] for row in trained} == {"symbolic_local/mine"}
    assert len(documents) == 6
    assert not {row["prompt"] for row in trained} & {task.doc_to_text(doc) for doc in documents}


def test_a_folder_without_templates_is_one_line(tmp_path):
    for folder, reason in ((tmp_path / "none", "no such folder"), (tmp_path, "no template")):
        with pytest.raises((ConfigError, TemplateError), match=reason) as error:
            load_leaves(["mcqa_symbolic_local_main"], {"templates": str(folder)})
        assert "\n" not in str(error.value)
