"""Corrections of p-values for their number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values: the chance of any false alarm stays at the level, whatever the dependence."""
    p = np.asarray(p_values, float)
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    return _in_place(steps, order)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Benjamini and Hochberg's step-up adjusted p-values: the expected share of false alarms stays at the level."""
    p = np.asarray(p_values, float)
    order = np.argsort(p, kind="stable")
    steps = p[order] * len(p) / np.arange(1, len(p) + 1)
    return _in_place(np.minimum.accumulate(steps[::-1])[::-1], order)


def _in_place(steps: np.ndarray, order: np.ndarray) -> list[float]:
    adjusted = np.empty(len(steps))
    adjusted[order] = np.minimum(steps, 1.0)
    return [float(value) for value in adjusted]
