"""Tasks that share documents; the share of a base's score that a variant keeps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

SHARED = 0.01  # two tasks with a larger share of documents in common are nested


def nested(documents: Mapping[str, NDArray[np.uint64]]) -> tuple[str, str] | None:
    """The first two tasks that share documents (by hash), so that a mean would count items twice; None if there are none."""
    names, unique = list(documents), [np.unique(hashes) for hashes in documents.values()]
    if len(names) < 2:
        return None
    sizes = np.array([len(hashes) for hashes in unique])
    task = np.repeat(np.arange(len(names)), sizes)
    _, document, counts = np.unique(np.concatenate(unique), return_inverse=True, return_counts=True)
    several = counts[document] > 1
    task, document = task[several], document[several]
    for index in np.unique(task):
        others = task[np.isin(document, document[task == index])]
        shared = np.bincount(others, minlength=len(names))
        shared[: index + 1] = 0  # itself, and the tasks before it, which were compared with it
        if (nested_in := np.flatnonzero(shared > SHARED * np.minimum(sizes, sizes[index]))).size:
            return names[index], names[nested_in[0]]
    return None


def sharing(hashes: Mapping[str, NDArray[np.uint64]]) -> tuple[str, str] | None:
    """The first two tasks that share documents or prompts; `hashes` has, row by row, those of a document and of its prompt.

    A file of MMLU's questions in EPFL's form has other documents and the same prompts.
    """
    documents = {task: values[:, 0] for task, values in hashes.items()}
    return nested(documents) or nested({task: _prompts_of_questions(values[:, 1]) for task, values in hashes.items()})


def _prompts_of_questions(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The hashes of prompts; none where the log has none, or where most rows have another's prompt, such as an empty one."""
    present: NDArray[np.uint64] = hashes[hashes != 0]
    if 2 * len(np.unique(present)) <= len(present):
        present = present[:0]
    return present


def recovery(base: float, variant: float) -> float | None:
    """The variant's accuracy divided by the base's; None if the base's is 0."""
    return variant / base if base > 0 else None


def chance_corrected_recovery(base: float, variant: float, chance: float) -> float | None:
    """The share of the base's accuracy above chance that the variant keeps; negative if the variant is below chance.

    None if the base is not above chance.
    """
    return (variant - chance) / (base - chance) if base > chance else None
