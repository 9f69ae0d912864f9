"""Grids as text and back, views and their inverses, votes, scores and submissions."""

from __future__ import annotations

import json
import re
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcqa_suite import grids
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.grids import Augmentation, Pair, Task, augmentations, augmented, encoder, submission, swapped
from mcqa_suite.grids.augment import DIHEDRAL

FORMS = [
    "spaced",
    "plain",
    "separator",
    "json",
    "plain+rows",
    "spaced+rows",
    "plain+shape",
    "plain+code",
    "plain+rows+shape",
    "plain+rows+shape+code",
    "json+code",
]
SIDE = st.integers(1, 30)


@st.composite
def any_grid(draw):
    width, height = draw(SIDE), draw(SIDE)
    cells = st.lists(st.integers(0, 9), min_size=width, max_size=width)
    return draw(st.lists(cells, min_size=height, max_size=height))


@cache
def public_tasks():
    """The 800 tasks of the first release and the 120 evaluation tasks of the second."""
    tasks = [task for split in ("training", "evaluation") for task in grids.load_tasks(1, split)]
    return [*tasks, *grids.load_tasks(2, "evaluation")]


def test_there_are_920_public_tasks():
    assert len(public_tasks()) == 920


@pytest.mark.parametrize("name", FORMS)
@settings(max_examples=60, deadline=None)
@given(grid=any_grid())
@pytest.mark.slow
def test_every_form_is_reversible(name, grid):
    form = encoder(name)
    assert form.decode(form.encode(grid)) == grid


@pytest.mark.parametrize("name", FORMS)
def test_every_form_of_every_public_output_is_read_back(name):
    form = encoder(name)
    for task in public_tasks()[::4]:
        for pair in task.test:
            text = form.encode(pair.output)
            assert form.decode(text) == pair.output
            assert grids.read(f"The rule is a mirror.\n{text}\n", form).answer == pair.output, (task.id, text)


def test_the_form_for_small_models_is_written_as_its_name_says():
    text = encoder("plain+rows+shape+code").encode([[3, 0, 3], [0, 3, 0]])
    assert text == "```grid\nshape: 2x3\n1 303\n2 030\n```"


def test_text_in_another_form_is_not_decoded():
    for text in ("1 303\n3 030", "303\n03", "3 0", ""):
        with pytest.raises(ValueError, match=r".*"):
            encoder("plain+rows").decode(text)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("letters", "starts with 'letters'; expected one of spaced, plain, separator, json"),
        ("plain+colour", "unknown part 'colour'; expected one of rows, shape, code"),
        ("plain+code+code", "'code' comes twice"),
        ("json+rows", "json has no rows"),
        ("__import__('os')", "starts with"),
    ],
)
def test_an_unknown_form_is_named(name, reason):
    with pytest.raises(ConfigError, match=re.escape(reason)):
        encoder(name)


def test_every_view_of_every_public_task_has_an_exact_inverse():
    for number, task in enumerate(public_tasks()):
        for view in augmentations(task, 3, seed=number, keep_background=number % 2 == 0)[1:]:
            turned = Augmentation((number + view.symmetry) % len(DIHEDRAL), view.colours, view.order)
            for pair in (*task.train, *task.test):
                assert turned.inverse(turned.forward(pair.output)) == pair.output
                assert turned.forward(turned.inverse(pair.input)) == pair.input


def test_the_eight_symmetries_differ():
    grid = [[1, 2, 3], [4, 5, 6]]
    assert len({json.dumps(Augmentation(symmetry).forward(grid)) for symmetry in range(8)}) == 8


def test_views_keep_the_background_by_default():
    task = public_tasks()[0]
    assert {view.colours[0] for view in augmentations(task, 16)} == {0}
    assert {view.colours[0] for view in augmentations(task, 16, keep_background=False)} != {0}
    assert augmentations(task, 16) == augmentations(task, 16)
    assert augmentations(task, 16) != augmentations(task, 16, seed=1)
    assert sorted(view.symmetry for view in augmentations(task, 8)) == list(range(8))


def test_swapping_keeps_every_pair_once():
    task = public_tasks()[0]
    for other in swapped(task):
        assert set(map(str, other.train + other.test)) == set(map(str, task.train + task.test))
        assert other.test[0] not in other.train


def test_votes_count_equal_grids_and_loglikelihood_breaks_ties():
    a, b = [[1]], [[2]]
    assert [candidate.grid for candidate in grids.by_votes([b, a, None, a])] == [a, b]
    assert [candidate.grid for candidate in grids.by_votes([b, a])] == [b, a]
    assert [candidate.grid for candidate in grids.by_votes([b, a], [-3.0, -1.0])] == [a, b]
    ranked = grids.by_loglikelihood(grids.by_votes([b, b, a]), {json.dumps(a): -2.0, json.dumps(b): -9.0})
    assert [candidate.grid for candidate in ranked] == [a, b]


def test_a_grid_is_scored_by_cell_only_where_its_shape_is_right():
    right = [[1, 2], [3, 4]]
    assert grids.score(right, right) == grids.GridScore(True, True, 1.0)
    assert grids.score([[1, 2], [3, 0]], right) == grids.GridScore(False, True, 0.75)
    assert grids.score([[1, 2]], right) == grids.GridScore(False, False, 0.0)
    assert grids.score(None, right) == grids.GridScore(False, False, 0.0)


RULES = ["67a3c6ac", "68b16354", "74dd1130", "3c9b0459", "6150a2bd", "ed36ccf7", "9dfd6313"]


def solve(text, form):
    """Reads a prompt as a model would, and applies whichever symmetry explains the demonstrations."""
    parts = re.split(r"(?:Input|Output) \d+:\n", text)[1:]
    shown = [form.decode(part.strip("\n")) for part in parts if part.strip("\n")]
    pairs, question = list(zip(shown[0::2], shown[1::2], strict=False)), shown[-1]
    for symmetry in range(8):
        turn = Augmentation(symmetry).forward
        if all(turn(before) == after for before, after in pairs):
            return form.encode(turn(question))
    return "I cannot see the rule."


@pytest.mark.parametrize(
    "name",
    ["plain+rows+shape+code", *(pytest.param(name, marks=pytest.mark.slow) for name in ("spaced", "json"))],
)
@pytest.mark.slow
def test_a_solver_of_simple_tasks_scores_full_marks_through_the_harness(name):
    from lm_eval import simple_evaluate
    from lm_eval.api.model import LM

    from mcqa_suite.harness.tasks import manager

    class Solver(LM):
        def loglikelihood(self, requests):
            raise NotImplementedError  # grid tasks only generate: a request for scores is a fault of the task

        loglikelihood_rolling = loglikelihood

        def generate_until(self, requests):
            return [solve(request.args[0], encoder(name)) for request in requests]

    rows = list(grids.load_views(1, "training", 8, name))
    indices = [index for index, row in enumerate(rows) if row["task_id"] in RULES]
    assert len(indices) == 8 * len([row for row in grids.load(1, "training") if row["task_id"] in RULES])
    task = "mcqa_arc_grid_1_training_views"
    results = simple_evaluate(
        model=Solver(),
        tasks=[task],
        task_manager=manager({"encoder": name}),
        samples={task: indices},
        bootstrap_iters=0,
    )["results"][task]
    assert results["acc,extracted"] == results["vote_score,extracted"] == results["cells,extracted"] == 1.0


def test_answers_that_are_no_grid_are_unread_and_not_wrong():
    from mcqa_suite.logs.scoring import read_all

    doc = {"output": [[1, 2], [3, 4]], "encoder": "spaced"}
    for text in ("1 2\n3", "I cannot see the rule.", "[[1, 2], [3]]"):
        assert read_all("grids", [text], doc)[0].answer is None, text


def test_a_huge_response_is_read_quickly_and_is_no_grid():
    row = " ".join(["1"] * 1000)
    assert grids.read("\n".join([row] * 1000), encoder("plain+rows")).answer is None


def test_a_submission_has_two_attempts_an_output():
    content = submission({"t1": [[[[1]], [[2]], [[3]]], []], "t2": [[[[4, 4]]]]})
    assert content["t1"] == [
        {"attempt_1": [[1]], "attempt_2": [[2]]},
        {"attempt_1": [[0]], "attempt_2": [[0]]},
    ]
    assert content["t2"] == [{"attempt_1": [[4, 4]], "attempt_2": [[0]]}]


def test_a_task_may_have_one_demonstration():
    task = Task("t", (Pair([[1]], [[2]]),), (Pair([[3]], [[4]]),))
    assert augmented(task, Augmentation(order=(0,))).train == task.train
