"""`mcqa eval` around the model: which backend, which index, which imports."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from mcqa_suite.backend.loglik_cache import VARIABLE
from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.paths import tasks_dir
from mcqa_suite.evaluation.launch import check_complete, checked, local_managers, read_command
from mcqa_suite.harness.tasks import listed, manager

HEAVY = {"torch", "transformers", "lm_eval", "datasets", "pandas", "scipy"}


@pytest.mark.parametrize(
    ("words", "added"),
    [
        ([], {"model": "hf-prefix"}),
        (["--model", "hf"], {}),
        (["-M", "vllm"], {}),
        (["--model=dummy"], {}),
        (["--config", "names.yaml"], {}),
        (["--config", "silent.yaml"], {"model": "hf-prefix"}),
    ],
)
def test_shared_tokens_are_scored_once_unless_another_backend_is_named(tmp_path, monkeypatch, words, added):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "names.yaml").write_text("model: hf\n", encoding="utf-8")
    (tmp_path / "silent.yaml").write_text("tasks: [mcqa_epfl]\n", encoding="utf-8")
    assert checked(read_command(["run", *words])[1]) == [added]


def test_a_config_file_that_is_missing_is_one_line(capsys):
    assert main(["eval", "--config", "missing.yaml"]) == 2
    assert "mcqa: missing.yaml: No such file or directory; give the path of a YAML file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("names", "alone"),
    [
        (["mcqa_epfl", "mcqa_arc"], True),
        (["mcqa_mmlu_stem_*"], True),
        (["mcqa_epfl", "arc_easy"], False),
        (["*"], False),
        (["mine.yaml"], False),
        ([], False),
    ],
)
def test_the_harness_indexes_its_own_tasks_only_when_one_is_asked_for(names, alone):
    import lm_eval.tasks

    whole = lm_eval.tasks.TaskManager
    with local_managers(names):
        if alone:
            built = lm_eval.tasks.TaskManager(include_path=str(tasks_dir()))
            assert set(built.all_tasks) == set(listed())
    assert lm_eval.tasks.TaskManager is whole


def test_tasks_are_listed_as_the_harness_reads_them():
    index = manager().task_index
    assert {name: entry.kind.name == "GROUP" for name, entry in index.items()} == {
        name: "group" in config for name, config in listed().items()
    }
    for name, config in listed().items():
        for key in ("task", "dataset_path", "output_type"):
            assert config.get(key) == index[name].cfg.get(key)


@pytest.mark.parametrize("words", [["tasks"], ["tasks", "--path"], ["--help"]])
def test_a_listing_imports_nothing_that_takes_seconds(words):
    code = f"""
import sys
from mcqa_suite.cli.main import main
try:
    main({words!r})
except SystemExit:
    pass
print(",".join({HEAVY!r} & {{name.partition(".")[0] for name in sys.modules}}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == ""


@pytest.mark.slow
def test_both_backends_give_the_same_results_and_say_which_they_are(tiny_checkpoint, tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache.sqlite"))
    runs = {}
    for name, words in (("ours", []), ("again", []), ("stock", ["--model", "hf"])):
        model_args = f"pretrained={tiny_checkpoint},dtype=float32"
        command = [
            "eval",
            *words,
            "--model_args",
            model_args,
            "--device",
            "cpu",
            "--tasks",
            "mcqa_epfl,mcqa_epfl_cloze",
        ]
        assert main([*command, "--limit", "6", "--log_samples", "--output_path", str(tmp_path / name)]) == 0
        results = json.loads(next((tmp_path / name).rglob("results_*.json")).read_text(encoding="utf-8"))
        scores = {}
        for path in (tmp_path / name).rglob("samples_*.jsonl"):
            for line in path.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                scores[path.name.rpartition("_")[0], row["doc_id"]] = [float(pair[0]) for pair in row["filtered_resps"]]
        runs[name] = results["results"], scores, results["config"]
    assert runs["ours"][0] == runs["stock"][0]
    for key, values in runs["stock"][1].items():
        assert runs["ours"][1][key] == pytest.approx(values, abs=1e-4)
    assert runs["again"][:2] == runs["ours"][:2]
    config = {name: each[2] for name, each in runs.items()}
    assert (config["ours"]["model"], config["stock"]["model"]) == ("hf-prefix", "hf")
    assert config["ours"]["prefix_sharing"]["backend"] == "prefix tree"
    assert [config[name]["prefix_sharing"]["cache_hits"] for name in ("ours", "again")] == [0, 48]
    assert config["again"]["prefix_sharing"]["tokens_computed"] == 0


@pytest.mark.parametrize("setting", ["False", "off", "True", "on"])
@pytest.mark.slow
def test_the_cache_is_switched_by_a_model_argument(tiny_checkpoint, tmp_path, monkeypatch, setting):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache.sqlite"))
    monkeypatch.chdir(tmp_path)  # where runs/ is made
    settings = f"pretrained={tiny_checkpoint},cache={setting}"
    words = ["--model_args", settings, "--device", "cpu", "--tasks", "mcqa_epfl", "--limit", "1"]
    assert main(["eval", *words]) == 0
    assert (tmp_path / "cache.sqlite").exists() is (setting in ("True", "on"))


@pytest.mark.parametrize(("setting", "value"), [("cache=7", 7), ("max_pass_tokens=many", "many")])
def test_a_model_argument_of_the_wrong_type_is_one_line_before_the_model_is_loaded(capsys, setting, value):
    words = ["--model_args", f"pretrained=nobody/nothing,{setting}", "--tasks", "mcqa_epfl", "--limit", "1"]
    assert main(["eval", *words]) == 2
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("mcqa: ")]
    assert f"={value}: expected" in line


WRONG = [
    *(
        f"{name}=words"
        for name in ("max_length", "prefix_token_id", "add_bos_token", "logits_cache", "parallelize", "dtype")
    ),
    *("max_length=0", "max_length=-1", "max_length=1.5", "max_length=True", "max_length=99999999999999999999"),
    *("pretrained=5", "tokenizer=5", "revision=1", "backend=words", "softmax_dtype=words", "dtype=1", "dtype=nan"),
    *("trust_remote_code=words", "use_fast_tokenizer=7", "chat_template_args=words", "peft=True", "gguf_file=1"),
    *("batch_size=words", "batch_size=4", "device=cpu"),
]
WRONG_OF_A_SERVER = [
    *(
        f"{name}=words"
        for name in ("timeout", "max_retries", "num_concurrent", "retry_seconds", "retry_backoff", "seed")
    ),
    *("timeout=0", "timeout=-1", "timeout=nan", "timeout=1e308", "num_concurrent=0", "max_retries=-1", "model=5"),
    *(
        "base_url=7",
        "tokenizer=7",
        "tokenizer_backend=words",
        "header=words",
        "max_length=x",
        "max_gen_toks=x",
        "timeut=5",
    ),
]


@pytest.mark.parametrize("model", ["hf-prefix", "hf"])
@pytest.mark.parametrize("setting", WRONG)
def test_an_argument_of_a_model_that_has_another_type_is_named(model, setting):
    words = ["run", "--model", model, "--model_args", f"pretrained=x,{setting}", "--tasks", "mcqa_epfl"]
    with pytest.raises(ConfigError, match=f"^--model_args: {setting.partition('=')[0]}: ") as refused:
        check_complete(read_command(words)[1])
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("model", ["local-completions", "local-chat-completions"])
@pytest.mark.parametrize("setting", WRONG_OF_A_SERVER)
def test_an_argument_of_a_server_that_has_another_type_is_named(model, setting):
    words = ["run", "--model", model, "--model_args", f"base_url=http://x/v1,{setting}", "--tasks", "mcqa_epfl"]
    with pytest.raises(ConfigError, match=r"^--model_args: ") as refused:
        check_complete(read_command(words)[1])
    assert setting.partition("=")[0] in str(refused.value)


@pytest.mark.parametrize(
    "setting",
    ["limit: words", "limit: -1", "limit: .nan", "num_fewshot: -1", "num_fewshot: [1]", "batch_size: words", "batch_size: 0",
     "device: 5", "model: [hf]", "tasks: {a: b}", "output_path: 5", "model_args: 5", "model_args: [1]", "gen_kwargs: 5",
     "metadata: words", "log_samples: words", "include_path: [a]", "use_cache: 5", "system_instruction: {a: b}"],
)  # fmt: skip
def test_a_setting_of_a_configuration_file_that_has_another_type_is_named(tmp_path, capsys, setting):
    plain = {"tasks": "[mcqa_epfl]", "model_args": "{pretrained: x}"} | dict([setting.split(": ", 1)])
    (tmp_path / "eval.yaml").write_text("".join(f"{key}: {value}\n" for key, value in plain.items()), encoding="utf-8")
    assert main(["eval", "--config", str(tmp_path / "eval.yaml")]) == 2
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("mcqa: ")]
    assert setting.partition(":")[0] in line
    assert "expected" in line


def test_no_folder_is_made_for_a_cache_that_is_named(tmp_path, capsys):
    words = ["--model_args", f"pretrained=nobody/nothing,cache={tmp_path}/a/b/c.sqlite", "--tasks", "mcqa_epfl"]
    assert main(["eval", *words, "--output_path", str(tmp_path / "out")]) == 2
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("mcqa: ")]
    assert f"no folder {tmp_path}/a/b; make it" in line
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    "setting", ["custom_generate=stranger/repo", '{"trust_remote_code": true}', '{"temperature": {"a": 1}}']
)
def test_a_generation_setting_that_is_none_is_refused_before_the_model_is_loaded(tmp_path, capsys, setting):
    words = ["--model_args", "pretrained=nobody/nothing", "--tasks", "mcqa_epfl_cot", "--gen_kwargs", setting]
    assert main(["eval", *words, "--output_path", str(tmp_path / "out")]) == 2
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("mcqa: ")]
    assert "--gen_kwargs: " in line


def test_generation_settings_of_a_configuration_file_are_checked_too(tmp_path):
    text = "tasks: [mcqa_epfl_cot]\nmodel_args: {pretrained: x}\ngen_kwargs: %s\n"
    for value in ("{custom_generate: x}", "custom_generate=x"):
        (tmp_path / "config.yaml").write_text(text % value, encoding="utf-8")
        with pytest.raises(ConfigError, match="'custom_generate' is no setting of generation"):
            check_complete(read_command(["run", "--config", str(tmp_path / "config.yaml")])[1])
    (tmp_path / "config.yaml").write_text(text % "max_gen_toks=8", encoding="utf-8")
    assert read_command(["run", "--config", str(tmp_path / "config.yaml")])[1]["gen_kwargs"] == {"max_gen_toks": 8}
