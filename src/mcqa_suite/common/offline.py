"""Switch the Hugging Face libraries to offline mode where the hub does not answer."""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from functools import cache

SECONDS = 3  # to wait for the hub
LIBRARIES = ("huggingface_hub.constants", "datasets.config")  # modules that read HF_HUB_OFFLINE only when imported


@cache
def stay_offline_if_cut_off() -> None:
    """Set HF_HUB_OFFLINE where the hub does not answer, so that the libraries do not retry for half a minute.

    The check runs once per process. Child processes inherit the variable. A value that is already set stays.
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
