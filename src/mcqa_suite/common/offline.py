"""Whether the hub can be reached, asked once a process."""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from functools import cache

SECONDS = 3  # to wait for the hub
YES = {"1", "ON", "YES", "TRUE"}  # as huggingface_hub reads them


@cache
def stay_offline_if_cut_off() -> None:
    """Puts the Hugging Face libraries into offline mode where the hub does not answer, so that nothing retries for half a minute.

    Processes started later inherit it. A value of HF_HUB_OFFLINE that is set already stands.
    """
    if "HF_HUB_OFFLINE" not in os.environ:
        if _answers(os.environ.get("HF_ENDPOINT", "https://huggingface.co")):
            return
        os.environ["HF_HUB_OFFLINE"] = "1"
    obey()


def obey() -> None:
    """Has libraries that are imported already do as HF_HUB_OFFLINE says, which they read when they were."""
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in YES:
        for name in ("huggingface_hub.constants", "datasets.config"):
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
