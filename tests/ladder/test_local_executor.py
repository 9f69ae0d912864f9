"""Which of several ready steps starts, and when."""

import threading

from mcqa_suite.ladder.recipe import Stage
from mcqa_suite.ladder.stage_settings import BnbSettings
from mcqa_suite.ladder.steps import LocalExecutor, Step

STAGE = Stage("int8", "bnb", "base", BnbSettings(format="int8"))


def step(number, *, stage=None, cpus=1, entries=1):
    return Step(number, f"rung{number}", stage, frozenset(), 1, cpus, cpus, 0, 0 if stage else entries)


def order(executor, steps):
    """The numbers of steps in the order in which they ended, and the largest number of cores that they took together."""
    taken, most, lock = 0, 0, threading.Lock()

    def run(step):
        nonlocal taken, most
        with lock:
            taken += step.cpus
            most = max(most, taken)
        threading.Event().wait(0.05)
        with lock:
            taken -= step.cpus

    for each in steps:
        executor.submit(each, lambda each=each: run(each))
    ended = [executor.next()[0].number for _ in steps]
    executor.close()
    return ended, most


def test_one_slot_runs_steps_by_number():
    assert order(LocalExecutor(1, cores=4), [step(3, stage=STAGE), step(2), step(4)]) == ([2, 3, 4], 1)


def test_several_slots_run_stages_first():
    ended, most = order(LocalExecutor(2, cores=2), [step(2), step(3), step(4, stage=STAGE), step(5, stage=STAGE)])
    assert (set(ended[:2]), set(ended[2:]), most) == ({4, 5}, {2, 3}, 2)


def test_several_slots_run_the_evaluations_with_most_entries_first():
    ended, _ = order(LocalExecutor(2, cores=2), [step(2), step(3), step(4, entries=2), step(5, entries=3)])
    assert (set(ended[:2]), set(ended[2:])) == ({4, 5}, {2, 3})


def test_a_step_waits_until_its_cores_are_free():
    steps = [step(2), step(3, stage=STAGE, cpus=2), step(4, stage=STAGE), step(5)]
    ended, most = order(LocalExecutor(2, cores=2), steps)
    assert (ended[0], most) == (3, 2)


def test_a_step_that_wants_more_cores_than_there_are_runs_alone():
    ended, most = order(LocalExecutor(2, cores=2), [step(2, stage=STAGE), step(3, stage=STAGE, cpus=8)])
    assert (ended, most) == ([2, 3], 8)
