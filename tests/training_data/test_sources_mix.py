"""How many rows of each source a mix has, which ones, and that no question is in two of its parts."""

from __future__ import annotations

import json
from collections import Counter
from itertools import combinations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mcqa_suite.cli.main import main
from mcqa_suite.common.config import parse
from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.training_data.sources import PairSource, Source, read, rows
from mcqa_suite.training_data.sources.composition import composition, mix_figure, mix_table
from mcqa_suite.training_data.sources.mix import POOLS, SPLITS, counts, draw, split_by_counts, split_by_shares

NAMES = st.lists(st.text(max_size=6), max_size=60)
SEEDS = st.integers(0, 10**6)


@pytest.fixture
def questions(tmp_path):
    """An EPFL-format file of 60 questions, each in two orders of its options, with three subjects."""
    path = tmp_path / "questions.jsonl"
    lines = []
    for i in range(60):
        for choices in (["one", "two", f"{i}"], [f"{i}", "two", "one"]):
            lines.append({"subject": "abc"[i % 3], "question": f"What {i}?", "choices": choices, "answer": "B"})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(path)


# Prior mistake: six data sets were zipped with five ratios, and one was dropped without a word.
def test_every_source_of_a_mix_has_its_count_of_rows(questions):
    result, data = read(
        [Source("symbolic_local", n=7), Source("epfl", path=questions, n=20), Source("symbolic_local", n=3, seed=5)]
    )
    assert Counter(row["source"] for row in result) == {"symbolic_local": 10, "epfl": 20}
    assert [(part.name, part.n) for part in data] == [("symbolic_local", 7), ("epfl", 20), ("symbolic_local", 3)]


@given(st.lists(st.integers(1, 50), min_size=1, max_size=6), st.integers(100, 5000))
def test_counts_from_shares_sum_to_the_total_and_none_is_0(parts, total):
    assume(min(parts) * total >= sum(parts))
    entries = [Source("symbolic_local", share=part / sum(parts)) for part in parts]
    result = counts(entries, total)
    assert sum(result) == total
    assert all(abs(n - entry.share * total) < 1 and n >= 1 for n, entry in zip(result, entries, strict=True))


def test_a_mix_by_shares_has_the_rows_of_each_source(questions):
    sources = [Source("epfl", path=questions, share=0.25), Source("symbolic_local", share=0.75)]
    result, _ = read(sources, 40)
    assert Counter(row["source"] for row in result) == {"epfl": 10, "symbolic_local": 30}


# Prior mistake: a ratio meant a count once it reached 1.
def test_a_share_of_1_is_all_rows_and_an_n_of_1_is_one_row():
    assert counts([Source("symbolic_local", share=1.0)], 50) == [50]
    assert counts([Source("symbolic_local", n=1)]) == [1]


MIXES = [
    ([Source("symbolic_local", share=0.5), Source("epfl")], 10, "source 'epfl' has no 'share'"),
    ([Source("symbolic_local", share=0.5), Source("epfl", n=5)], 10, "source 'epfl' has no 'share'"),
    ([Source("symbolic_local", share=0.5), Source("epfl", share=0.4)], 10, "shares sum to 0.9; they have to sum to 1"),
    ([Source("symbolic_local", share=1.0)], None, "the stage has no 'rows'"),
    ([Source("symbolic_local", n=5)], 10, "rows is 10 and no source has a 'share'"),
    ([Source("symbolic_local", share=0.01), Source("epfl", share=0.99)], 10, "a share of 0.01 of 10 rows is none"),
    ([], None, "name at least one source"),
]


@pytest.mark.parametrize(("sources", "total", "message"), MIXES, ids=[message for *_, message in MIXES])
def test_a_mix_without_clear_amounts_is_an_error(sources, total, message):
    with pytest.raises(ConfigError, match=message) as caught:
        read(sources, total)
    assert "\n" not in str(caught.value)


AMOUNTS = [
    ({"n": 0}, "n: 0; expected at least 1"),
    ({"n": 1, "share": 0.5}, "both 'n' and 'share'"),
    ({"share": 1.5}, "share: 1.5; expected less than or equal to 1"),
    ({"share": -0.5}, "share: -0.5; expected greater than 0"),
    ({"pool_counts": {"ai": 3}}, "without 'pool'; name one of the pools"),
    ({"pool": "ai", "pool_counts": {"ai": 3}, "pool_shares": {"ai": 1}}, "give only one of them"),
    ({"pool": "ai", "pool_shares": {"ai": True}}, "pool_shares: ai: True; expected a valid number"),
    ({"pool": "ai", "pool_shares": {"ai": -1}}, "pool_shares: ai: -1; expected greater than 0"),
    ({"pool": "ai", "pool_counts": {"ai": 0.5}}, "pool_counts: ai: 0.5; expected a valid integer"),
    ({"pool": "ai", "pool_counts": {"ai": 0}}, "pool_counts: ai: 0; expected at least 1"),
    ({"shares": 0.5}, "unknown key 'shares'; did you mean 'share'?"),
]


@pytest.mark.parametrize("cls", [Source, PairSource])
@pytest.mark.parametrize(("keys", "message"), AMOUNTS, ids=[message for _, message in AMOUNTS])
def test_an_invalid_entry_is_an_error_that_names_its_file(cls, keys, message):
    with pytest.raises(ConfigError, match="stage.yaml: .*" + message.replace("?", r"\?")):
        parse(cls, {"source": "epfl", **keys}, "stage.yaml")


def test_too_few_rows_are_an_error_that_names_their_number(questions):
    for mix, total in (
        ([Source("epfl", path=questions, n=121)], None),
        ([Source("epfl", path=questions, share=1)], 121),
    ):
        with pytest.raises(DatasetError, match="source 'epfl': 120 rows, and n is 121; lower n or its share"):
            read(mix, total)


def test_a_draw_has_the_order_of_the_source_contains_smaller_draws_and_differs_by_seed(questions):
    whole = rows(Source("epfl", path=questions))
    less, more, other = (rows(Source("epfl", path=questions, n=n, seed=seed)) for n, seed in ((9, 1), (30, 1), (9, 2)))
    places = [whole.index(row) for row in more]
    assert places == sorted(places)
    assert {row["id"] for row in less} < {row["id"] for row in more}
    assert less != other
    assert draw(whole, len(whole), 3) == whole


@pytest.mark.parametrize("split", SPLITS)
def test_a_question_with_its_options_in_another_order_is_in_the_same_split(questions, split):
    result = rows(Source("epfl", path=questions, split=split))
    assert set(Counter(row["group"] for row in result).values()) == {2}


def test_the_splits_of_a_file_cover_it_and_share_no_question(questions):
    parts = [rows(Source("epfl", path=questions, split=split, seed=seed)) for seed, split in enumerate(SPLITS)]
    assert sum(len(part) for part in parts) == 120
    for first, other in combinations(parts, 2):
        assert not {row["group"] for row in first} & {row["group"] for row in other}


def test_pools_by_counts_are_exact_and_one_may_take_the_rest(questions):
    counted = {"ai": 20, "human": 5, "held_out": 3, "sft": None}
    sizes = {
        pool: len({row["group"] for row in rows(Source("epfl", path=questions, pool=pool, pool_counts=counted))})
        for pool in counted
    }
    assert sizes == {"ai": 20, "human": 5, "held_out": 3, "sft": 32}


BAD_POOLS = [
    ({"pool": "hman"}, ConfigError, "unknown pool of source 'epfl' 'hman'; expected one of sft, ai, human, held_out"),
    ({"pool": "ai", "pool_shares": {"ai": 0.5, "sft": 0.4}}, ConfigError, "shares of ai, sft sum to 0.9"),
    ({"pool": "ai", "pool_counts": {"ai": 61}}, DatasetError, "ai need 61 groups, there are 60"),
    ({"pool": "ai", "pool_counts": {"ai": None, "sft": None}}, ConfigError, "only one part can take the rest"),
    ({"split": "dev"}, ConfigError, "unknown split of source 'epfl' 'dev'"),
]


@pytest.mark.parametrize(("keys", "kind", "message"), BAD_POOLS, ids=[message for *_, message in BAD_POOLS])
def test_impossible_parts_are_one_line_errors(questions, keys, kind, message):
    with pytest.raises(kind, match=message):
        rows(Source("epfl", path=questions, **keys))


def test_a_part_without_a_row_is_an_error(tmp_path):
    path = tmp_path / "one.jsonl"
    path.write_text(json.dumps({"question": "What?", "choices": ["a", "b", "c"], "answer": "A"}))
    (row,) = rows(Source("epfl", path=str(path)))
    (home,) = split_by_shares([row["group"]], SPLITS).values()
    for split in SPLITS:
        if split == home:
            assert rows(Source("epfl", path=str(path), split=split)) == [row]
        else:
            with pytest.raises(DatasetError, match="no row left; loosen its filters, or choose another split or pool"):
                rows(Source("epfl", path=str(path), split=split))


@given(NAMES, SEEDS)
def test_by_shares_the_part_of_a_group_does_not_depend_on_other_groups(names, seed):
    half = names[: len(names) // 2]
    for shares in (SPLITS, POOLS):
        whole = split_by_shares(names, shares, seed)
        assert whole.keys() == set(names)
        assert set(whole.values()) <= set(shares)
        assert split_by_shares(half, shares, seed).items() <= whole.items()
        assert split_by_shares(names[::-1] + half, dict(reversed(shares.items())), seed) == whole


@settings(max_examples=60)
@given(st.sets(st.text(max_size=6), min_size=1, max_size=50), st.text(max_size=7), st.data(), SEEDS)
def test_by_counts_parts_are_exact_and_a_new_group_moves_at_most_one_group_a_part(names, new, data, seed):
    sizes = {"a": data.draw(st.integers(1, len(names)))}
    if rest := len(names) - sizes["a"]:
        sizes["b"] = data.draw(st.integers(1, rest))
    before = split_by_counts(names, {**sizes, "rest": None}, seed)
    assert {part: n for part, n in Counter(before.values()).items() if part != "rest"} == sizes
    assert before.keys() == names
    after = split_by_counts(names | {new}, {**sizes, "rest": None}, seed)
    assert sum(before[name] != after[name] for name in names) <= len(sizes)
    without_rest = split_by_counts(names, sizes, seed)
    assert without_rest == {name: part for name, part in before.items() if part != "rest"}


def test_parts_by_shares_have_about_their_shares():
    sizes = Counter(split_by_shares(map(str, range(20_000)), SPLITS).values())
    assert all(abs(sizes[name] / 20_000 - share) < 0.01 for name, share in SPLITS.items())


@pytest.mark.parametrize(("split", "parts"), [(split_by_shares, SPLITS), (split_by_counts, {"a": 50, "b": None})])
def test_parts_differ_by_seed_and_do_not_depend_on_the_order_of_groups(split, parts):
    names = [f"{i:03}" for i in range(100)]
    first, again, other = (split(names, parts, seed) for seed in (0, 0, 1))
    assert first == again != other
    assert len({first[name] for name in names[:50]}) > 1


def test_pairs_are_mixed_by_shares_too(questions):
    halves = [PairSource("epfl", path=questions, share=0.5, seed=seed) for seed in (0, 1)]
    result, data = read(halves, 9)
    assert (len(result), [part.n for part in data]) == (9, [5, 4])


def test_the_composition_counts_every_row_by_source_and_topic(questions):
    result, _ = read([Source("epfl", path=questions), Source("symbolic_local", n=6)])
    assert composition(result)["epfl"] == {"a": 40, "b": 40, "c": 40}
    table = mix_table(result)
    assert "| epfl | all | 120 | 95.2 |\n|  | a | 40 | 31.7 |" in table
    assert "| symbolic_local | all | 6 | 4.8 |" in table
    with pytest.raises(DatasetError, match="a mix without rows"):
        composition([])


def test_topics_beyond_the_most_frequent_are_one_entry():
    result = [{"source": "s", "topic": str(i)} for i in range(20)] + [{"source": "s", "topic": ""}]
    assert composition(result)["s"]["9 other topics"] == 9
    assert composition(result)["s"].total() == 21


def test_the_figure_is_the_same_svg_each_time_with_sources_and_topics_as_text(questions):
    pytest.importorskip("matplotlib")
    result, _ = read([Source("epfl", path=questions), Source("symbolic_local", n=6)])
    drawn = mix_figure(result)
    assert drawn == mix_figure(result)
    assert "<svg" in drawn
    for word in ("epfl", "symbolic_local", "120", "main", "by topic"):
        assert f">{word}<" in drawn


def test_mcqa_data_prints_a_mix_and_writes_its_rows_and_its_figure(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    (tmp_path / "sft.yaml").write_text("data: [{source: symbolic_local, n: 12}]\n")
    out, figure = tmp_path / "rows.jsonl", tmp_path / "mix.svg"
    assert main(["data", str(tmp_path / "sft.yaml"), "-o", str(out), "--figure", str(figure)]) == 0
    assert "| symbolic_local | all | 12 | 100.0 |" in capsys.readouterr().out
    assert [json.loads(line) for line in out.read_text().splitlines()] == rows(Source("symbolic_local", n=12))
    assert ">symbolic_local<" in figure.read_text()


def test_mcqa_data_reads_a_stage_of_pairs_although_its_keys_fit_completions_too(tmp_path, capsys):
    (tmp_path / "pairs.jsonl").write_text('{"prompt": "Q?", "chosen": "yes", "rejected": "no", "topic": "t"}\n')
    (tmp_path / "dpo.yaml").write_text("data: [{source: evaluator, path: pairs.jsonl}]\n")
    assert main(["data", str(tmp_path / "dpo.yaml")]) == 0
    assert "| evaluator | all | 1 | 100.0 |" in capsys.readouterr().out
    (tmp_path / "dpo.yaml").write_text("data: [{source: evaluater, path: pairs.jsonl}]\n")
    assert main(["data", str(tmp_path / "dpo.yaml")]) == 2
    assert capsys.readouterr().err.startswith("mcqa: unknown source 'evaluater'")
