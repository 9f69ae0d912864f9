"""An error that the user can fix is one line on stderr with the cause and the fix, and exit code 2."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys

import pytest
from helpers.locations import REPOSITORY

from mcqa_suite.cli.main import COMMANDS, build_parser, main
from mcqa_suite.common.errors import CheckpointError, ConfigError, DatasetError
from mcqa_suite.common.library_errors import explain
from mcqa_suite.ladder.recipe import read_recipe
from mcqa_suite.training_data.sources import Source, rows


def failure(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line that a command fails with."""
    assert main(words) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("mcqa: ")]
    assert len(lines) == 1
    return lines[0]


PARTS = [
    *(("preferences", part) for part in ("prompts", "sample", "label", "contrast", "annotate", "check")),
    *(("grids", part) for part in ("show", "vote")),
]


@pytest.mark.parametrize("words", [*((name,) for name in COMMANDS), *PARTS], ids=" ".join)
def test_the_help_of_a_command_ends_with_examples_that_it_takes(capsys, words):
    with pytest.raises(SystemExit) as caught:
        main([*words, "--help"])
    assert caught.value.code == 0
    before, after = capsys.readouterr().out.split("examples:\n")
    assert max(map(len, before.splitlines())) <= 90
    examples = [shlex.split(line) for line in after.strip().splitlines()]
    assert len(examples) >= 2
    for program, command, *rest in examples:
        assert program in ("mcqa", "lm_eval")
        if program == "mcqa" and command != "eval":
            build_parser([command]).parse_args([command, *rest])
        for word in rest:
            assert not re.fullmatch(r"(training|results)/.*\.yaml", word) or (REPOSITORY / word).exists(), word
            if named := re.fullmatch(r"runs/(\w+)/checkpoints/(\w+)", word):
                stages = read_recipe(REPOSITORY / "training" / "configs" / f"{named[1]}.yaml").stages
                assert named[2] in {"base", *(stage.name for stage in stages)}, word


@pytest.mark.parametrize(("words", "modules"), [(["--help"], []), (["compare", "--help"], ["compare", "terminal"])])
def test_only_the_module_of_the_called_command_is_imported(words, modules):
    program = (
        f"import sys; from mcqa_suite.cli.main import main\ntry: main({words})\nexcept SystemExit: pass\n"
        "print(*(name for name in sys.modules if name == 'numpy' or name.startswith('mcqa_suite.cli.')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    expected = {f"mcqa_suite.cli.{name}" for name in ["main", "arguments", "streams", *modules]}
    assert set(done.stdout.splitlines()[-1].split()) == expected


@pytest.mark.parametrize("number", ["0", "-1", "two", "2,0"])
def test_a_number_of_threads_that_is_none_is_a_one_line_error(capsys, monkeypatch, number):
    monkeypatch.setenv("OMP_NUM_THREADS", number)
    line = failure(capsys, "tasks", "--path")
    assert line == f"mcqa: OMP_NUM_THREADS={number}: expected a whole number of at least 1"


def test_a_working_directory_that_was_deleted_is_a_one_line_error(capsys, monkeypatch, tmp_path):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    line = failure(capsys, "tasks", "--path")
    assert line == "mcqa: the working directory was deleted; change to one that exists"


def test_tasks_prints_the_folder_to_include(capsys):
    assert main(["tasks", "--path"]) == 0
    assert capsys.readouterr().out.strip() == str(REPOSITORY / "tasks")


def test_check_renders_every_document(capsys):
    assert main(["check", "mcqa_epfl"]) == 0
    assert capsys.readouterr().out.startswith("mcqa_epfl: 160 documents, 4 options, gold A 25% B 25% C 25% D 25%")


def test_an_unknown_task_is_a_one_line_error_with_the_nearest_name(capsys):
    line = failure(capsys, "eval", "--model", "dummy", "--tasks", "mcqa_epfll")
    assert "unknown task 'mcqa_epfll': did you mean" in line
    assert "mcqa_epfl" in line


def test_a_data_set_that_is_missing_offline_is_a_one_line_error(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = failure(capsys, "eval", "--model", "dummy", "--tasks", "mcqa_sciq", "--limit", "2")
    assert line == (
        "mcqa: mcqa_sciq: allenai/sciq: not on this machine and the hub cannot be reached; connect once, or put it under "
        "$MCQA_SHARED/hub/allenai/sciq"
    )


def test_a_gated_data_set_is_a_one_line_error(capsys, tmp_path, monkeypatch):
    import datasets

    def refuse(path, *args, **kwargs):  # the hub's own words; it cannot be asked here
        raise datasets.exceptions.DatasetNotFoundError(
            f"Dataset '{path}' is a gated dataset on the Hub. You must be authenticated to access it."
        )

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets, "load_dataset", refuse)
    line = failure(capsys, "eval", "--model", "dummy", "--tasks", "mcqa_gpqa_main", "--limit", "2")
    assert (
        line
        == "mcqa: mcqa_gpqa_main: gated data set Idavidrein/gpqa: ask for access on its hub page, then set HF_TOKEN"
    )


def test_a_missing_checkpoint_is_a_one_line_error(capsys):
    line = failure(capsys, "eval", "--model", "hf", "--model_args", "pretrained=./nowhere", "--tasks", "mcqa_epfl")
    assert line.startswith("mcqa: ./nowhere: no such checkpoint: give a folder with config.json")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--tasks", "mcqa_epfl"], "--model_args: no pretrained; give pretrained=FOLDER_OR_HUB_NAME"),
        (
            ["--model", "local-completions", "--tasks", "mcqa_epfl", "--model_args", "model=m"],
            "--model_args: no base_url; give base_url=http://localhost:8000/v1/completions",
        ),
        (
            ["--model_args", "pretrained=a/b"],
            "--tasks: none given; `mcqa tasks` lists those of this suite, `mcqa eval ls tasks` all",
        ),
    ],
)
def test_an_evaluation_without_a_model_or_a_task_is_a_one_line_error(capsys, words, message):
    assert failure(capsys, "eval", *words) == f"mcqa: {message}"


def test_a_tokenizer_without_a_chat_template_is_a_one_line_error(capsys, tiny_checkpoint):
    arguments = [
        "--model_args",
        f"pretrained={tiny_checkpoint}",
        "--device",
        "cpu",
        "--tasks",
        "mcqa_epfl",
        "--limit",
        "2",
    ]
    line = failure(capsys, "eval", "--model", "hf", *arguments, "--apply_chat_template")
    assert "--apply_chat_template: the tokenizer of" in line
    assert "has no chat template; leave it out" in line


def test_a_missing_question_file_is_a_one_line_error(capsys, tmp_path):
    metadata = '{"epfl_file": "%s"}' % (tmp_path / "none.jsonl")
    line = failure(capsys, "check", "mcqa_epfl", "--metadata", metadata)
    assert "none.jsonl: no such file; give the path of an EPFL-format JSONL file" in line


def test_metadata_that_is_no_json_is_an_error(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["check", "mcqa_epfl", "--metadata", "{oops"])
    assert caught.value.code == 2
    assert "--metadata" in capsys.readouterr().err


def test_debug_shows_the_traceback():
    words = [sys.executable, "-m", "mcqa_suite.cli.main", "--debug", "check", "mcqa_nothing_like_it"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert "Traceback" in done.stderr


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("x is not a local folder and is not a valid model identifier listed on the hub", CheckpointError),
        ("Couldn't reach 'a/b' on the Hub (OfflineModeIsEnabled)", DatasetError),
        ("Dataset 'a/b' doesn't exist on the Hub or cannot be accessed.", DatasetError),
        ("Cannot use chat template functions because tokenizer.chat_template is not set", ConfigError),
    ],
)
def test_errors_of_libraries_are_explained(words, kind):
    error = RuntimeError("while loading")
    error.__cause__ = OSError(words)
    assert isinstance(explain(error, "a/b"), kind)


def test_an_unknown_error_is_not_explained():
    assert explain(RuntimeError("something else"), "a/b") is None


def test_a_relative_question_file_is_found_beside_a_mirror_of_the_hub(capsys, tmp_path, monkeypatch, made_up_hub):
    monkeypatch.setenv("MCQA_SHARED", str(made_up_hub))
    monkeypatch.chdir(tmp_path)
    row = {"question": "Mine?\nA. a\nB. b\nC. c\nAnswer:", "answer": "C"}
    (tmp_path / "exam.jsonl").write_text(json.dumps(row), encoding="utf-8")
    assert main(["check", "mcqa_epfl", "--metadata", '{"epfl_file": "exam.jsonl"}']) == 0
    assert capsys.readouterr().out.startswith("mcqa_epfl: 1 documents")


def test_a_line_that_is_not_utf_8_is_named_with_file_line_and_remedy(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = b'{"question": "Caf\xc3\xa9?\\nA. a\\nB. b\\nC. c\\nAnswer:", "answer": "C"}\n'
    (tmp_path / "exam.jsonl").write_bytes(line + b"\n" + line.replace(b"\xc3\xa9", b"\xe9"))
    message = "exam.jsonl:3: not UTF-8; save the file as UTF-8"
    metadata = '{"epfl_file": "exam.jsonl"}'
    assert failure(capsys, "check", "mcqa_epfl", "--metadata", metadata) == f"mcqa: mcqa_epfl: {message}"
    assert failure(capsys, "audit", "exam.jsonl") == f"mcqa: {message}"
    with pytest.raises(DatasetError, match=f"^{message}$"):
        rows(Source("epfl", path="exam.jsonl"))


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ('{"epfl_fil": "x"}', "unknown key 'epfl_fil'"),
        ('{"epfl_file": 3}', "epfl_file is 3; expected the path"),
        ('{"epfl_file": ""}', "epfl_file is ''; expected the path"),
        ('{"epfl_skip_bad": "no"}', "epfl_skip_bad is 'no'; expected true or false"),
    ],
)
def test_metadata_with_a_wrong_key_or_type_is_a_one_line_error(capsys, metadata, words):
    assert words in failure(capsys, "check", "mcqa_epfl", "--metadata", metadata)


def test_an_error_of_the_harness_is_one_line(capsys):
    line = failure(capsys, "eval", "--model", "nomodel", "--tasks", "mcqa_epfl")
    assert line.startswith("mcqa: lm_eval: ")
    assert "nomodel" in line
