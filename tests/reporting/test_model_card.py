"""The model card of a checkpoint: what it says, in the hub's own form, and for which runs."""

from __future__ import annotations

import dataclasses
import json

import pytest
import yaml
from helpers import ladder_runs
from helpers.comparison_runs import first_right
from helpers.locations import REPOSITORY
from helpers.log_files import choice_rows, questions, write_run

import mcqa_suite
from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.manifest import Data, LeftOut, Manifest, Parent, read_manifest, write_manifest
from mcqa_suite.logs.runs import read_run
from mcqa_suite.reporting.audits import StageAudit, write_audit
from mcqa_suite.reporting.model_card.card import model_card
from mcqa_suite.reporting.model_card.facts import Facts, read_facts
from mcqa_suite.reporting.model_card.files import card_of
from mcqa_suite.reporting.model_card.front import DATA_SETS, front_matter
from mcqa_suite.reporting.model_card.scores import hub_results, scores_of
from mcqa_suite.training_data.sources import PAIRS, SOURCES
from mcqa_suite.training_data.sources.source import PairSource, Source

DEMO = REPOSITORY / "docs" / "demo"
ARC = {"dataset_path": "allenai/ai2_arc", "dataset_name": "ARC-Easy", "test_split": "test"}


@pytest.fixture
def run_folder(tmp_path):
    """A ladder of four rungs, whose task is ARC-Easy's test set."""
    ladder_runs.ladder(tmp_path)
    for path in tmp_path.glob("evaluations/*/0/results_*.json"):
        results = json.loads(path.read_text())
        results["configs"]["t"] |= ARC
        path.write_text(json.dumps(results | {"date": 1796003895.7}))
    return tmp_path


def changed(folder, **facts):
    write_manifest(folder, dataclasses.replace(read_manifest(folder), **facts))


def section(text, heading):
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def test_a_card_compares_with_the_parent_by_the_rule_of_the_project(run_folder):
    result = mcqa_suite.card(run_folder / "checkpoints" / "sft")
    assert result.output == run_folder / "checkpoints" / "sft" / "README.md"
    assert result.output.read_text() == result.text
    row = mcqa_suite.compare(*(run_folder / "evaluations" / name for name in ("base", "sft"))).to_frame().iloc[0]
    cells = [cell.strip() for cell in section(result.text, "Results").splitlines()[4].strip("|").split("|")]
    assert cells[:4] == ["t", "1,000", "60.0 (56.9 to 63.0)", "70.0 (67.1 to 72.8)"]
    assert cells[4] == f"+10.0 ({100 * row.low:+.1f} to {100 * row.high:+.1f}) *"
    assert cells[5:7] == ["116.7", f"{100 * row.recovery_above_chance:.1f}"]
    assert cells[7] == f"**{row.verdict}**: gains at least {100 * row.bound:.1f} points"


def test_a_card_is_a_function_of_manifests_and_runs(run_folder):
    folder = run_folder / "checkpoints" / "dpo"
    first = mcqa_suite.card(folder).text
    assert mcqa_suite.card(folder).text == first
    own, parent = (run_folder / "evaluations" / name for name in ("dpo", "sft"))
    assert mcqa_suite.card(folder, parent, own, output=run_folder / "other.md").text == first


def test_without_runs_it_says_so_and_runs_renew_it(tmp_path, capsys):
    runs = ladder_runs.ladder(tmp_path, {"base": 600, "sft": 700}, evaluated=())
    folder = tmp_path / "checkpoints" / "sft"
    assert main(["card", str(folder)]) == 0
    assert "no scores" in capsys.readouterr().out
    text = (folder / "README.md").read_text()
    assert "Not evaluated yet" in text
    assert "model-index" not in text
    del runs
    other = tmp_path / "later"
    ladder_runs.ladder(other, {"base": 600, "sft": 700})
    runs = [str(other / "evaluations" / name) for name in ("sft", "base")]
    (folder / "README.md").write_text(text + "\n## Intended use\n\nIn class.\n")
    assert main(["card", str(folder), *runs]) == 0
    text = (folder / "README.md").read_text()
    assert "Not evaluated yet" not in text
    assert "**better**" in text
    assert "In class." in text


def test_the_card_of_a_converted_base_says_where_its_weights_come_from():
    result = mcqa_suite.card(DEMO / "checkpoints" / "base", dry_run=True)
    front = yaml.safe_load(result.text.split("---\n")[1])
    assert (front["base_model"], front["base_model_relation"]) == ("HuggingFaceTB/SmolLM2-135M-Instruct", "quantized")
    assert front["license"] == "apache-2.0"
    assert "A base model, dequantised from Q4_1: 134.5 M parameters" in result.text
    assert "It was not trained here" in section(result.text, "Data")
    assert "parent" not in result.text
    assert "Seed" not in result.text
    assert "| mcqa_arc_easy_cloze | 100 of 2,376 | 49.0 (39.4 to 58.7) |" in result.text


def test_a_run_of_the_checkpoint_alone_gives_its_scores(run_folder):
    text = mcqa_suite.card(run_folder / "checkpoints" / "sft", run_folder / "evaluations" / "sft").text
    assert "| t | 1,000 | 70.0 (67.1 to 72.8) |" in text
    assert "what this stage changed is not known" in text


def test_a_dry_run_prints_the_card_and_writes_nothing(run_folder, capsys):
    folder = run_folder / "checkpoints" / "sft"
    assert main(["card", str(folder), "--dry-run"]) == 0
    assert not (folder / "README.md").exists()
    assert capsys.readouterr().out == mcqa_suite.card(folder).text


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["gptq4"], "not a run of .*sft, nor of its parent base"),
        (["base"], "a run of the parent alone"),
        (["sft", "sft"], "of the same weights"),
    ],
)
def test_runs_of_other_weights_are_refused_and_nothing_is_written(run_folder, names, words):
    folder = run_folder / "checkpoints" / "sft"
    with pytest.raises(ConfigError, match=words):
        mcqa_suite.card(folder, *(run_folder / "evaluations" / name for name in names))
    assert not (folder / "README.md").exists()


def test_a_run_without_a_manifest_is_known_by_the_content_in_its_results(run_folder, tmp_path):
    _, gold = questions(1000)
    config = {"model": "hf", "model_args": "pretrained=x", "model_content": "content of sft"}
    run = write_run(tmp_path / "plain", {"t": choice_rows("t", first_right(700, gold), gold)}, config=config)
    assert "70.0 (67.1 to 72.8)" in mcqa_suite.card(run_folder / "checkpoints" / "sft", run).text


@pytest.mark.parametrize(
    ("folder", "words"),
    [("evaluations/sft", "an evaluation; give the folder of the checkpoint"), ("nowhere", "not made by a stage")],
)
def test_what_is_no_checkpoint_is_refused_in_one_line(run_folder, capsys, folder, words):
    assert main(["card", str(run_folder / folder)]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_a_card_that_cannot_be_read_or_written_stays(run_folder, capsys):
    folder = run_folder / "checkpoints" / "sft"
    card = folder / "README.md"
    for content in (b"---\ntags: [a\n---\n# mine\n", b"\xff\xfe mine"):
        card.write_bytes(content)
        assert main(["card", str(folder)]) == 2
        assert card.read_bytes() == content
    card.unlink()
    card.mkdir()
    assert main(["card", str(folder)]) == 2
    assert main(["card", str(folder), "-o", str(run_folder / "no" / "such" / "card.md")]) == 2
    assert all(line.startswith("mcqa: ") for line in capsys.readouterr().err.splitlines())
    assert not list(folder.glob(".*partial"))


def test_the_hubs_own_classes_read_what_was_written(run_folder):
    from huggingface_hub import ModelCard
    from huggingface_hub.repocard_data import eval_results_to_model_index

    folder = run_folder / "checkpoints" / "sft"
    changed(run_folder / "checkpoints" / "base", kind="base", settings={"base": "smollm2-135m-instruct"})
    text = mcqa_suite.card(folder).text
    card = ModelCard(text)
    assert card.data.base_model == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert (card.data.license, card.data.library_name, card.data.pipeline_tag) == (
        "apache-2.0",
        "transformers",
        "text-generation",
    )
    (result,) = card.data.eval_results
    assert (result.dataset_type, result.dataset_config, result.dataset_split) == ("allenai/ai2_arc", "ARC-Easy", "test")
    assert (result.metric_type, result.metric_value) == ("accuracy", 70.0)
    assert result.metric_args["n"] == 1000
    front = yaml.safe_load(text.split("---\n")[1])
    assert eval_results_to_model_index(card.data.model_name, card.data.eval_results) == front["model-index"]
    assert yaml.safe_load(card.content.split("---\n")[1]) == front
    assert ModelCard(mcqa_suite.card(folder).text).data.to_dict() == card.data.to_dict()


def test_scores_of_a_part_and_of_files_are_no_results_for_the_hub(run_folder):
    folder = run_folder / "checkpoints" / "sft"
    path = next((run_folder / "evaluations" / "sft" / "0").glob("results_*"))
    results = json.loads(path.read_text())
    for change in (
        {"n-samples": {"t": {"original": 2000, "effective": 1000}}},
        {"configs": {"t": {**results["configs"]["t"], "dataset_path": "my/own/file"}}},
    ):
        path.write_text(json.dumps(results | change))
        assert "model-index" not in mcqa_suite.card(folder, output=run_folder / "card.md").text
    assert "| t | 1,000 |" in (run_folder / "card.md").read_text()


STAGES = {"base": "base", "sft": "sft", "gptq4": "gptq", "adapter": "dpo", "merged": "merge", "reward": "reward"}


def line(*names, base="meta-llama/Llama-3.2-1B", **last):
    """Facts of the last of some stages, each made from the one before."""
    manifests, above = [], None
    for name in names:
        settings = {"base": base} if name == "base" else {"bits": 4} if name == "gptq4" else {}
        facts = {
            "settings": settings,
            "seed": 0,
            "hardware": {"cpu": "c", "cores": 2},
            "seconds": 1.0,
            "adapter": name == "adapter",
        }
        above = Manifest(
            kind=STAGES[name], name=name, parent=above and Parent(above.name, above.content), content=name * 5, **facts
        )
        manifests.insert(0, above)
    return Facts(manifests[0], tuple(manifests[1:]), **last)


@pytest.mark.parametrize(
    ("names", "relation"),
    [
        (["base", "sft"], "finetune"),
        (["base", "gptq4"], "quantized"),
        (["base", "adapter"], "adapter"),
        (["base", "adapter", "merged"], "finetune"),
        (["base", "sft", "gptq4"], "finetune"),  # quantised, but not from the base
    ],
)
def test_the_relation_to_the_base_is_that_of_all_stages_since(names, relation):
    front = front_matter(line(*names))
    assert (front["base_model"], front["base_model_relation"]) == ("meta-llama/Llama-3.2-1B", relation)
    named = front_matter(line(*names, base_model="jane/parent"))
    assert named["base_model"] == "jane/parent"
    assert named["base_model_relation"] == front_matter(line("base", names[-1]))["base_model_relation"]


def test_a_base_that_is_no_model_of_the_hub_is_not_named():
    assert "base_model" not in front_matter(line("base", "sft", base="my-model"))
    assert front_matter(line("base", "sft", base="jane/models/q4.gguf"))["base_model"] == "jane/models"


def test_how_a_checkpoint_is_loaded_depends_on_what_it_is():
    code = {
        name: model_card(line("base", "sft", name)).sections["## How to load it"]
        for name in ("gptq4", "adapter", "reward")
    }
    assert "gptqmodel" in code["gptq4"] and "vllm serve USER/gptq4" in code["gptq4"]  # noqa: PT018
    assert "PeftModel.from_pretrained" in code["adapter"]
    assert "AutoModelForSequenceClassification" in code["reward"]
    assert "vllm" not in code["reward"]
    assert front_matter(line("base", "adapter"))["library_name"] == "peft"
    assert front_matter(line("base", "reward"))["pipeline_tag"] == "text-classification"


def test_the_data_are_shown_with_the_rows_that_held_test_questions(run_folder):
    folder = run_folder / "checkpoints" / "sft"
    data = (Data("arc", 300, "a"), Data("rows", 20, "b"))
    settings = {
        "data": [{"source": "arc", "split": "train", "style": "cloze"}, {"source": "rows", "path": "mine.jsonl"}]
    }
    changed(folder, data=data, settings=settings, left_out=LeftOut(7, "c", 313), metrics={"validation_rows": 10})
    (run_folder / "audits").mkdir()
    write_audit(run_folder, StageAudit("sft", "drop", data, tuple(range(7)), {"t": 9}, {"t": 1000, "u": 5}))
    text = section(mcqa_suite.card(folder).text, "Data")
    assert "| arc | [allenai/ai2_arc](https://huggingface.co/datasets/allenai/ai2_arc) | train | cloze | 300 |" in text
    assert "| rows | own file |" in text
    assert "2 tasks, and some are in them; they were dropped: 9 of `t`" in text
    assert "7 of 320 rows were left out: they hold questions of the evaluation. 313 were seen." in text
    assert "10 rows were kept to measure the training." in text
    assert yaml.safe_load((folder / "README.md").read_text().split("---\n")[1])["datasets"] == ["allenai/ai2_arc"]
    changed(folder, data=data[:1], settings={}, left_out=None)  # the audit is of other rows now
    assert "not searched" in section(mcqa_suite.card(folder).text, "Data")


class StopError(Exception):
    pass


@pytest.mark.parametrize("name", sorted(DATA_SETS))
def test_the_data_sets_of_the_hub_are_those_that_the_sources_read(name, monkeypatch):
    def stop(repository, *_):
        raise StopError(repository)

    monkeypatch.setattr("mcqa_suite.training_data.sources.hub.load", stop)
    monkeypatch.setattr("mcqa_suite.training_data.sources.hub.from_hub", stop)
    with pytest.raises(StopError, match=f"^{DATA_SETS[name]}$"):
        list(SOURCES[name].load(Source(source=name)))
    if name in PAIRS:
        with pytest.raises(StopError, match=f"^{DATA_SETS[name]}$"):
            list(PAIRS[name].load(PairSource(source=name)))


def test_the_licence_is_that_of_the_nearest_card_above(run_folder):
    (run_folder / "checkpoints" / "base" / "README.md").write_text("---\nlicense: llama3.2\n---\n")
    assert read_facts(run_folder / "checkpoints" / "dpo").licence == "llama3.2"
    (run_folder / "checkpoints" / "sft" / "README.md").write_text("---\nlicense: mit\n---\n")
    assert read_facts(run_folder / "checkpoints" / "dpo").licence == "mit"


def test_a_run_of_a_benchmarks_own_protocol_is_a_result_for_the_hub(tmp_path):
    pytest.importorskip("inspect_ai")
    from huggingface_hub import parse_eval_result_entries
    from inspect_ai.log import read_eval_log, write_eval_log

    log = read_eval_log(str(REPOSITORY / "tests" / "logs" / "inspect_0.3" / "base.eval"))
    log.eval.task = "hf/openai/gsm8k/gsm8k"
    write_eval_log(log, str(tmp_path / "own.eval"))
    ((name, entry),) = hub_results(scores_of(read_run(tmp_path / "own.eval"), None))
    assert name == "openai--gsm8k--gsm8k.yaml"
    (parsed,) = parse_eval_result_entries([entry])
    assert (parsed.dataset_id, parsed.task_id) == ("openai/gsm8k", "gsm8k")
    assert parsed.value == pytest.approx(100 * 10 / 12, abs=0.01)
    assert not list(hub_results(scores_of(read_run(REPOSITORY / "tests/logs/inspect_0.3/base.eval"), None)))


def test_the_tasks_of_the_suite_are_no_results_for_the_hub():
    """Their prompts are not those of the benchmarks' eval.yaml."""
    facts = card_of(DEMO / "checkpoints" / "sft", read_run(DEMO / "evaluations" / "sft"))
    assert facts.scores.scored
    assert not list(hub_results(facts.scores))


def test_results_of_a_person_stay(run_folder, monkeypatch):
    entry = {"dataset": {"id": "openai/gsm8k", "task_id": "gsm8k"}, "value": 50.0}
    monkeypatch.setattr(
        "mcqa_suite.reporting.model_card.files.hub_results", lambda _: [("own.yaml", entry), ("theirs.yaml", entry)]
    )
    folder = run_folder / "checkpoints" / "sft"
    (folder / ".eval_results").mkdir()
    (folder / ".eval_results" / "theirs.yaml").write_text("- value: 99\n")
    result = mcqa_suite.card(folder)
    assert result.results == (folder / ".eval_results" / "own.yaml",)
    assert result.yours == (".eval_results/theirs.yaml",)
    assert yaml.safe_load(result.results[0].read_text()) == [entry]
    assert (folder / ".eval_results" / "theirs.yaml").read_text() == "- value: 99\n"
    assert mcqa_suite.card(folder).results == result.results
