"""The Hugging Face hub: one commit of files to a repository, with huggingface_hub and the token of its own store."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from mcqa_suite.common.checkpoints import HUB_NAME
from mcqa_suite.common.errors import ConfigError, EndpointError
from mcqa_suite.common.extras import require
from mcqa_suite.common.files import read_text
from mcqa_suite.common.masking import masked

Kind = Literal["model", "space"]
LOG_IN = "run: hf auth login"
TOKEN = re.compile(r"[!-~]+")  # what a header of HTTP can hold
STATUSES = {
    401: f"the token is not valid or has ended; {LOG_IN}",
    403: f"the token lacks the right; use one that may write there ({LOG_IN}), or another name",
    404: "there is no such user, organisation or repository, or the token may not see it",
    413: "a file is larger than the hub takes",
    429: "too many requests; wait, then repeat",
}
MOST = 200  # characters of a server's message


@dataclass(frozen=True)
class Repository:
    """A repository of the hub, opened with a token of huggingface_hub's own store."""

    name: str
    kind: Kind
    api: Any

    def text(self, file: str) -> str | None:
        """The text of a file in it; None where the hub says that the repository or the file does not exist."""
        from huggingface_hub.errors import RemoteEntryNotFoundError, RepositoryNotFoundError

        absent = (RemoteEntryNotFoundError, RepositoryNotFoundError)
        with TemporaryDirectory() as folder, self._errors(), suppress(*absent):
            path = self.api.hf_hub_download(self.name, file, repo_type=self.kind, local_dir=folder)
            return read_text(Path(path))
        return None

    def commit(self, files: Mapping[str, Path | bytes], message: str, *, private: bool) -> str:
        """Create the repository where it does not exist, and add all files in one commit; the address of the repository.

        ConfigError where it is to be `private` and exists in public.
        """
        from huggingface_hub import CommitOperationAdd

        sdk = {"space_sdk": "static"} if self.kind == "space" else {}
        with self._errors():
            url = self.api.create_repo(self.name, repo_type=self.kind, private=private or None, exist_ok=True, **sdk)
            is_public = private and not self.api.repo_info(self.name, repo_type=self.kind).private
        if is_public:
            raise ConfigError(f"--private: {self.name} exists and is public; leave --private out, or give another name")
        with self._errors():
            operations = [
                CommitOperationAdd(name, str(content) if isinstance(content, Path) else content)
                for name, content in files.items()
            ]
            self.api.create_commit(self.name, operations, repo_type=self.kind, commit_message=message)
        return str(url)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        with hub_errors(f"{self.name}", self.api.endpoint):
            yield


def check_name(name: str, flag: str) -> str:
    """The name of a repository; ConfigError for any other text."""
    if not HUB_NAME.fullmatch(name) or len(name) > 96 or re.search(r"--|\.\.|[-.]$|\.git$", name):
        raise ConfigError(f"{flag} {name}: not the name of a repository; give USER/NAME, e.g. {flag} jane/sft-gptq4")
    return name


def open_repository(name: str, kind: Kind, flag: str) -> Repository:
    """A repository to write to, whether it exists or not; ConfigError without a token, EndpointError without the hub."""
    check_name(name, flag)
    require(f"{flag} {name}", "hub")
    from huggingface_hub import HfApi, constants, get_token

    if constants.HF_HUB_OFFLINE:
        raise ConfigError(f"{flag} {name}: HF_HUB_OFFLINE is set, so nothing can be uploaded; unset it")
    if (token := get_token()) is None:
        raise ConfigError(f"{flag} {name}: no token of the hub; {LOG_IN}")
    if not TOKEN.fullmatch(token):
        raise ConfigError(
            f"{flag} {name}: the token of the hub has characters that no token has; correct HF_TOKEN, or {LOG_IN}"
        )
    api = HfApi()
    with hub_errors(name, api.endpoint):
        api.whoami()
    return Repository(name, kind, api)


@contextmanager
def hub_errors(name: str, endpoint: str) -> Iterator[None]:
    """EndpointError, in one line, for what the hub or the way to it refuses; an upload's own errors name that as their cause."""
    try:
        yield
    except Exception as error:
        reason = next(filter(None, (_reason(cause, endpoint) for cause in _chain(error))), None)
        if reason is None and not isinstance(error, OSError | RuntimeError | ValueError):
            raise
        reason = reason or f"the upload failed ({_quoted(str(error))}); repeat it"
        raise EndpointError(f"{name}: {reason}: nothing was added") from error


def _reason(error: BaseException, endpoint: str) -> str | None:
    """What the hub or the connection refused; None for any other error."""
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(error, HfHubHTTPError) and error.response is not None:
        status = error.response.status_code
        return f"the hub refuses ({status}): {STATUSES.get(status) or _quoted(error.server_message or str(error))}"
    # of httpx or httpx2, as the version of huggingface_hub has it
    if isinstance(error, ConnectionError) or "TransportError" in [kind.__name__ for kind in type(error).__mro__]:
        return f"{endpoint} cannot be reached ({type(error).__name__}); connect, then repeat"
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _quoted(text: str) -> str:
    return " ".join(masked(text).split())[:MOST]
