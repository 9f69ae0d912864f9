"""Secrets of the environment and passwords of URLs, masked in all that is printed or written."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from mcqa_suite.common.foreign_text import encodable

MASK = "..."
SECRET_VARIABLE = re.compile(r"(_API_KEY|_TOKEN|_SECRET|_PASSWORD)$")
# Names of settings that hold a key or password, such as an argument of a model.
SECRET_SETTING = re.compile(r"(api_?key|token|auth_token|hf_token|password|authorization)$", re.IGNORECASE)
SHORTEST = 8  # characters of a secret: "EMPTY" and "none" stand for no key, and are words of texts
URL_PASSWORD = re.compile(r"(?<=://)[^\s/@:'\"]*:([^\s/@'\"]+)(?=@)")
URL_KEY = re.compile(r"([?&](?:api[_-]?key|key|token|access_token|password|secret)=)[^\s&#'\"]+", re.IGNORECASE)


def secrets() -> list[str]:
    """The values of the environment's key variables and the passwords in its URLs (a proxy's), the longest first."""
    values = {value.strip() for name, value in os.environ.items() if SECRET_VARIABLE.search(name)}
    for value in os.environ.values():
        passwords = URL_PASSWORD.findall(value) if "://" in value else []
        values.update(passwords, map(unquote, passwords))
    return sorted((value for value in values if len(value) >= SHORTEST), key=len, reverse=True)


def mask_of_secrets() -> Callable[[str], str]:
    """The function that masks the secrets that the environment has now, for many texts."""
    values = secrets()

    def mask(text: str) -> str:
        for value in values:
            text = text.replace(value, MASK)
        return text

    return mask


def masked(text: str) -> str:
    """A message without the secrets of the environment, and without passwords and keys in its URLs."""
    return URL_KEY.sub(rf"\g<1>{MASK}", URL_PASSWORD.sub(MASK, mask_of_secrets()(text)))


def has_secret(text: str) -> bool:
    """Whether a text, such as a URL, holds a secret of the environment, or a password or key in a URL."""
    return masked(text) != text


def without_secrets(value: Any, mask: Callable[[str], str]) -> Any:
    """A JSON value whose texts have no secret, and no half surrogates, which no file could hold."""
    if isinstance(value, str):
        return encodable(mask(value))
    if isinstance(value, list):
        return [without_secrets(item, mask) for item in value]
    if isinstance(value, dict):
        return {without_secrets(key, mask): without_secrets(item, mask) for key, item in value.items()}
    return value
