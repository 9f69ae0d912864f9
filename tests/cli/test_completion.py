"""The script of `mcqa --print-completion` completes commands, flags, tasks and files in a real bash."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from mcqa_suite.cli.main import main
from mcqa_suite.common import extras


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    pytest.importorskip("shtab")
    path = tmp_path_factory.mktemp("completion") / "mcqa.bash"
    with path.open("w") as file, pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", file)
        assert main(["--print-completion", "bash"]) == 0
    (path.parent / "runs").mkdir()
    return path


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash on this machine")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("comp", {"compare"}),
        ("compare --fo", {"--force", "--format"}),
        ("compare --format j", {"json", "junit"}),
        ("compare ru", {"runs"}),
        ("check mcqa_openbookqa_c", {"mcqa_openbookqa_cloze", "mcqa_openbookqa_cot", "mcqa_openbookqa_cot_n8"}),
        ("eval --tasks mcqa_epfl mcqa_sciq_cl", {"mcqa_sciq_cloze"}),
        ("eval --output", {"--output_path"}),
    ],
)
def test_words_are_completed(script, words, expected):
    program = (
        f"source {script}; COMP_WORDS=(mcqa {words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _shtab_mcqa; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, cwd=script.parent, check=True)
    assert set(done.stdout.split()) == expected


def test_without_the_extra_one_line_names_it(monkeypatch, capsys):
    monkeypatch.setattr(extras, "installed", lambda name: name != "shtab")
    assert main(["--print-completion", "bash"]) == 2
    assert capsys.readouterr().err.startswith("mcqa: --print-completion: shtab is not installed: pip install ")
