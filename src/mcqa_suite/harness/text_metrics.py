"""BLEU, ROUGE and BERTScore of a completion against a reference text; the prompt is never part of either."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mcqa_suite.common.errors import CheckpointError, ConfigError
from mcqa_suite.common.library_errors import explain
from mcqa_suite.extract import strip_reasoning

Counts = list[int]
NGRAMS = 4


def text_scores(completion: str, reference: str) -> dict[str, Any]:
    """`rouge1`, `rouge2` and `rougeL` (F-measures, 0 to 1), and in `bleu` the counts that `corpus_bleu` adds up.

    Reasoning between tags is left out, as in answer extraction.
    """
    written = strip_reasoning(completion)
    return {**rouge(written, reference), "bleu": bleu_counts(written, reference)}


def rouge(completion: str, reference: str) -> dict[str, float]:
    """ROUGE-1, -2 and -L (Lin 2004), equal to those of rouge-score without stemming."""
    ours, theirs = (_tokenizer().tokenize(text) for text in (completion, reference))
    return {
        "rouge1": _f_measure((Counter(ours) & Counter(theirs)).total(), len(ours), len(theirs)),
        "rouge2": _f_measure((_bigrams(ours) & _bigrams(theirs)).total(), len(ours) - 1, len(theirs) - 1),
        "rougeL": _f_measure(longest_common_subsequence(ours, theirs), len(ours), len(theirs)),
    }


def bleu_counts(completion: str, reference: str) -> Counts:
    """The counts of a corpus BLEU: matching n-grams (4), n-grams (4), length of the completion, of the reference."""
    score = _bleu().sentence_score(completion, [reference])
    return [*score.counts, *score.totals, score.sys_len, score.ref_len]


def corpus_bleu(items: Sequence[Counts]) -> float:
    """BLEU over all documents, 0 to 100, equal to sacreBLEU's `corpus_bleu`."""
    from sacrebleu.metrics.bleu import BLEU

    sums = [sum(column) for column in zip(*items, strict=True)]
    counts, totals, (length, reference) = sums[:NGRAMS], sums[NGRAMS : 2 * NGRAMS], sums[2 * NGRAMS :]
    return float(BLEU.compute_bleu(counts, totals, length, reference, smooth_method="exp").score)


def bertscore(pairs: Sequence[tuple[str, str]], model: str) -> list[float]:
    """F of BERTScore (arXiv 1904.09675) of (completion, reference) pairs, by bert-score; 0 where a text is empty.

    `model` is a folder or a hub name, `MODEL@LAYER` for a layer other than the one that bert-score recommends. ConfigError
    without a layer for a model that it does not know, and for a layer that the model does not have;
    CheckpointError for a model that cannot be loaded. Code of the model never runs.
    """
    from bert_score import score
    from bert_score.utils import model2layers

    name, _, layer = model.partition("@")
    layer = layer or str(model2layers.get(Path(name).name, ""))
    if not layer.isdigit():
        raise ConfigError(f"{model}: bert-score recommends no layer of this model; give {name}@LAYER")
    full = [(ours.strip(), theirs.strip()) for ours, theirs in pairs if ours.strip() and theirs.strip()]
    try:
        with _without_code():
            values = iter(score(*map(list, zip(*full, strict=True)), name, int(layer))[2].tolist() if full else ())
    except AssertionError as error:
        raise ConfigError(f"{model}: {error}") from error
    except (OSError, ValueError) as error:
        raise explain(error, name) or CheckpointError(f"{name}: cannot be loaded as an encoder ({error})") from error
    return [next(values) if ours.strip() and theirs.strip() else 0.0 for ours, theirs in pairs]


@contextmanager
def _without_code() -> Iterator[None]:
    """Have bert-score load models without their own code: it leaves the choice open, so that transformers asks on stdin."""
    from bert_score import utils

    own = {name: getattr(utils, name) for name in ("AutoModel", "AutoTokenizer")}
    for name, cls in own.items():
        load = partial(cls.from_pretrained, trust_remote_code=False)
        setattr(utils, name, SimpleNamespace(from_pretrained=load))
    try:
        yield
    finally:
        for name, cls in own.items():
            setattr(utils, name, cls)


def longest_common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """The length of the longest common subsequence, by Hyyro's bit-parallel recurrence (2004): a row of the table is one integer.

    rouge-score fills the same table cell by cell in Python: 10,000 answers of 60 words take 7.3 s instead of 1.1 s, of 300
    words 138 s instead of 4.8 s (`benchmarks/speed/text_metrics_speed.py` prints both).
    """
    positions: dict[str, int] = {}
    for index, word in enumerate(first):
        positions[word] = positions.get(word, 0) | 1 << index
    mask = (1 << len(first)) - 1
    row = mask
    for word in second:
        matches = row & positions.get(word, 0)
        row = ((row + matches) | (row - matches)) & mask
    return len(first) - row.bit_count()


def _bigrams(words: Sequence[str]) -> Counter[tuple[str, str]]:
    return Counter(pairwise(words))


def _f_measure(common: int, n: int, m: int) -> float:
    return 2 * common / (n + m) if common else 0.0


@cache
def _tokenizer() -> Any:
    from rouge_score.tokenizers import DefaultTokenizer

    return DefaultTokenizer(use_stemmer=False)


@cache
def _bleu() -> Any:
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(effective_order=True)  # only its counts are used; without it, sacreBLEU warns at every sentence
