"""What the columns of `logs.samples` hold of one sample."""

from __future__ import annotations

import math
import string
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from typing import Any

from mcqa_suite.common.json_text import loads
from mcqa_suite.logs.clusters import cluster_of
from mcqa_suite.logs.exact_match import Text, agrees
from mcqa_suite.logs.log_row import choices_of, gold_of, option_index
from mcqa_suite.logs.printed_values import is_printed_list, number, printed_elements
from mcqa_suite.logs.rows import Sample, read_answer, read_extraction
from mcqa_suite.questions.question import LETTERS, index_of_label, option_label

Values = dict[str, Any]  # of one row
SAME = 1e-6  # largest distance of two equal accuracies
IS_GREEDY = ("True", "False", "1.", "0.")  # the last two in a printed array


def row_values(sample: Sample, field: str | None, values: Callable[[Sample], Values]) -> Values:
    """What the columns hold of a sample; a failed one has no answer and no scores."""
    row: Values = {
        "filter": sample.filter,
        "line": sample.line,
        "failure": sample.failure,
        "doc_id": sample.doc_id,
        "hashes": [hash_prefix(str(digest)) if digest else 0 for digest in (*sample.hashes, sample.continuations)],
    }
    if not -(2**63) <= row["doc_id"] < 2**63:
        raise OverflowError(f"doc_id {row['doc_id']} has more than 64 bits")
    if row["failure"] is not None:
        return row
    row["scores"] = sample.scores
    doc = sample.doc
    cluster = cluster_of(doc, field)
    row |= {"cluster": _fingerprint(cluster[1]) if cluster else 0, "clustered_by": cluster and cluster[0]}
    if field is not None:
        row["fields"] = doc.keys()
    return row | values(sample)


def option_values(sample: Sample, delimiter: str) -> Values:
    values, responses = sample.loglikelihoods, len(sample.responses)
    if 0 < responses < len(values):  # a log may leave the responses out, as they are those of the filter
        raise ValueError(f"{len(values)} options, {responses} responses")
    requests, filtered = sample.row["resps"], sample.row["filtered_resps"]
    both = isinstance(requests, list) and isinstance(filtered, list)
    cut = both and len(requests) > len(filtered)
    alike = both and requests == [[pair] for pair in filtered]  # as almost every log has it, and quick to see
    changed = both and not alike and len(requests) == len(filtered) and any(map(_is_another, requests, filtered))
    gold = _right_options(sample.doc.get("gold"), len(values))
    lengths = [1] * len(values)
    if not any(gold) or "acc_norm" in sample.row:
        texts = sample.option_texts(len(values), delimiter)
        lengths = [max(1, len(text)) for text in texts]
        gold = gold if any(gold) else _right_options(_read_target(sample.target, texts), len(values))
    own = _is_ours(sample.doc)
    if not own and _contradicts(sample, values, gold):
        own = _named_gold(sample, len(values)) == gold  # only such rows are looked at twice, which takes time
    row: Values = {"options": len(values), "gold": gold, "own_gold": own, "cut": cut, "changed": changed}
    return row | {"loglikelihoods": values, "lengths": lengths}


def _is_another(responses: Any, pair: Any) -> bool:
    """Whether a log-likelihood that a filter kept is none of the responses to its request."""
    return isinstance(responses, list) and isinstance(pair, list) and bool(responses) and pair not in responses


def _is_ours(doc: Mapping[str, Any]) -> bool:
    """Whether a document has our columns, so that its gold cannot mean something else."""
    return isinstance(doc.get("gold"), list) and isinstance(doc.get("choices"), list)


def _contradicts(sample: Sample, values: Sequence[float], gold: Sequence[bool]) -> bool:
    """Whether the logged accuracy is not that of the largest log-likelihood and a known gold."""
    acc = number(sample.row.get("acc"))
    return acc in (0, 1) and any(gold) and gold[values.index(max(values))] != (acc == 1)


def _named_gold(sample: Sample, options: int) -> list[bool]:
    """Which options the columns of a foreign document name as right; none where they do not say it."""
    with suppress(ValueError, KeyError, TypeError):
        choices, labels = choices_of(sample.doc)
        value = gold_of({"doc": sample.doc}, "letters")
        right = [option_index(one, choices, labels) for one in (value if isinstance(value, list) else [value])]
        return _right_options(right, options)
    return [False] * options


def answer_values(sample: Sample, rule: list[Text] | None) -> Values:
    """`rule`: that of the task's exact_match, see logs.exact_match; None for no check."""
    answers = sample.answers
    own = _is_ours(sample.doc) or _is_our_number(sample.doc)
    choices, labels, gold = _asked_options(sample)
    first = answers[0] if answers and isinstance(answers[0], str) else ""
    letter = index_of_label(first)
    exact = _agrees_with_gold(sample) if own else None if rule is None else agrees(sample, rule)
    if choices and not own and letter < len(LETTERS):
        letter = _named_option(first, choices, labels)
    return {
        "options": len(choices),
        "gold": _right_options(gold, len(choices)),
        "answer": _fingerprint(answers) if any(answer is not None for answer in answers) else 0,
        "letter": letter if letter < (len(choices) or len(LETTERS)) else -1,
        "own_gold": own,
        "exact": {None: -1, True: 1, False: 0}[exact],
        "response": _fingerprint(sample.responses),
        "written": sum(len(text) for text in sample.responses if isinstance(text, str)),
    }


def _is_our_number(doc: Mapping[str, Any]) -> bool:
    return isinstance(doc.get("gold"), str) and {"question", "solution"} <= doc.keys()


def _agrees_with_gold(sample: Sample) -> bool | None:
    """Whether the accuracy of a row of ours is that of its first answer or of all; None where that is not certain."""
    acc = number(sample.row.get("acc"))
    rights = [_is_right(value, sample.doc["gold"]) for value in sample.filtered]
    if acc is None or not rights or None in rights:
        return None
    return any(abs(acc - value) < SAME for value in (float(bool(rights[0])), sum(map(bool, rights)) / len(rights)))


def _is_right(value: Any, gold: Any) -> bool | None:
    """Whether a filtered response is a right letter or the right number; None where that needs more than a look."""
    extraction = read_extraction(value)
    if isinstance(gold, list):
        if extraction is None or isinstance(extraction.answer, list) or any(type(index) is not int for index in gold):
            return None
        return extraction.answer in [option_label(index) for index in gold]
    answer = extraction.answer if extraction else read_answer(value)
    if answer is None or answer == gold:
        return answer is not None
    first, second = number(answer), number(gold)
    if (extraction and extraction.other) or first is None or second is None:
        return None
    return None if math.isclose(first, second, rel_tol=1e-3, abs_tol=1e-3) else False


def _asked_options(sample: Sample) -> tuple[Sequence[str], Sequence[str], Any]:
    """The options among which an answer is written, their labels, and the right ones; no options where no gold is one of them."""
    doc = sample.doc
    if _is_ours(doc):
        return doc["choices"], (), doc["gold"]
    with suppress(ValueError, KeyError, TypeError):
        choices, labels = choices_of(doc)
        gold = gold_of(sample.row, "letters")
        right = [option_index(value, choices, labels) for value in (gold if isinstance(gold, list) else [gold])]
        return choices, labels, right
    options = doc.get("choices")
    return (options if isinstance(options, list) else ()), (), None


def _named_option(answer: str, choices: Sequence[str], labels: Sequence[str]) -> int:
    """The index of the option that an answer names by its letter, label or text; -1 where it names none."""
    with suppress(ValueError):
        return option_index(answer.strip(string.punctuation + string.whitespace), choices, labels)
    return -1


def hash_prefix(digest: str) -> int:
    """The first 8 bytes of a hexadecimal hash; of any other text, 8 bytes of its fingerprint."""
    try:
        return int.from_bytes(bytes.fromhex(digest[:16]))
    except ValueError:
        return _fingerprint(digest)


def has_options(sample: Sample) -> bool:
    """Whether a sample holds log-likelihoods of options: (log-likelihood, is_greedy) pairs."""
    pairs = sample.pairs
    return len(pairs) > 1 and all(isinstance(p, list) and len(p) == 2 and str(p[1]) in IS_GREEDY for p in pairs)


def _fingerprint(value: Any) -> int:
    """8 bytes of a hash of `repr(value)`; never 0."""
    return int.from_bytes(blake2b(repr(value).encode("utf-8", "replace"), digest_size=8).digest(), "little") or 1


def _right_options(indices: Any, options: int) -> list[bool]:
    """Whether each option is among `indices`; none is where a value is not the index of an option."""
    chosen = indices if isinstance(indices, list) else [indices]
    if not all(type(index) is int and 0 <= index < options for index in chosen):
        chosen = []
    return [option in chosen for option in range(options)]


def _read_target(target: Any, texts: Sequence[str]) -> Any:
    """The right index or indices from a logged `str(doc_to_target(doc))`, which may be the option's text; None if unclear."""
    text = str(target).strip()
    if text in texts and not text.isdigit():
        return texts.index(text)
    with suppress(ValueError, RecursionError):
        return loads(text)
    with suppress(ValueError):
        values = printed_elements(text) if is_printed_list(text) else [text] if text.endswith(")") else []
        return [int(value) for value in map(number, values) if value is not None]
    return None
