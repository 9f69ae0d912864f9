"""The smallest difference that a comparison can detect."""

from __future__ import annotations

from math import sqrt

from scipy.special import ndtri

# The exact test needs six discordant pairs, all one way, to reach .05: 2 / 2^6 = .031.
FEWEST_DISCORDANT = 6


def minimum_detectable_difference(
    discordance: float, n: int, *, alpha: float = 0.05, power: float = 0.8, factor: float = 1.0
) -> float:
    """The paired difference that a test at `alpha` finds with `power`, at this share of discordant pairs.

    (z_alpha/2 + z_power) * sqrt(discordance * factor / n), `factor` being the design effect; never under six discordant
    items, without which no exact test can reach .05.
    """
    if n < 1:
        raise ValueError("a detectable difference over no items")
    standard_error = sqrt(discordance * factor / n)
    return min(1.0, max(detectable_difference(standard_error, alpha=alpha, power=power), FEWEST_DISCORDANT / n))


def detectable_difference(standard_error: float, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """The difference that a z-test at `alpha` finds with `power`."""
    return float(ndtri(1 - alpha / 2) + ndtri(power)) * standard_error
