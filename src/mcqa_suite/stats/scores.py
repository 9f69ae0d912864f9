"""Tasks that share documents; the share of a base's score that a variant keeps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

SHARED = 0.01  # two tasks with a larger share of documents in common are nested


def nested(documents: Mapping[str, NDArray[np.uint64]]) -> tuple[str, str] | None:
    """The first two tasks that share documents (by hash), so that a mean would count items twice; None if there are none."""
    names = list(documents)
    unique = {name: np.unique(documents[name]) for name in names}
    for index, name in enumerate(names):
        for other in names[index + 1 :]:
            shared = len(np.intersect1d(unique[name], unique[other], assume_unique=True))
            if shared > SHARED * min(len(unique[name]), len(unique[other])):
                return name, other
    return None


def recovery(base: float, variant: float) -> float | None:
    """The variant's accuracy divided by the base's; None if the base's is 0."""
    return variant / base if base > 0 else None


def chance_corrected_recovery(base: float, variant: float, chance: float) -> float | None:
    """The share of the base's accuracy above chance that the variant keeps; negative if the variant is below chance.

    None if the base is not above chance.
    """
    return (variant - chance) / (base - chance) if base > chance else None
