"""Secrets of the environment are in nothing that is printed or written."""

from __future__ import annotations

import gzip
import sys

import pytest
from helpers.log_files import write_run, written_row

from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.files import write_file, write_files
from mcqa_suite.common.jsonl import journal
from mcqa_suite.common.masking import mask_of_secrets, masked
from mcqa_suite.common.output import print_error, safe_output
from mcqa_suite.evaluation.secret_settings import check_no_secret

SECRET = "marker-5f1c"


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", SECRET)


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "MCQA_API_KEY", "WANDB_API_KEY", "GITHUB_TOKEN", "MY_PASSWORD"])
def test_the_value_of_every_key_variable_is_masked(monkeypatch, name):
    monkeypatch.setenv(name, "other-secret")
    assert masked("a other-secret b") == "a ... b"


def test_a_short_value_is_a_word_and_stays(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "EMPTY")
    assert masked("EMPTY") == "EMPTY"


def test_passwords_and_keys_of_urls_are_masked(monkeypatch):
    assert (
        masked("at http://me:hunter2@host/v1?a=1&api_key=hunter2&b=2.") == "at http://...@host/v1?a=1&api_key=...&b=2."
    )
    monkeypatch.setenv("HTTPS_PROXY", "http://me:hunter2%21more@proxy:3128")
    assert mask_of_secrets()("hunter2!more hunter2%21more") == "... ..."


def test_no_secret_is_printed(capsys):
    with safe_output():
        print(SECRET)
        print(SECRET, file=sys.stderr)
    print_error(ConfigError(SECRET))
    assert SECRET not in "".join(capsys.readouterr())


def test_no_secret_is_written(tmp_path):
    write_file(tmp_path / "a.md", SECRET)
    write_files(tmp_path / "new", [("b.md", SECRET)])
    with journal(tmp_path / "d.jsonl") as rows:
        rows.append({"text": SECRET})
        assert rows.rows == [{"text": "..."}]
    texts = [path.read_text() for path in tmp_path.rglob("*.*") if path.is_file()]
    assert len(texts) >= 3
    assert not [text for text in texts if SECRET in text]


@pytest.mark.parametrize(
    "settings",
    [
        {"model_args": {"base_url": "http://me:hunter22@host/v1"}},
        {"model_args": {"base_url": "http://host/v1?api_key=hunter22"}},
        {"model_args": {"token": "hunter22"}},
        {"model_args": {"header": {"Authorization": "Bearer hunter22"}}},
        {"model_args": {"pretrained": "x", "model": SECRET}},
        {"hf_hub_log_args": {"token": "hunter22"}},
    ],
)
def test_a_setting_with_a_secret_is_refused_without_it(settings):
    with pytest.raises(ConfigError, match=r"would be recorded.*set .*OPENAI_API_KEY") as refused:
        check_no_secret(settings, "mcqa eval")
    assert "hunter22" not in str(refused.value)
    assert SECRET not in str(refused.value)


def test_settings_without_a_secret_pass():
    check_no_secret({"model_args": {"token": True, "max_tokens": "5", "base_url": "http://host:8000/v1"}}, "mcqa eval")


def test_no_secret_is_packed(tmp_path):
    """A packed run goes to a repository; half of a surrogate pair in it stops nothing."""
    row = written_row("t", 0, "B", 1, text=f"B, says {SECRET} \ud800")
    folder = write_run(tmp_path / "run", {"t": [row]}, model=f"{SECRET} \ud800")
    (folder / "configs").mkdir()
    (folder / "configs" / "sft.yaml").write_text(f"a: {SECRET}", encoding="utf-8")
    assert main(["pack", str(folder), "-o", str(tmp_path / "packed")]) == 0
    files = [path for path in (tmp_path / "packed").rglob("*") if path.is_file()]
    texts = [gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes() for path in files]
    assert len(texts) == 3
    assert not [text for text in texts if SECRET.encode() in text]
    assert main(["table", str(tmp_path / "packed")]) == 0


@pytest.mark.parametrize("format", ["every-eval-ever", "parquet"])
def test_no_secret_is_exported(tmp_path, format):
    pandas = pytest.importorskip("pandas")
    if format == "parquet":
        pytest.importorskip("pyarrow")
    row = written_row("t", 0, "B", 1, text=f"B, says {SECRET}")
    folder = write_run(tmp_path / "run", {"t": [row]}, model=f"{SECRET}")
    assert main(["export", str(folder), "-o", str(tmp_path / "new"), "--format", format]) == 0
    files = [path for path in (tmp_path / "new").rglob("*") if path.is_file()]
    texts = [str(pandas.read_parquet(path).to_dict()) if format == "parquet" else path.read_text() for path in files]
    assert texts
    assert not [text for text in texts if SECRET in text]
