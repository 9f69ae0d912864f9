"""The generated questions are right, split and balanced; the committed base model loads and is neither ignorant nor done."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from mcqa_suite.questions import prompts
from mcqa_suite.questions.epfl import read_epfl
from mcqa_suite.questions.question import LETTERS, Question
from mcqa_suite.training_data.sources import STYLES
from toy import generated
from toy.generated import BASE, CATEGORIES, FAMILIES, SYMBOLS, UNITS, epfl_lines, generate

TRAIN, TEST = generate("train", 3000), generate("test", 600)


def words(question: Question) -> list[str]:
    return question.stem.removesuffix("?").replace(",", "").split()


def right_options(question: Question) -> list[int]:
    """The indices of every option that answers the question, worked out anew from its words."""
    numbers = [int(word) for word in words(question) if word.isdigit()]
    last = words(question)[-1]
    if question.subject == "category":
        right = set(CATEGORIES[words(question)[3]])
    elif question.subject == "unit":
        right = {UNITS[question.stem.removeprefix("What is the unit of ").removesuffix("?")]}
    elif question.subject == "symbol":
        right = {SYMBOLS[last]}
    elif question.subject == "extreme":
        right = {str((max if "largest" in question.stem else min)(map(int, question.choices)))}
    elif question.subject == "sum":
        right = {str(sum(numbers))}
    else:
        right = {str(2 * numbers[2] - numbers[1])}
    return [i for i, text in enumerate(question.choices) if text in right]


@pytest.mark.parametrize("family", FAMILIES)
def test_exactly_the_gold_option_is_right(family: str) -> None:
    sample = [q for q in TRAIN + TEST if q.subject == family]
    assert sample
    assert all(right_options(q) == list(q.gold) for q in sample)


def test_no_word_belongs_to_two_categories() -> None:
    counts = Counter(word.lower() for members in CATEGORIES.values() for word in members)
    assert set(counts.values()) == {1}


def test_options_differ_and_the_rationale_ends_with_the_answer() -> None:
    for q in TRAIN + TEST:
        assert len(set(q.choices)) == 4
        assert q.rationale.endswith(f" is {q.choices[q.gold[0]]}.")


def test_splits_share_no_question_whatever_the_seeds() -> None:
    train = {q.id for seed in range(3) for q in generate("train", 3000, seed)}
    test = {q.id for seed in range(3, 6) for q in generate("test", 600, seed)}
    assert not train & test


def test_a_split_repeats_no_question() -> None:
    assert len({q.id for q in TRAIN}) == len(TRAIN)
    assert len({(q.stem, frozenset(q.choices)) for q in TRAIN}) == len(TRAIN)


def test_a_seed_gives_the_same_questions_and_another_seed_gives_others() -> None:
    assert generate("test", 60, seed=1) == generate("test", 60, seed=1)
    assert generate("test", 60, seed=1) != generate("test", 60, seed=2)


def test_the_first_questions_do_not_depend_on_the_number_of_questions() -> None:
    assert generate("train", 60) == TRAIN[:60]


def test_gold_is_spread_evenly_over_the_letters() -> None:
    counts = Counter(q.answer for q in TRAIN)
    assert set(counts) == set("ABCD")
    assert all(abs(n - 750) < 4 * (3000 * 0.25 * 0.75) ** 0.5 for n in counts.values())


def test_an_unknown_split_is_named() -> None:
    with pytest.raises(ValueError, match="split 'dev'; expected one of train, test"):
        generate("dev", 1)


def test_the_checkpoint_is_at_most_four_megabytes_and_names_no_machine() -> None:
    files = [path for path in BASE.iterdir() if path.is_file()]
    assert {"model.safetensors", "config.json", "tokenizer.json", "training_log.jsonl"} <= {path.name for path in files}
    assert sum(path.stat().st_size for path in files) <= 4_000_000
    assert not [path.name for path in files if path.suffix != ".safetensors" and "/home/" in path.read_text()]


def test_a_letter_is_one_token_alone_and_after_a_prompt() -> None:
    tokenizer = pytest.importorskip("transformers").AutoTokenizer.from_pretrained(BASE)
    context = tokenizer.encode(prompts.letter(TEST[0]))
    for letter in LETTERS[:8]:
        (token,) = tokenizer.encode(f" {letter}")
        assert tokenizer.encode(f"{prompts.letter(TEST[0])} {letter}") == [*context, token]


def test_the_chat_template_adds_nothing_to_a_prompt() -> None:
    tokenizer = pytest.importorskip("transformers").AutoTokenizer.from_pretrained(BASE)
    prompt = prompts.letter(TEST[0])
    user, assistant = {"role": "user", "content": prompt}, {"role": "assistant", "content": "B"}
    assert tokenizer.apply_chat_template([user], tokenize=False, add_generation_prompt=True) == prompt
    assert tokenizer.apply_chat_template([user, assistant], tokenize=False) == f"{prompt} B<eos>"


def test_the_base_is_above_chance_with_room_to_learn() -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(BASE)
    model = transformers.AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.float32)
    sample = TEST[:204]
    prompt_ids = [tokenizer.encode(prompts.letter(q)) for q in sample]
    ends = [len(ids) - 1 for ids in prompt_ids]
    # padded on the right, where a causal model never looks
    padded = torch.tensor([ids + [0] * (max(ends) + 1 - len(ids)) for ids in prompt_ids])
    with torch.no_grad():
        logits = model(padded).logits[torch.arange(len(sample)), ends]
    chosen = logits[:, [tokenizer.encode(f" {letter}")[0] for letter in "ABCD"]].argmax(-1).tolist()
    accuracy = sum(answer in q.gold for answer, q in zip(chosen, sample, strict=True)) / len(sample)
    assert 0.45 < accuracy < 0.95


def test_the_files_of_questions_are_what_the_generator_writes() -> None:
    for path, n in generated.N.items():
        questions = generate(path.stem, n)
        assert path.read_text(encoding="utf-8") == epfl_lines(questions)
        read = read_epfl(path)[0]
        assert [(q.stem, q.choices, q.gold, q.rationale) for q in read] == [
            (q.stem, q.choices, q.gold, q.rationale) for q in questions
        ]


@pytest.mark.parametrize("style", ["letter", "cloze", "cot"])
def test_pretraining_documents_are_training_rows(style: str) -> None:
    pytest.importorskip("torch")
    from toy import pretrain

    corpus = pretrain.Corpus(TRAIN[:40], random.Random(0))
    for question in TRAIN[:40]:
        document = getattr(corpus, f"_{style}")(question)
        assert "".join(text for text, _ in document) == "".join(STYLES[style](question)) + "<eos>"
        [answer] = [text for text, is_answer in document if is_answer]
        assert answer == STYLES[style](question)[1]
