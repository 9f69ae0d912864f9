"""How much of the base's score a variant keeps."""

from __future__ import annotations


def recovery(base: float, variant: float) -> float | None:
    """The variant's accuracy as a share of the base's; None where the base has none."""
    return variant / base if base > 0 else None


def chance_corrected_recovery(base: float, variant: float, chance: float) -> float | None:
    """The share of the base's accuracy above chance that the variant keeps; below 0 where it is worse than guessing.

    None where the base is not above chance.
    """
    return (variant - chance) / (base - chance) if base > chance else None
