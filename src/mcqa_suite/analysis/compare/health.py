"""Health checks of paired answers: conditions under which a task's scores are not valid, or doubtful."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from mcqa_suite import stats
from mcqa_suite.analysis.compare.pairing import Answers, Pairs, pair
from mcqa_suite.analysis.compare.result import OF_THE_MODEL, FailedCheck, Key
from mcqa_suite.logs.agreement import UnpairedCounts
from mcqa_suite.logs.guessing import chances, guessing
from mcqa_suite.logs.runs import Run, TaskRun
from mcqa_suite.logs.samples import Booleans, Floats, Hashes, Integers, Samples
from mcqa_suite.logs.weights import CONTENTS
from mcqa_suite.questions.question import option_label

TIED = 0.1  # largest share of documents whose options all have the same log-likelihood
CONSTANT = 0.95  # smallest share of answers with the same letter that fails the check
FEWEST = 10  # with fewer documents the constant-letter check is skipped
# Fewest characters of responses that two models cannot have in common by chance. The closest pairs of models, 8-bit weights and
# what they were made from, write the same text for a few hundred tokens.
NO_COINCIDENCE = 20_000
LEVEL = 0.01  # level of the test against chance, divided by the number of comparisons


def failed_checks(
    pairs: Pairs, task: str, base: str, variant: str, *, same_model: bool, comparisons: int
) -> list[FailedCheck]:
    """Every check that fails in either run of a task."""
    level = LEVEL / max(1, comparisons)
    checks = [
        _failed(task, run, *condition, pairs)
        for run, answers in ((base, pairs.base), (variant, pairs.variant))
        for condition in _conditions(answers, pairs, level)
    ]
    return checks + _identical(pairs, task, base, variant, same_model)


def faults_of(task: TaskRun, run: str) -> list[FailedCheck]:
    """What is wrong with a run's log of a task under one filter."""
    return [
        FailedCheck(task.task, run, fault.condition, fault.detail, fault.invalid, task.filter) for fault in task.faults
    ]


def checks_of(task: TaskRun, run: str, metric: str, comparisons: int) -> list[FailedCheck]:
    """Every check that fails in one run of a task, without another to compare it with."""
    pairs, _ = pair(task.samples, task.samples, metric)
    conditions = _conditions(pairs.base, pairs, LEVEL / max(1, comparisons))
    failed = [_failed(task.task, run, *condition, pairs) for condition in conditions]
    return [*faults_of(task, run), *(replace(check, filter=task.filter) for check in failed)]


def of_group(checks: Sequence[FailedCheck], group: str, sizes: Mapping[str, int]) -> Iterator[FailedCheck]:
    """The checks of a group's tasks, with one for each condition in place of those for how the model answers.

    Such a check makes the mean invalid where the tasks in which it does so hold half of the documents. `sizes`: documents of
    each task.
    """
    by_condition: dict[str, list[FailedCheck]] = {}
    for check in checks:
        if check.condition in OF_THE_MODEL:
            by_condition.setdefault(check.condition, []).append(check)
        else:
            yield check
    for condition, failed in by_condition.items():
        invalid = 2 * sum(sizes[check.task] for check in failed if check.invalid) >= sum(sizes.values())
        detail = f"{condition} in {len(failed)} of {len(sizes)} tasks"
        yield replace(failed[0], task=group, detail=detail, invalid=invalid)


def _failed(task: str, run: str, condition: str, detail: str, pairs: Pairs) -> FailedCheck:
    """A failed check; where the length of the options decides, a score below chance is what the model got."""
    if condition == "below chance" and pairs.by_length:
        advice = "the length of the options decides acc where their texts are scored; prefer acc_norm"
        return FailedCheck(task, run, condition, f"{detail}: {advice}", invalid=False)
    return FailedCheck(task, run, condition, detail, invalid=True)


def at_chance(pairs: Pairs, task: str, variant: str) -> list[FailedCheck]:
    """Neither model's 95 % interval lies above chance."""
    chance = guessing([pairs.asked]).chance if pairs.is_accuracy else None
    scores = (pairs.base.score, pairs.variant.score)
    if chance is None or max(stats.share_estimate(score, pairs.cluster).low for score in scores) > chance:
        return []
    return [FailedCheck(task, variant, "at chance", "neither score is above that of guessing", invalid=False)]


def lost_pairs(unpaired: UnpairedCounts, pairs: int, task: str, variant: str, *, forced: bool) -> list[FailedCheck]:
    """The documents without a partner: beyond a few, the others may be a selection, unless that was `forced`."""
    if not unpaired.total:
        return []
    detail = f"{unpaired.total} of {pairs + unpaired.total} documents are not paired: {unpaired.reasons()}"
    return [FailedCheck(task, variant, "not paired", detail, invalid=unpaired.too_many(pairs) and not forced)]


def _conditions(answers: Answers, pairs: Pairs, level: float) -> Iterator[tuple[str, str]]:
    n, mask = pairs.n, pairs.option_mask
    most = np.maximum(pairs.base.options, pairs.variant.options)
    if (short := answers.options < most).any():
        first = int(short.argmax())
        example = f"{answers.options[first]} instead of {most[first]} in document {pairs.doc_id[first]}"
        yield "options missing", f"{short.sum()} of {n} documents have fewer options than elsewhere ({example})"
    if (values := answers.loglikelihoods) is not None:
        tied = ((values == values[:, :1]) | ~mask).all(axis=1) & (pairs.options > 1)
        if tied.mean() > TIED:
            yield "all equal", f"all options have the same log-likelihood in {tied.sum()} of {n} documents"
    if not pairs.is_accuracy:
        return
    if answers.unread is not None and (answers.unread == 1).all():
        yield "unread", f"no answer could be read in any of {n} documents"
    else:
        yield from _below_chance(answers, pairs, level)
    yield from _constant(answers, pairs)


def _below_chance(answers: Answers, pairs: Pairs, level: float) -> Iterator[tuple[str, str]]:
    """Significantly fewer right answers than guessing gives; unread answers are not counted."""
    if pairs.options.min() == 0:
        return
    read = np.ones(pairs.n, bool) if answers.unread is None else answers.unread == 0
    scores = answers.score[read]
    chance = float(chances(*pairs.asked)[read].mean()) if len(scores) else 0.0
    if _is_below(scores, pairs.cluster[read], chance, level):
        share = f"{100 * scores.mean():.1f} % right of {len(scores)} documents"
        yield "below chance", f"{share}, significantly below the {100 * chance:.1f} % of guessing"


def _is_below(scores: Floats, cluster: Hashes, chance: float, level: float) -> bool:
    """One-sided test: of independent documents by their number, of others by the interval over clusters."""
    if len(np.unique(cluster)) == len(cluster):
        return stats.mean_below(scores, chance) < level
    return stats.share_estimate(scores, cluster, 1 - 2 * level).high < chance


def _constant(answers: Answers, pairs: Pairs) -> Iterator[tuple[str, str]]:
    picks = answers.pick[answers.pick >= 0]
    if len(picks) < FEWEST or not pairs.gold.any():
        return
    counts = np.bincount(picks)
    letter = int(counts.argmax())
    right = pairs.gold[:, letter : letter + 1].any(axis=1).mean()
    if counts[letter] >= CONSTANT * len(picks) and right < CONSTANT:
        share = f"{counts[letter]} of {len(picks)} answers are {option_label(letter)}"
        yield "constant letter", f"{share}, which is right in {100 * right:.1f} %"


def _identical(pairs: Pairs, task: str, base: str, variant: str, same_model: bool) -> list[FailedCheck]:
    """The same log-likelihoods or responses in both runs."""
    scores, other_scores = pairs.base.loglikelihoods, pairs.variant.loglikelihoods
    responses, other_responses = pairs.base.response, pairs.variant.response
    if scores is not None and other_scores is not None:
        same = ((scores == other_scores) | ~pairs.option_mask).all(axis=1)
    elif responses is not None and other_responses is not None:
        scores, same = None, responses == other_responses
    else:
        return []
    if same_model and same.all():
        subject = f"every {'response' if scores is None else 'log-likelihood'} is {base}'s"
        return [FailedCheck(task, variant, "identical", f"{subject}: it is the same model", invalid=False)]
    check = None if same_model else _copied(task, base, variant, same, scores, pairs.base.written)
    return [check] if check else []


def _copied(
    task: str, base: str, variant: str, same: Booleans, scores: Floats | None, written: Integers | None
) -> FailedCheck | None:
    """The check that fails where answers are another model's; None where they are not.

    `same`: which documents have the same answer, to the last digit, in both runs. `scores`: their log-likelihoods, None for
    generated answers, of which `written` are the characters.
    """
    if same.all():
        subject = f"every {'response' if scores is None else 'log-likelihood'} is {base}'s"
        doubt = f"{subject}; check that the variant was loaded, and that the runs share no cache"
        impossible = scores is not None or written is None or int(written.sum()) >= NO_COINCIDENCE
        return FailedCheck(task, variant, "identical", doubt, invalid=impossible)
    if scores is None or 2 * same.sum() < len(same):
        return None
    # Log-likelihoods that several documents have, such as rounded ones, are no sign of a copy.
    if len(np.unique(scores[same], axis=0)) < max(FEWEST, len(same) / 2):
        return None
    doubt = f"the log-likelihoods of {same.sum()} of {len(same)} documents are {base}'s"
    doubt += "; check that the variant was loaded, and that logs and caches were not mixed up"
    return FailedCheck(task, variant, "identical", doubt, invalid=True)


Copies = Mapping[tuple[str, Key], FailedCheck]  # by run, task and filter


def copies_among(runs: Sequence[Run]) -> Copies:
    """A failed check for each result whose answers are those of another model among the runs before it."""
    checks: dict[tuple[str, Key], FailedCheck] = {}
    for number, run in enumerate(runs):
        for other in runs[:number]:
            if is_same_model(other, run):
                continue
            for key in other.tasks.keys() & run.tasks.keys():
                first = other.tasks[key].samples
                if (run.name, key) in checks or (same := _same_answers(first, run.tasks[key].samples)) is None:
                    continue
                if check := _copied(key[0], other.name, run.name, same, first.loglikelihoods, first.written):
                    checks[run.name, key] = replace(check, filter=key[1])
    return checks


def _same_answers(first: Samples, second: Samples) -> Booleans | None:
    """Which documents have the same log-likelihoods or response; None for logs of other documents, or without these."""
    if not np.array_equal(first.doc_id, second.doc_id):
        return None
    if first.loglikelihoods is not None and second.loglikelihoods is not None:
        if first.loglikelihoods.shape != second.loglikelihoods.shape:
            return None
        return np.asarray((first.loglikelihoods == second.loglikelihoods).all(axis=1))
    if first.response is not None and second.response is not None:
        return np.asarray(first.response == second.response)
    return None


def is_same_model(first: Run, second: Run) -> bool:
    """The same folder, the same model, or the same weights by the results file and by the manifest."""
    hashes = [[run.weights.get(name) for name in CONTENTS] for run in (first, second)]
    same_weights = None not in hashes[0] and hashes[0] == hashes[1]
    same_model = first.model is not None and first.model == second.model
    return same_weights or same_model or first.path.resolve() == second.path.resolve()
