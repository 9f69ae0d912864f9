"""`mcqa push` and `mcqa report --push-to-space`: what is uploaded, and what stops them, against a server on this machine."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys

import pytest
from helpers.checkpoints import as_stage
from helpers.hub_server import TOKEN, serving

import mcqa_suite
from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import CheckpointError, ConfigError

pytest.importorskip("huggingface_hub")
pytestmark = pytest.mark.filterwarnings("ignore")  # of the library and its client
NAME = "jane/tiny"
UNWANTED = ("optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin", ".env", "notes.md", ".model.partial")


@pytest.fixture
def hub():
    with serving() as server:
        yield server


@pytest.fixture
def checkpoint(tmp_path):
    """A stage's checkpoint in the folder of a run with a report, beside files that belong to no model."""
    run, plain = tmp_path / "run", tmp_path / "plain"
    plain.mkdir()
    header = json.dumps({"weight": {"dtype": "F32", "shape": [8], "data_offsets": [0, 32]}}).encode()
    (plain / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(32))
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (plain / name).write_text("{}")
    folder = as_stage(plain, run / "checkpoints" / "sft")
    (run / "report.html").write_text("<p>a report</p>")
    for name in UNWANTED:
        (folder / name).write_text("secret")
    (folder / "adapter").mkdir()
    (folder / "adapter" / "adapter_model.safetensors").write_text("secret")
    mcqa_suite.card(folder)
    return folder


@pytest.fixture
def here(hub, tmp_path, monkeypatch):
    """This process uploads to the server, with a token in a store of its own."""
    from huggingface_hub import constants
    from huggingface_hub.utils import disable_progress_bars, enable_progress_bars

    variables = hub.environment(tmp_path)
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_OIDC_RESOURCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    address = f"{hub.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", f"{variables['HF_HOME']}/token")
    monkeypatch.setattr(constants, "HF_STORED_TOKENS_PATH", f"{variables['HF_HOME']}/stored_tokens")
    disable_progress_bars()
    yield hub
    enable_progress_bars()


@pytest.mark.slow
def test_the_command_uploads_a_checkpoint_in_one_commit(hub, checkpoint, tmp_path):
    command = [sys.executable, "-m", "mcqa_suite.cli", "push", str(checkpoint), "--to", NAME, "--private"]
    environment = os.environ | hub.environment(tmp_path)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    files = hub.files[NAME]
    expected = {path.name for path in checkpoint.iterdir() if path.is_file()} - set(UNWANTED) | {"report.html"}
    assert files.keys() == expected
    for name, content in files.items():
        if name not in ("README.md", "report.html"):
            assert content == (checkpoint / name).read_bytes()
    assert b"vllm serve jane/tiny" in files["README.md"]
    assert len(hub.commits) == 1
    assert hub.created == [{"name": "tiny", "organization": "jane", "visibility": "private", "type": "model"}]
    assert all(name in done.stdout for name in (*expected, *UNWANTED, "adapter/", f"{hub.url}/{NAME}"))
    assert TOKEN not in done.stdout


def test_a_dry_run_lists_files_and_sizes_and_reads_no_token(hub, checkpoint, capsys, monkeypatch):
    monkeypatch.setattr("huggingface_hub.get_token", lambda: pytest.fail("a token was read"))
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    before = {path: path.read_bytes() for path in checkpoint.rglob("*") if path.is_file()}
    assert main(["push", str(checkpoint), "--to", NAME, "--dry-run"]) == 0
    out = capsys.readouterr().out
    size = (checkpoint / "model.safetensors").stat().st_size
    assert any(line.split() == ["model.safetensors", f"{size:,}"] for line in out.splitlines())
    assert "not uploaded: " in out
    assert "optimizer.pt" in out.partition("not uploaded: ")[2]
    assert "nothing was sent" in out
    assert hub.requests == []
    assert {path: path.read_bytes() for path in checkpoint.rglob("*") if path.is_file()} == before


def test_what_a_person_wrote_on_the_hub_stays(here, checkpoint):
    mcqa_suite.push(checkpoint, NAME)
    first = here.files[NAME]["README.md"].decode()
    assert mcqa_suite.push(checkpoint, NAME).yours == ()
    assert here.files[NAME]["README.md"].decode() == first
    edited = first.replace("## Limits", "## Contact\n\nJane.\n\n## Limits").replace("---\n", "---\nlicense: mit\n", 1)
    here.files[NAME]["README.md"] = edited.encode()
    mcqa_suite.push(checkpoint, NAME)
    assert here.files[NAME]["README.md"].decode() == edited


def test_what_is_to_be_private_never_goes_to_a_public_repository(here, checkpoint, capsys):
    mcqa_suite.push(checkpoint, NAME)
    assert main(["push", str(checkpoint), "--to", NAME, "--private"]) == 2
    assert capsys.readouterr().err.startswith(f"mcqa: --private: {NAME} exists and is public")
    assert len(here.commits) == 1


def test_a_card_on_the_hub_that_cannot_be_read_stops_the_upload(here, checkpoint, capsys, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)
    mcqa_suite.push(checkpoint, NAME)
    for refuse in ({"resolve/": 403}, {"resolve/": 500}):
        here.refuse = refuse
        assert main(["push", str(checkpoint), "--to", NAME]) == 2
    here.refuse = {}
    address = "http://127.0.0.1:9/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address)
    assert main(["push", str(checkpoint), "--to", NAME]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("mcqa: ")]
    assert [line.startswith(f"mcqa: {NAME}: ") for line in lines] == [True] * 3  # the library says what it tries again
    assert len(here.commits) == 1


def test_two_peoples_words_in_one_section_need_a_decision(here, checkpoint, capsys):
    card = checkpoint / "README.md"
    card.write_text(card.read_text() + "\n## Contact\n\nJane.\n")
    mcqa_suite.push(checkpoint, NAME)
    here.files[NAME]["README.md"] = here.files[NAME]["README.md"].replace(b"Jane.", b"John.")
    before = dict(here.files[NAME])
    assert main(["push", str(checkpoint), "--to", NAME]) == 2
    assert "## Contact: written by a person here and on the hub" in capsys.readouterr().err
    assert here.files[NAME] == before
    assert main(["push", str(checkpoint), "--to", NAME, "--card", "hub"]) == 0
    assert "on the hub, not changed: ## Contact" in capsys.readouterr().out
    assert b"John." in here.files[NAME]["README.md"]
    assert main(["push", str(checkpoint), "--to", NAME, "--card", "local"]) == 0
    assert b"John." not in here.files[NAME]["README.md"]
    assert here.files[NAME]["README.md"].count(b"Jane.") == 1


def test_a_checkpoint_without_a_card_gets_one(here, checkpoint):
    (checkpoint / "README.md").unlink()
    mcqa_suite.push(checkpoint, NAME, report="none")
    assert here.files[NAME]["README.md"].startswith(b"---\n")
    assert "report.html" not in here.files[NAME]
    assert not (checkpoint / "README.md").exists()


@pytest.mark.parametrize(
    ("refuse", "words"),
    [
        ({"whoami": 401}, "the hub refuses (401): the token is not valid or has ended; run: hf auth login"),
        ({"repos/create": 403}, "the hub refuses (403): the token lacks the right"),
        ({"commit/main": 403}, "the hub refuses (403): the token lacks the right"),
        ({"commit/main": 400}, "the hub refuses (400): no commit/main for you"),
        ({"preupload": 404}, "the hub refuses (404): there is no such user"),
        ({"lfs/": 403}, "the hub refuses (403)"),
    ],
)
def test_what_the_hub_refuses_is_one_line_and_nothing_is_added(here, checkpoint, capsys, refuse, words):
    here.refuse |= refuse
    assert main(["push", str(checkpoint), "--to", NAME]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"mcqa: {NAME}: {words}")
    assert error.endswith("nothing was added\n")
    assert error.count("\n") == 1
    assert TOKEN not in error
    assert here.files.get(NAME, {}) == {}
    assert here.commits == []


def test_without_a_token_the_hub_is_not_asked(here, checkpoint, tmp_path, capsys):
    (tmp_path / "hf-home" / "token").unlink()
    assert main(["push", str(checkpoint), "--to", NAME]) == 2
    assert capsys.readouterr().err == f"mcqa: --to {NAME}: no token of the hub; run: hf auth login\n"
    assert here.requests == []


@pytest.mark.parametrize("token", ["weird tök€n", "two words", "\x7f"])
def test_a_token_that_no_header_can_hold_is_one_line_without_it(here, checkpoint, capsys, monkeypatch, token):
    monkeypatch.setenv("HF_TOKEN", token)
    assert main(["push", str(checkpoint), "--to", NAME]) == 2
    error = capsys.readouterr().err
    assert error.startswith(
        f"mcqa: --to {NAME}: the token of the hub has characters that no token has; correct HF_TOKEN"
    )
    assert error.count("\n") == 1
    assert token not in error
    assert here.requests == []


def test_without_the_library_its_extra_is_named(here, checkpoint, capsys, monkeypatch):
    monkeypatch.setattr("mcqa_suite.common.extras.installed", lambda module: module != "huggingface_hub")
    assert main(["push", str(checkpoint), "--to", NAME]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"mcqa: --to {NAME}: huggingface_hub is not installed: pip install ")
    assert error.endswith("[hub]'\n")
    assert main(["push", str(checkpoint), "--to", NAME, "--dry-run"]) == 0


def test_offline_nothing_is_tried(here, checkpoint, capsys, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert main(["push", str(checkpoint), "--to", NAME]) == 2
    assert "HF_HUB_OFFLINE is set" in capsys.readouterr().err
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert main(["push", str(checkpoint), "--to", NAME]) == 2
    error = capsys.readouterr().err
    assert "http://127.0.0.1:9 cannot be reached (ConnectError); connect, then repeat: nothing was added" in error
    assert here.requests == []


@pytest.mark.parametrize(
    "name", ["tiny", "a/b/c", "jane/../x", "jane/", "jane/x--y", "https://hub/jane/x", "jane/ti ny"]
)
def test_a_name_that_is_none_is_refused_before_anything_else(hub, checkpoint, name, capsys):
    assert main(["push", str(checkpoint), "--to", name, "--dry-run"]) == 2
    assert "not the name of a repository" in capsys.readouterr().err


def test_what_is_no_complete_checkpoint_is_not_uploaded(hub, checkpoint, tmp_path):
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        mcqa_suite.push(tmp_path, NAME, dry_run=True)
    (checkpoint / "tokenizer.json").write_text('{"changed": true}')
    with pytest.raises(CheckpointError, match="changed after its manifest"):
        mcqa_suite.push(checkpoint, NAME, dry_run=True)


def test_a_link_that_leads_out_of_the_folder_is_not_followed(hub, checkpoint, tmp_path):
    (tmp_path / "private.txt").write_text("secret")
    (checkpoint / "LICENSE").symlink_to(tmp_path / "private.txt")
    assert "LICENSE" in mcqa_suite.push(checkpoint, NAME, dry_run=True).left_out
    weights = checkpoint / "model.safetensors"
    shutil.move(weights, tmp_path / "model.safetensors")
    weights.symlink_to(tmp_path / "model.safetensors")
    with pytest.raises(ConfigError, match="its weights are links to files elsewhere"):
        mcqa_suite.push(checkpoint, NAME, dry_run=True)


def test_a_report_with_questions_of_gpqa_is_not_uploaded(hub, checkpoint, tmp_path):
    (tmp_path / "run" / "report.html").write_text("<td>mcqa_gpqa_diamond</td>")
    with pytest.raises(ConfigError, match="questions of GPQA"):
        mcqa_suite.push(checkpoint, NAME, dry_run=True)
    assert "report.html" not in mcqa_suite.push(checkpoint, NAME, dry_run=True, report="none").files
    with pytest.raises(ConfigError, match="No such file"):
        mcqa_suite.push(checkpoint, NAME, dry_run=True, report=tmp_path / "none.html")


def test_a_report_becomes_a_static_space(here, tmp_path):
    report = tmp_path / "report.html"
    report.write_text("<p>a report</p>")
    assert mcqa_suite.push_report(report, "jane/demo", private=True) == f"{here.url}/spaces/jane/demo"
    files = here.files["jane/demo"]
    assert files["index.html"] == report.read_bytes()
    assert b"sdk: static" in files["README.md"]
    assert here.created[0]["sdk"] == "static"
    assert here.created[0]["visibility"] == "private"
    files["README.md"] = b"---\nsdk: static\n---\nBy Jane.\n"
    report.write_text("<p>a newer report</p>")
    mcqa_suite.push_report(report, "jane/demo")
    assert files["README.md"].endswith(b"By Jane.\n")
    assert files["index.html"] == report.read_bytes()


@pytest.mark.slow
def test_the_report_command_uploads_what_it_wrote(here, tmp_path, capsys):
    from helpers.comparison_runs import two_runs

    base, variant = two_runs(tmp_path)
    output = tmp_path / "report.html"
    words = ["report", str(base), str(variant), "-o", str(output), "--push-to-space", "jane/demo"]
    assert main(words) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"{here.url}/spaces/jane/demo"
    assert here.files["jane/demo"]["index.html"] == output.read_bytes()
    here.refuse["commit/main"] = 403
    assert main(words) == 2
    assert "the token lacks the right" in capsys.readouterr().err


def test_a_report_that_cannot_be_uploaded_is_not_made(here, tmp_path, capsys):
    output = tmp_path / "report.html"
    words = ["report", str(tmp_path / "runs"), "-o", str(output)]
    assert main([*words, "--push-to-space", "jane"]) == 2
    assert main([*words, "--private"]) == 2
    here.refuse["whoami"] = 401
    assert main([*words, "--push-to-space", "jane/demo"]) == 2
    name, private, token = capsys.readouterr().err.splitlines()
    assert "--push-to-space jane: not the name of a repository; give USER/NAME, e.g. --push-to-space" in name
    assert private == "mcqa: --private needs --push-to-space USER/NAME"
    assert "the token is not valid" in token
    assert not output.exists()
