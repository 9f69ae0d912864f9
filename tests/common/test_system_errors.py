"""What the operating system refuses is one line with the limit and the remedy."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.library_errors import explain
from mcqa_suite.common.system_errors import check_utf8, explain_output, explain_system, killed_by

LIMITED = """
import resource, sys
from mcqa_suite.common.system_errors import explain_output, explain_system
for name, limit in (("NOFILE", 40), ("AS", 3 << 30), ("FSIZE", 50_000)):
    resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (limit, limit))
sys.modules["resource"] = None  # it cannot be loaded once memory has run out
print(explain_system(OSError(24, "Too many open files", "a.json")))
print(explain_system(OSError(27, "File too large", "a.json")))
print(explain_system(MemoryError()))
print(explain_output("ImportError: libtorch_cuda.so: failed to map segment from shared object"))
print(explain_output("SafetensorError: Error while serializing: I/O error: File too large (os error 27)"))
"""


def test_a_limit_of_the_shell_is_named_with_its_value():
    done = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True, check=True)
    handles, size, memory, mapped, written = done.stdout.splitlines()
    assert handles == (
        "a.json: Too many open files; this shell allows 40 at a time: raise it (ulimit -n 1024), then rerun to resume"
    )
    limit = "this shell allows 0.05 MB (ulimit -f): raise the limit, then rerun to resume"
    assert size == f"a.json: File too large; {limit}"
    shell = "out of memory: this shell allows a process 3.22 GB (ulimit -v)"
    assert memory == f"{shell}; raise it or choose a smaller model, then rerun to resume"
    assert mapped.startswith(f"{shell} (ImportError: libtorch_cuda.so")
    assert written.endswith(f"(os error 27): {limit}")


def test_a_link_to_itself_is_named():
    assert (
        str(explain_system(RuntimeError("Symlink loop from '/a/b'"))) == "/a/b: a link that leads to itself; remove it"
    )


@pytest.mark.parametrize("number", [errno.ENOTDIR, errno.EEXIST, errno.EISDIR])
def test_something_else_of_the_same_name_is_named(number):
    line = str(explain_system(OSError(number, os.strerror(number), "run/logs")))
    assert line.startswith("run/logs: ")
    assert line.endswith("; something else has this name; move it away, then rerun to resume")
    assert str(explain(OSError(number, os.strerror(number), "run/logs"), "a task")) == line


def test_other_errors_are_not_explained():
    for error in (ValueError("x"), OSError("not a checkpoint"), FileNotFoundError(2, "no such file", "x")):
        assert explain_system(error) is None
    assert explain_output("ValueError: an unlucky number") is None


def test_a_name_that_is_not_utf_8_is_refused():
    check_utf8("Größe", 3)
    with pytest.raises(ConfigError, match=r"odd\\udcff/r\.yaml': a name with a byte that is not UTF-8; rename it"):
        check_utf8("good", "odd\udcff/r.yaml")
    with pytest.raises(UnicodeEncodeError) as caught:
        "the file odd\udcff/r.yaml is it".encode()
    assert str(explain_system(caught.value)) == "'odd\\udcff/r.yaml': a name with a byte that is not UTF-8; rename it"


def test_a_signal_has_its_name():
    assert killed_by(15) == "killed by signal 15 (SIGTERM)"
    assert killed_by(9) == "killed by signal 9 (SIGKILL: by hand, or because memory ran out)"
