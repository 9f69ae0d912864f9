"""Errors that a user can fix; the CLI prints each as one line and exits with 2."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mcqa_suite.common.output import print_error


class McqaError(Exception):
    """Base class; the message is one line with the wrong value, where it is and what to do."""


class ConfigError(McqaError):
    """A recipe, config or flag that cannot be used."""


class DatasetError(McqaError):
    """Questions that are missing, gated or malformed."""


class MissingDataError(DatasetError):
    """Data that is not on this machine and cannot be fetched; nothing is known about its rows."""


class TemplateError(DatasetError):
    """A template of questions that cannot be read, or has no instance."""


class CheckpointError(McqaError):
    """A checkpoint that is missing, half written or of the wrong kind."""


class EndpointError(McqaError):
    """A model server that cannot be reached, or that refuses."""


class LoglikelihoodError(McqaError):
    """An option without a log-likelihood, or with one that is not finite."""


class ComparisonError(McqaError):
    """Runs that cannot be compared."""


class StageError(McqaError):
    """A stage of a ladder whose process failed."""


@contextmanager
def naming(source: object) -> Iterator[None]:
    """Inside the block an error's message begins with `source`, such as the file that is read."""
    try:
        yield
    except McqaError as error:
        raise type(error)(f"{source}: {error}") from error


def file_error(error: OSError) -> McqaError | None:
    """The failure of a file as an error that names it; None for a failure of something else."""
    if error.filename is None or isinstance(error, BrokenPipeError):
        return None
    return McqaError(f"{error.filename!s}: {error.strerror}; give the path of a file that can be read or written")


def exit_code(run: Callable[[], object]) -> int:
    """Call `run`; return 0, or 2 after one line on stderr for an error that a user can fix."""
    try:
        run()
    except McqaError as error:
        print_error(error)
        return 2
    except OSError as error:
        if (explained := file_error(error)) is None:
            raise
        print_error(explained)
        return 2
    return 0
