"""Offline mode of the Hugging Face libraries; whether the hub answers is checked once a process."""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from functools import cache

SECONDS = 3  # to wait for the hub
LIBRARIES = ("huggingface_hub.constants", "datasets.config")  # they read the variable when they are imported


@cache
def stay_offline_if_cut_off() -> None:
    """Put the Hugging Face libraries into offline mode where the hub does not answer, so that nothing retries for half a minute.

    Processes started later inherit it. HF_HUB_OFFLINE wins where it is set already.
    """
    if "HF_HUB_OFFLINE" in os.environ or _answers(os.environ.get("HF_ENDPOINT", "https://huggingface.co")):
        return
    os.environ["HF_HUB_OFFLINE"] = "1"
    for name in LIBRARIES:
        if name in sys.modules:
            sys.modules[name].HF_HUB_OFFLINE = True  # type: ignore[attr-defined]


def _answers(address: str) -> bool:
    try:
        urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=SECONDS)  # noqa: S310
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False
    return True
