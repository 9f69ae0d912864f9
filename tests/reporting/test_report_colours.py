"""The palette: contrast in both themes, and colours that stay apart for the colour-blind."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.contrast import contrast

from mcqa_suite.reporting.figures.style import PALETTE


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_text_colour_has_enough_contrast(theme):
    colours = {name: pair[theme] for name, pair in PALETTE.items()}
    for name in ("ink", "muted", "same", "better", "worse", "floor", "link"):
        for ground in ("paper", "raised"):
            assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
    assert contrast(colours["ink"], colours["mark"]) >= 4.5
    for name in ("focus", "rest"):  # no text: a frame and a bar
        assert contrast(colours[name], colours["paper"]) >= 3, name


# Viénot, Brettel and Mollon, Color Research & Application 24, 1999: linear RGB as a protanope and a deuteranope see it.
BLIND = {
    "protanope": ((0.11238, 0.88762, 0.0), (0.11238, 0.88762, 0.0), (0.00401, -0.00401, 1.0)),
    "deuteranope": ((0.29275, 0.70725, 0.0), (0.29275, 0.70725, 0.0), (-0.02234, 0.02234, 1.0)),
}


@pytest.mark.parametrize("kind", BLIND)
@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_colour_blind_readers_can_tell_better_from_worse(kind, theme):
    seen = []
    for name in ("better", "worse"):
        colour = PALETTE[name][theme]
        linear = np.array([(int(colour[i : i + 2], 16) / 255) ** 2.2 for i in (1, 3, 5)])
        seen.append(np.clip(np.array(BLIND[kind]) @ linear, 0, 1) ** (1 / 2.2))
    assert np.abs(seen[0] - seen[1]).max() > 0.3
