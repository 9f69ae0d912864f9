"""What the results say of how scores came about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mcqa_suite.backend.loglik_cache import Answer, LoglikCache
from mcqa_suite.backend.prefix.scorer import Scorer


@dataclass
class Record:
    """Counts over all requests so far. `refusal`: why the stock backend is used; None where it is not.

    `ties`: documents whose best score two or more options share exactly (the harness then takes the first);
    `identical_options`: those of them where the tied options are the same text.
    """

    refusal: str | None = None
    requests: int = 0
    documents: int = 0
    ties: int = 0
    identical_options: int = 0

    def summary(self, scorer: Scorer, cache: LoglikCache | None) -> dict[str, Any]:
        return {
            "backend": "stock hf" if self.refusal else "prefix tree",
            "reason": self.refusal,
            "loglikelihood_requests": self.requests,
            "documents": self.documents,
            "exact_ties_at_the_top": self.ties,
            "of_identical_options": self.identical_options,
            "tokens_computed": scorer.forward.computed,
            "unique_tokens": scorer.nodes,
            "passes": scorer.passes,
            "max_pass_tokens": scorer.budget,
            "cache": cache.path.name if cache else None,
            "cache_hits": cache.hits if cache else 0,
            "generation_cache_hits": cache.generation_hits if cache else 0,
        }


def count_ties(record: Record, requests: Sequence[Any], answers: Sequence[Answer]) -> None:
    """Adds the documents of `requests` (the harness's instances) with two options or more."""
    options: dict[tuple[Any, ...], list[tuple[float, str]]] = defaultdict(list)
    for request, (value, _) in zip(requests, answers, strict=True):
        context, option = request.args
        options[request.task_name, request.doc_id, context].append((value, option))
    for scored in options.values():
        best = max(value for value, _ in scored)
        top = [option for value, option in scored if value == best]
        record.documents += len(scored) > 1
        record.ties += len(top) > 1
        record.identical_options += len(top) > 1 and len(set(top)) == 1
