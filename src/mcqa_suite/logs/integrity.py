"""Whether a sample log holds what its results file speaks of, once and without contradictions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mcqa_suite.logs.metrics import METRICS
from mcqa_suite.logs.printed_values import number
from mcqa_suite.logs.samples import Samples

LOST = 0.01  # largest share of samples that may be missing, copied or without a partner: the rest may be a selection
COPIED = 0.1  # largest share of samples whose prompt and answer are another's: some data sets hold a question twice
REPEATED = 0.25  # largest share of repeated documents that a data set may have; 11 of 102 of MMLU's college_physics are
INCOMPLETE = ("samples missing", "samples added", "failed")
ROUNDED = 1e-4  # largest distance of a results value from the mean of its samples


@dataclass(frozen=True)
class Fault:
    """What is wrong with a log: a `condition` and its `detail`; `invalid` if its scores cannot be trusted."""

    condition: str
    detail: str
    invalid: bool

    def line(self, where: str) -> str:
        return f"{where}: {'not valid' if self.invalid else 'warning'} ({self.condition}): {self.detail}"


def fault_lines(where: str, faults: Iterable[Fault], *, invalid: bool) -> tuple[str, ...]:
    """A line for each fault that makes the scores of `where` invalid; or for each of the others."""
    return tuple(fault.line(where) for fault in faults if fault.invalid == invalid)


@dataclass(frozen=True)
class Recorded:
    """What a results file says of a task under one filter: the numbers of samples that it gives, and the means of metrics.

    `remarks`: what Inspect says of the whole evaluation, by condition.
    """

    counts: tuple[int, ...] = ()
    means: Mapping[str, float] | None = None
    remarks: Mapping[str, str] = field(default_factory=dict)


def recorded(results: Mapping[str, Any], task: str, filter_name: str) -> Recorded:
    """Read the counts and means; a metric of METRICS that is not aggregated by a mean is left out."""
    values = results.get("results", {}).get(task, {})
    counts = (values.get("sample_len"), results.get("n-samples", {}).get(task, {}).get("effective"))
    listed = results["configs"][task].get("metric_list")
    metrics = [metric for metric in listed if isinstance(metric, dict)] if isinstance(listed, list) else []
    other = {str(m.get("metric")) for m in metrics if m.get("aggregation", "mean") != "mean"}
    means = {name: values.get(f"{name},{filter_name}") for name in METRICS if name not in other}
    return Recorded(
        tuple(count for count in counts if type(count) is int),
        {
            name: mean
            for name, value in means.items()
            if type(value) in (int, float) and (mean := number(value)) is not None
        },
        results.get("remarks", {}),
    )


def faults(samples: Samples, record: Recorded) -> tuple[Fault, ...]:
    """Everything that is wrong with the samples of a task under one filter."""
    remarks = (Fault(condition, detail, invalid=not record.counts) for condition, detail in record.remarks.items())
    missing = max(0, min(record.counts, default=0) - len(samples.doc_id) - len(samples.failed))
    share = missing / min(record.counts) if missing else 0.0
    values = _values(samples, record.means or {}, share)
    return (*remarks, *_counts(samples, record.counts), *_copies(samples, record.counts), *values)


def _counts(samples: Samples, counts: tuple[int, ...]) -> Iterator[Fault]:
    """Samples that are missing, too many, or failed. Releases of the harness count failed ones or do not."""
    n, failed = len(samples.doc_id), len(samples.failed)
    if counts and n + failed < (fewest := min(counts)):
        missing = (fewest - n - failed) / fewest
        detail = f"{n + failed} samples, where the results file speaks of {fewest}: the others may be harder or easier"
        yield Fault("samples missing", detail, missing > LOST)
    if counts and n > (most := max(counts)):
        yield Fault("samples added", f"{n} samples, where the results file speaks of {most}", invalid=True)
    if failed:
        share = failed / (n + failed)
        detail = f"{failed} of {n + failed} items ({100 * share:.1f} %) got no answer and are left out"
        yield Fault("failed", f"{detail}: the rest may be easier or shorter", share > LOST)


def _copies(samples: Samples, counts: tuple[int, ...]) -> Iterator[Fault]:
    """Documents that come twice; and samples with the prompt and the answer of another one, whatever else their document says.

    Rows with one id are a cluster, so a data set may repeat some, where the results file speaks of that many samples.
    """
    n, (document, prompt, target, continuations) = len(samples.doc_id), samples.hashes.T
    if copies := n - len(np.unique(np.where(document == 0, prompt, document))):
        allowed = REPEATED if counts and n == min(counts) and samples.clustered_by else LOST
        yield Fault(
            "samples copied", f"{copies} of {n} samples repeat the document of another one", copies > allowed * n
        )
        return
    answers = (
        samples.response
        if samples.loglikelihoods is None
        else np.ascontiguousarray(samples.loglikelihoods).view(np.uint64).T
    )
    if answers is None or not prompt.all():
        return
    same = np.vstack([prompt, target, continuations, answers])
    copies = len(np.unique(np.vstack([same, samples.cluster]), axis=1).T) - len(np.unique(same, axis=1).T)
    if copies > COPIED * n:
        yield Fault(
            "samples copied", f"{copies} of {n} samples repeat the prompt and the answer of another one", invalid=True
        )


def _values(samples: Samples, means: Mapping[str, float], missing: float) -> Iterator[Fault]:
    """Scores that contradict the log itself or its results file, and log-likelihoods that are no numbers.

    Where a share of the samples is `missing`, the mean of all of them may be as far away.
    """
    n, values = len(samples.doc_id), samples.loglikelihoods
    if values is not None and (infinite := int((~np.isfinite(values) & samples.has_option).any(axis=1).sum())):
        yield Fault("non-finite", f"{infinite} of {n} documents have a log-likelihood that is not finite", invalid=True)
    if samples.cut:
        detail = f"{samples.cut} of {n} samples have fewer log-likelihoods in filtered_resps than in resps"
        yield Fault("options cut", detail, invalid=True)
    if samples.changed:
        detail = f"the log-likelihoods of {samples.changed} of {n} samples in filtered_resps are not those in resps"
        yield Fault("contradiction", detail, invalid=True)
    if samples.unclear_golds:
        detail = f"the accuracy of {samples.unclear_golds} of {n} samples is not that of their answer and target"
        detail += ", which may mean something else"
        yield Fault("unclear gold", detail, invalid=False)
    if wrong := samples.contradictions:
        detail = f"the accuracy of {wrong} of {n} samples is not that of their own answer and gold"
        yield Fault("contradiction", detail, invalid=True)
    for name, value in means.items():
        if (
            name in samples.scores
            and not abs(value - (mean := float(samples.scores[name].mean()))) <= ROUNDED + missing
        ):
            detail = f"the results file says {name} {written(value)}, the samples give {mean:.4f}"
            yield Fault("other results", detail, invalid=True)


def written(value: float) -> str:
    """0.9500; 1e+308 for what is no score."""
    return f"{value:.4f}" if abs(value) < 1e4 else f"{value:g}"
