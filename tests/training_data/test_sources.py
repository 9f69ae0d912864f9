"""Each public source in its exact columns: what its rows say, where gold stands, and the errors for a wrong data set."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.dataset_rows import (
    N,
    aqua_rat_rows,
    gsm_symbolic_rows,
    labelled,
    math_qa_rows,
    mmlu_auxiliary_rows,
    sciq_rows,
    theorem_qa_rows,
    write_dataset,
)

from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.common.paths import tasks_dir, training_dir
from mcqa_suite.extract import extract_choice, extract_number, gold_number
from mcqa_suite.training_data.sources import PAIRS, SOURCES, STYLES, PairSource, Source, read, with_origin
from mcqa_suite.training_data.sources import rows as bundled_rows
from mcqa_suite.training_data.sources.multiple_choice import from_math_qa
from mcqa_suite.training_data.sources.source import group_of

SPLITS = ("train", "validation", "test")
KEYS = {"id", "group", "source", "topic", "format", "prompt", "completion"}
WITH_INSTRUCTION = {"gsm8k", "gsm_symbolic", "symbolic_local", "theorem_qa"}  # in their first style
GSM8K = [
    {"question": f"How many is {i} + 1,000?", "answer": f"<<{i}+1000={i + 1000}>>{i + 1000}\n#### {i + 1000:,}"}
    for i in range(1, 1 + N)
]


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shared = tmp_path_factory.mktemp("sources")
    hub = shared / "hub"
    write_dataset(hub, "allenai/sciq", "default", {split: sciq_rows(80) for split in SPLITS})
    for config in ("ARC-Easy", "ARC-Challenge"):
        write_dataset(hub, "allenai/ai2_arc", config, dict.fromkeys(SPLITS, arc_rows(config)))
    book = [
        {"id": f"7-{i}", "question_stem": f"Stem {i}", "choices": labelled(i), "answerKey": "ABCD"[i % 4]}
        for i in range(N)
    ]
    write_dataset(hub, "allenai/openbookqa", "main", dict.fromkeys(SPLITS, book))
    write_dataset(hub, "cais/mmlu", "all", {"auxiliary_train": mmlu_auxiliary_rows(), "test": mmlu_auxiliary_rows(2)})
    write_dataset(hub, "deepmind/aqua_rat", "raw", dict.fromkeys(SPLITS, aqua_rat_rows()))
    write_dataset(hub, "regisss/math_qa", "default", dict.fromkeys(SPLITS, math_qa_rows()))
    write_dataset(hub, "TIGER-Lab/TheoremQA", "default", {"test": theorem_qa_rows()})
    write_dataset(hub, "openai/gsm8k", "main", {"train": GSM8K, "test": GSM8K[:2]})
    for config in ("main", "p1"):
        write_dataset(hub, "apple/GSM-Symbolic", config, {"test": gsm_symbolic_rows(240)})
    return shared


def arc_rows(config: str) -> list[dict]:
    schemes = ["ABCD", "1234", "ABC", "12345"]
    return [
        {
            "id": f"{config}_{i}",
            "question": f"{config} question {i}?",
            "choices": labelled(i, schemes[i % 4]),
            "answerKey": schemes[i % 4][i % 3],
        }
        for i in range(N)
    ]


def rows(entry: Source | PairSource) -> list[dict[str, str]]:
    """The rows of the made-up hub, also where the real ones are bundled."""
    return bundled_rows(with_origin(entry, "hub"))


@pytest.fixture
def made_up(hub: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MCQA_SHARED", str(hub))
    return hub


SAMPLE = tasks_dir() / "epfl" / "sample.jsonl"
ASKED = {
    "sciq": Source("sciq"),
    "arc": Source("arc"),
    "openbookqa": Source("openbookqa"),
    "mmlu_auxiliary": Source("mmlu_auxiliary"),
    "aqua_rat": Source("aqua_rat"),
    "math_qa": Source("math_qa"),
    "theorem_qa": Source("theorem_qa"),
    "gsm8k": Source("gsm8k"),
    "gsm_symbolic": Source("gsm_symbolic"),
    "symbolic_local": Source("symbolic_local", n=40),
    "arc_grids": Source("arc_grids", config="arc_agi_1", n=20),
    "epfl": Source("epfl", path=str(SAMPLE)),
}


@pytest.mark.parametrize("name", ASKED)
def test_every_row_has_the_keys_of_a_row_and_an_id_of_its_own(made_up, name):
    result = rows(ASKED[name])
    assert result
    for row in result:
        assert row.keys() == KEYS | ({"system"} if name in WITH_INSTRUCTION else set())
        assert all(isinstance(value, str) for value in row.values())
        assert row["source"] == name
        assert row["prompt"].strip()
        assert row["completion"].strip()
        assert row["completion"][0] == " " or row["prompt"].endswith("\n")
    assert len({row["id"] for row in result}) == len(result)


def test_every_source_is_named_in_the_table_of_the_documentation():
    readme = (training_dir() / "data" / "README.md").read_text(encoding="utf-8")
    for name in (*SOURCES, *PAIRS):
        assert f"| `{name}` |" in readme, name


def test_a_public_data_sets_pairs_are_of_its_own_split_and_config(made_up):
    right = rows(Source("arc", config="ARC-Easy", split="validation", style="cloze"))
    pairs = rows(PairSource("arc", config="ARC-Easy", split="validation", style="cloze"))
    assert [(row["id"], row["chosen"]) for row in pairs] == [(row["id"], row["completion"]) for row in right]
    assert all(row["rejected"] != row["chosen"] for row in pairs)


@pytest.mark.parametrize("name", [name for name in ASKED if SOURCES[name].styles is STYLES])
@pytest.mark.parametrize("style", [style for style in STYLES if style != "cloze"])
def test_the_extractor_reads_the_right_letter_from_every_answer_style(made_up, name, style):
    letters = rows(ASKED[name])
    if style == "cot" and name in ("arc", "openbookqa", "mmlu_auxiliary"):
        with pytest.raises(DatasetError, match="no row left"):
            rows(Source(name, style=style))
        return
    by_id = {row["id"]: row["completion"].strip() for row in letters}
    for row in rows(replace(ASKED[name], style=style)):
        shown = re.findall(r"^[A-E]\. (.*)$", row["prompt"], re.MULTILINE)
        assert extract_choice(row["completion"], shown).answer == by_id[row["id"]]


# Prior mistake: the shuffle was seeded anew for every row, so that gold was always A.
def test_gold_of_sciq_is_at_every_position_and_equals_that_of_the_evaluation(made_up):
    from mcqa_suite.questions.parsers import from_sciq

    result = rows(Source("sciq"))
    places = Counter(row["completion"].strip() for row in result)
    assert set(places) == set("ABCD")
    assert max(places.values()) < len(result) / 2
    assert [row["completion"].strip() for row in result] == [from_sciq(row).answer for row in sciq_rows(80)]


@pytest.mark.parametrize(
    ("name", "gold"),
    [
        ("openbookqa", ["ABCD"[i % 4] for i in range(N)]),
        ("arc", ["ABC"[i % 3] for i in range(N)] * 2),  # prior mistake: labels 1-4 were left as they were
        ("mmlu_auxiliary", ["ABCD"[i % 4] for i in range(N)]),
        ("aqua_rat", ["ABCDE"[i % 5] for i in range(N)]),
        ("math_qa", ["ABCDE"[i % 5] for i in range(N)]),
    ],
)
def test_gold_is_at_the_data_sets_own_position(made_up, name, gold):
    assert [row["completion"].strip() for row in rows(Source(name))] == gold


def test_no_prompt_labels_options_by_numbers(made_up):
    assert not any("\n1. " in row["prompt"] or "\n2. " in row["prompt"] for row in rows(Source("arc")))


def test_the_options_of_math_qa_are_split_at_their_labels_only():
    result = from_math_qa(math_qa_rows(4)[3])
    assert result.choices == ("3", "1,03", "3.5 km / h", "data inadequate", "none of these")
    assert (result.answer, result.subject) == ("D", "physics")
    assert result.rationale == "explanation : 3 / 2 . answer : d"
    with pytest.raises(ValueError, match="not labelled a"):
        from_math_qa({**math_qa_rows(1)[0], "options": "a ) 1 , c ) 2"})


# Prior mistake: "#### 1,080" was read as 80.
@pytest.mark.parametrize("style", ["official", "final_answer"])
@pytest.mark.parametrize("name", ["gsm8k", "gsm_symbolic"])
def test_a_gold_number_with_a_comma_is_the_whole_number(made_up, name, style):
    raw_rows = GSM8K if name == "gsm8k" else gsm_symbolic_rows(240)
    result = rows(Source(name, style=style))
    for row, raw in zip(result, raw_rows, strict=True):
        whole = raw["answer"].rpartition("#### ")[2].replace(",", "")
        assert len(whole) == 4
        assert row["completion"].endswith(f"inal answer{' is' if style == 'official' else ':'} {whole}.")
        assert extract_number(row["completion"]).answer == gold_number(raw["answer"]) == whole
        assert "<<" not in row["completion"]
        assert "####" not in row["completion"]


def test_all_instances_of_a_template_are_one_group_whatever_the_variant(made_up):
    main, p1 = (rows(Source("gsm_symbolic", config=config)) for config in ("main", "p1"))
    assert {row["group"] for row in main} == {f"gsm_symbolic/{i}" for i in range(60)}
    assert [row["group"] for row in main] == [row["group"] for row in p1]
    assert {row["topic"] for row in p1} == {"p1"}
    parts = [{row["group"] for row in rows(Source("gsm_symbolic", split=split))} for split in ("train", "validation")]
    assert not parts[0] & parts[1]


def test_answers_to_our_own_templates_are_extracted_again_and_vary_with_the_seed():
    result, others = (rows(Source("symbolic_local", n=60, seed=seed)) for seed in (0, 1))
    for row in result:
        assert extract_number(row["completion"]).answer == row["completion"].rpartition(" is ")[2].rstrip(".")
    assert result != others
    with pytest.raises(ConfigError, match="source 'symbolic_local': no 'n'"):
        rows(Source("symbolic_local"))


def test_problems_of_theorem_qa_that_need_a_picture_are_left_out(made_up):
    result = rows(Source("theorem_qa"))
    assert Counter(row["topic"] for row in result) == {"bool": 3, "integer": 3, "float": 3}
    assert result[0]["completion"] == " The final answer is True."


def test_sciq_in_style_cot_has_only_the_questions_with_an_explanation(made_up):
    assert len(rows(Source("sciq"))) == 80
    assert len(rows(Source("sciq", style="cot"))) == 40


def test_arc_reads_both_configs_or_the_given_config(made_up):
    assert {row["id"].partition("/")[0] for row in rows(Source("arc"))} == {"arc_easy", "arc_challenge"}
    assert {row["id"].partition("/")[0] for row in rows(Source("arc", config="ARC-Easy"))} == {"arc_easy"}


def test_the_group_of_a_question_ignores_case_and_the_order_of_options():
    assert group_of("What  is it?", "a", "B") == group_of("what is it?", "b", "A") != group_of("what is it?", "b", "c")


ERRORS = [
    (Source("sciq", split="trian"), DatasetError, r"allenai/sciq .*split trian.*Unknown split .*choose another"),
    (
        Source("arc", config="ARC-Hard"),
        ConfigError,
        "unknown config of source 'arc' 'ARC-Hard'; expected one of ARC-Easy",
    ),
    (Source("gsm_symbolic", config="p3"), ConfigError, "'p3'; expected one of main, p1, p2"),
    (Source("arc_grids"), ConfigError, "no 'config'; give one of arc_agi_1, arc_agi_2, arc_agi_1_evaluation"),
    (Source("sciq", path="x"), ConfigError, "source 'sciq': unknown key 'path'"),
    (Source("sciq", pool="ai"), ConfigError, "source 'sciq': unknown key 'pool'"),
    (Source("gsm8k", style="letter"), ConfigError, "unknown style 'letter'; expected one of official, final_answer"),
    (Source("sciq", n=81), DatasetError, "source 'sciq': 80 rows, and n is 81"),
    (Source("theorem_qa", split="dev"), ConfigError, "'dev'; expected one of train, validation, test"),
    (Source("epfl", path="nowhere.jsonl"), DatasetError, "nowhere.jsonl"),
    (Source("nothing"), ConfigError, "unknown source 'nothing'; expected one of epfl, sciq"),
]


@pytest.mark.parametrize(("source", "kind", "message"), ERRORS, ids=[message[:40] for _, _, message in ERRORS])
def test_an_unusable_source_is_a_one_line_error(made_up, source, kind, message):
    with pytest.raises(kind, match=message) as caught:
        rows(source)
    assert "\n" not in str(caught.value)


def test_a_missing_column_is_an_error_that_lists_the_columns(tmp_path, monkeypatch):
    monkeypatch.setenv("MCQA_SHARED", str(tmp_path))
    bare = [{key: value for key, value in row.items() if key != "distractor2"} for row in sciq_rows(3)]
    write_dataset(tmp_path / "hub", "allenai/sciq", "default", {"train": bare})
    with pytest.raises(DatasetError, match=r"allenai/sciq: no column 'distractor2' among question, .*, support"):
        rows(Source("sciq"))


def test_a_few_bad_rows_are_left_out_with_a_warning_and_many_are_an_error(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("MCQA_SHARED", str(tmp_path))
    raw_rows = aqua_rat_rows(200)
    raw_rows[7]["options"][1] = "B)"
    write_dataset(tmp_path / "hub", "deepmind/aqua_rat", "raw", {"train": raw_rows, "test": raw_rows[:8]})
    assert len(rows(Source("aqua_rat"))) == 199
    assert "deepmind/aqua_rat: 1 of 200 rows left out, first row 7" in caplog.text
    with pytest.raises(DatasetError, match="1 of 8 rows cannot be read, first row 7"):
        rows(Source("aqua_rat", split="test"))


def test_a_folder_with_the_same_readme_has_its_own_rows(tmp_path, monkeypatch):
    for name in ("first", "second"):
        folder = tmp_path / name / "hub" / "openai/gsm8k" / "main"
        folder.mkdir(parents=True)
        row = {"question": f"{name}?", "answer": "#### 1"}
        (folder / "train.jsonl").write_text(json.dumps(row) + "\n")
        (folder.parent / "README.md").write_text(
            "---\nconfigs:\n- config_name: main\n  data_files:\n  - split: train\n    path: main/train.jsonl\n---\n"
        )
        monkeypatch.setenv("MCQA_SHARED", str(tmp_path / name))
        assert f"{name}?" in rows(Source("gsm8k"))[0]["prompt"]


def test_the_bundled_training_sets_are_complete_and_their_gold_is_spread(made_up):
    result, data = read([Source("arc"), Source("openbookqa")])
    assert [part.n for part in data] == [3370, 4957]
    for name in ("arc", "openbookqa"):
        places = Counter(row["completion"].strip() for row in result if row["source"] == name)
        assert all(0.2 < places[letter] / places.total() < 0.3 for letter in "ABCD")
    assert len(bundled_rows(PairSource("openbookqa", split="validation"))) == 500
    assert bundled_rows(Source("gsm8k", n=1))[0]["completion"].endswith(".")


def test_the_rows_of_the_hub_are_the_bundled_ones_or_not_as_the_source_says(made_up):
    assert len(bundled_rows(Source("aqua_rat", split="test"))) == 254
    assert len(bundled_rows(Source("aqua_rat", split="test", data="hub"))) == N
    assert len(bundled_rows(Source("aqua_rat"))) == N  # its train split is not bundled
    with pytest.raises(
        DatasetError, match=r"split train is not bundled \(validation, test\); choose another, or data: hub$"
    ):
        bundled_rows(Source("aqua_rat", data="bundled"))
    with pytest.raises(ConfigError, match="source 'sciq': unknown key 'data'; valid keys: "):
        bundled_rows(Source("sciq", data="hub"))


def test_the_hub_offline_is_one_line_with_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setenv("MCQA_SHARED", str(tmp_path))
    with pytest.raises(DatasetError, match=r"^allenai/openbookqa .* connect to the hub, .*, or leave out data: hub$"):
        bundled_rows(Source("openbookqa", data="hub"))
