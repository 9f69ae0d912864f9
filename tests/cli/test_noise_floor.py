"""A noise floor is a second run of the base: a run of other weights is refused."""

from __future__ import annotations

import json

import pytest
from helpers.comparison_runs import noisy
from helpers.log_files import WEIGHTS, choice_rows, questions, write_run

from mcqa_suite.cli.main import main

HF = {"model": "hf", "model_args": "pretrained=base"}


def run(folder, amount, **config):
    scores, gold = questions(200)
    rows = {"t": choice_rows("t", noisy(scores, amount), gold)}
    model = config.pop("name", "base")
    return write_run(folder, rows, model=model, config={**HF, **WEIGHTS, **config})


@pytest.fixture
def base(tmp_path):
    return run(tmp_path / "base", 0.0, model_content="a" * 64)


@pytest.fixture
def variant(tmp_path):
    return run(tmp_path / "gptq", 0.5, name="gptq")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"name": "other"}, "model: base (base), other (again)"),
        ({"model_num_parameters": 500}, "parameters: 1000 (base), 500 (again)"),
        ({"model_args": "pretrained=base,peft=adapter"}, "peft: none (base), adapter (again)"),
        ({"model_args": {"pretrained": "base", "load_in_8bit": True}}, "load_in_8bit: none (base), True (again)"),
        ({"model_content": "b" * 64}, f"content: ...{'a' * 37} (base), ...{'b' * 37} (again)"),
    ],
)
def test_a_run_of_other_weights_is_no_noise_floor(tmp_path, capsys, base, variant, config, words):
    again = str(run(tmp_path / "again", 0.01, **config))
    assert main(["compare", str(base), str(variant), "--noise-floor", again]) == 2
    out, error = capsys.readouterr()
    assert (out, error.count("\n")) == ("", 1)
    assert f"--noise-floor {again}: other weights than the base's: {words}; give a second run of base; " in error
    page = tmp_path / "report.html"
    assert main(["report", str(variant), "--base", str(base), "--noise-floor", again, "-o", str(page)]) == 2
    assert words in capsys.readouterr().err
    assert not page.exists()


@pytest.mark.parametrize(
    "config",
    [
        {"model_args": "pretrained=base,dtype=bfloat16,batch_size=8", "model_dtype": "torch.bfloat16"},
        {"name": "/another/path/of/base", "model_content": "a" * 64},
        {"model": "vllm", "model_num_parameters": None},
    ],
)
def test_the_same_weights_under_other_conditions_are_a_noise_floor(tmp_path, capsys, base, variant, config):
    again = run(tmp_path / "again", 0.01, **config)
    assert main(["compare", str(base), str(variant), "--noise-floor", str(again)]) == 0
    assert "again (noise floor)" in capsys.readouterr().out


@pytest.mark.parametrize("style", ["md", "csv", "latex", "json"])
def test_force_takes_it_and_says_so(tmp_path, capsys, base, variant, style):
    other = run(tmp_path / "other", 0.01, name="other")
    words = ["compare", str(base), str(variant), "--noise-floor", str(other), "--force", "--format", style]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "other weights than the base's: model: base (base), other (other)" in out
    if style == "json":
        forced = {row["variant"]: row["forced"] for row in json.loads(out)["comparisons"]}
        assert [variant for variant, lines in forced.items() if lines] == ["other (noise floor)"]
