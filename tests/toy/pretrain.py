"""Train the toy base from scratch: a Llama of 0.6 M parameters on generated questions, on one CPU core.

    cd tests && python -m toy.pretrain --output toy/base --seed 0

To answer by letter, a model has to find the right option and then its letter. Small models learn this late or never when it is
mixed with other tasks, so each stage teaches one task and ends when the running accuracy is high enough. The last stage stops
early on purpose, so that fine-tuning can improve the base.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from tqdm import tqdm
from transformers import LlamaConfig, LlamaForCausalLM
from transformers import PreTrainedTokenizerFast as Fast

from mcqa_suite.backend import processes
from mcqa_suite.questions import prompts
from mcqa_suite.questions.question import LETTERS, Question
from mcqa_suite.training_data.sources import STYLES
from toy.generated import FAMILIES, generate

FACTS = ("category", "unit", "symbol")  # families without arithmetic
HELD_OUT = 600
LM_WEIGHT = 0.3  # of the tokens that are not answers
SMOOTHING = 0.97  # of the running accuracies

# A document is a list of (text, is_answer).
Document = list[tuple[str, bool]]


@dataclass(frozen=True)
class Stage:
    """Documents in the shares of `mix`, until the running accuracy of `kind` reaches `accuracy`."""

    families: Sequence[str]
    mix: dict[str, float]
    kind: str
    accuracy: float


STAGES = (
    # the option's text -> its letter
    Stage(FACTS, {"lookup": 1}, "lookup", 0.93),
    # a question after the options -> a letter, four questions a list
    Stage(FACTS, {"lookup": 0.3, "drill": 0.5, "cloze": 0.2}, "drill", 0.85),
    # the real prompt
    Stage(FACTS, {"letter": 0.5, "drill": 0.3, "cloze": 0.2}, "letter", 0.7),
    # numbers as options, and the letter at the end of a sentence
    Stage(tuple(FAMILIES), {"lookup": 0.1, "state": 0.2, "letter": 0.2, "drill": 0.3, "cloze": 0.2}, "drill", 0.75),
    # everything; its end is the held-out accuracy (--target)
    Stage(tuple(FAMILIES), {"letter": 0.45, "drill": 0.15, "cloze": 0.15, "cot": 0.2, "text": 0.05}, "letter", 1.0),
)

# Words with their space, numbers by two digits, so that " A" is always one token and " B. newton" never joins.
SPLIT = r" ?\p{L}+| ?\p{N}{1,2}| ?[^\s\p{L}\p{N}]+|\s+"
CHAT_TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'assistant' %}"
    "{{ ' ' + message['content'] | trim + eos_token }}{% else %}{{ message['content'] }}{% endif %}{% endfor %}"
)


def make_tokenizer(questions: list[Question]) -> Fast:
    """Byte-level BPE of at most 1,024 entries: ` A` to ` H` one token each, no bos, a chat template that adds nothing."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    texts = ["".join(STYLES["cot"](q)) for q in questions]
    letters = [" " + " ".join(LETTERS[:8])] * len(questions)
    trainer = trainers.BpeTrainer(
        vocab_size=1024,
        special_tokens=["<pad>", "<eos>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts + letters, trainer)
    special = {"pad_token": "<pad>", "eos_token": "<eos>"}
    return Fast(tokenizer_object=tokenizer, chat_template=CHAT_TEMPLATE, **special)


def make_model(tokenizer: Fast) -> LlamaForCausalLM:
    """Every dimension is a multiple of 32, so that GPTQ can group by 32."""
    config = LlamaConfig(
        vocab_size=-(-len(tokenizer) // 32) * 32,
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=2048,
        # a short base makes "two tokens back" easy to learn
        rope_parameters={"rope_type": "default", "rope_theta": 100.0},
        initializer_range=0.05,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return LlamaForCausalLM(config)


class Corpus:
    """Draws training documents; options are shuffled anew each time."""

    def __init__(self, questions: list[Question], rng: random.Random) -> None:
        self.rng = rng
        self.by_family: dict[str, list[Question]] = defaultdict(list)
        self.stems: dict[tuple[str, str], list[str]] = defaultdict(list)  # (family, answer) -> stems
        for q in questions:
            self.by_family[q.subject].append(q)
            self.stems[q.subject, q.choices[q.gold[0]]].append(q.stem)

    def draw(self, stage: Stage) -> tuple[str, Document]:
        """A document of the stage, and its kind."""
        kind = self.rng.choices(list(stage.mix), list(stage.mix.values()))[0]
        question = shuffled(self.rng.choice(self.by_family[self.rng.choice(stage.families)]), self.rng)
        build = {
            "lookup": self._lookup,
            "state": self._state,
            "drill": self._drill,
            "letter": self._letter,
            "cloze": self._cloze,
            "cot": self._cot,
            "text": self._text,
        }[kind]
        return kind, build(question)

    def _lookup(self, q: Question, link: str = "", letter: str = " {}", end: str = "") -> Document:
        document: Document = [(f"Options:\n{prompts.options(q)}\n\nAnswer:", False)]
        for i in self.rng.sample(range(4), 4):  # each option once: the answer to a repeated one could be copied
            document += [(f" {q.choices[i]}{link}", False), (letter.format(LETTERS[i]), True), (end, False)]
        return document

    def _state(self, q: Question) -> Document:
        return self._lookup(q, link=". The answer is (", letter="{}", end=").")

    def _drill(self, q: Question) -> Document:
        document: Document = [(f"Options:\n{prompts.options(q)}", False)]
        for stem, letter in self._questions_on(q):
            document += [(f"\n\nQuestion: {stem}\n\nAnswer:", False), (f" {letter}", True)]
        return document

    def _questions_on(self, q: Question) -> list[tuple[str, str]]:
        """(stem, letter) of questions of the family that these same options answer, in random order."""
        if q.subject == "extreme":
            order = sorted(range(4), key=lambda i: int(q.choices[i]))
            pairs = [("smallest", LETTERS[order[0]]), ("largest", LETTERS[order[-1]])]
            questions = [(f"What is the {word} of these numbers?", letter) for word, letter in pairs]
        else:
            stems_of = [(i, self.stems.get((q.subject, text))) for i, text in enumerate(q.choices)]
            questions = [(self.rng.choice(stems), LETTERS[i]) for i, stems in stems_of if stems]
        return self.rng.sample(questions, len(questions))

    def _letter(self, q: Question) -> Document:
        return _styled("letter", q)

    def _cloze(self, q: Question) -> Document:
        return _styled("cloze", q)

    def _cot(self, q: Question) -> Document:
        return _styled("cot", q)

    def _text(self, q: Question) -> Document:
        others = self.rng.sample(self.by_family[q.subject], 3)
        return [(" ".join(other.rationale for other in [q, *others]), True), ("<eos>", False)]


def _styled(style: str, q: Question) -> Document:
    """A training row in a style of `sources`; its whole completion is the answer."""
    prompt, completion = STYLES[style](q)
    return [(prompt, False), (completion, True), ("<eos>", False)]


def shuffled(question: Question, rng: random.Random) -> Question:
    choices = rng.sample(question.choices, len(question.choices))
    return replace(question, choices=tuple(choices), gold=(choices.index(question.choices[question.gold[0]]),))


def collate(documents: list[Document], tokenizer: Fast) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids padded on the right, and roles: 1 for the answer, 0 for other text, -1 for padding."""
    rows = [[(i, int(answer)) for text, answer in d for i in tokenizer.encode(text)] for d in documents]
    width = max(map(len, rows))
    padded = torch.tensor([row + [(tokenizer.pad_token_id, -1)] * (width - len(row)) for row in rows])
    return padded[..., 0], padded[..., 1]


@torch.no_grad()
def log_likelihoods(model: LlamaForCausalLM, tokenizer: Fast, pairs: list[tuple[str, str]]) -> list[float]:
    """The log-likelihood of each (context, continuation); a causal model needs no mask for padding on the right."""
    documents = [[(context, False), (continuation, True)] for context, continuation in pairs]
    values: list[float] = []
    for start in range(0, len(documents), 256):
        ids, roles = collate(documents[start : start + 256], tokenizer)
        logp = model(ids[:, :-1]).logits.log_softmax(-1).gather(-1, ids[:, 1:, None])[..., 0]
        values += (logp * (roles[:, 1:] == 1)).sum(-1).tolist()
    return values


def accuracy(model: LlamaForCausalLM, tokenizer: Fast, questions: list[Question], kind: str) -> dict[str, float]:
    """The share of questions whose right option scores best, by family and "all"; `kind` is "letter" or "cloze"."""
    if kind == "letter":
        pairs = [(prompts.letter(q), f" {letter}") for q in questions for letter in q.letters]
    else:
        pairs = [(prompts.cloze(q), f" {text}") for q in questions for text in q.choices]
    scores = log_likelihoods(model, tokenizer, pairs)
    hits: dict[str, list[bool]] = defaultdict(list)
    for i, q in enumerate(questions):
        mine = scores[4 * i : 4 * i + 4]
        hits[q.subject].append(mine.index(max(mine)) in q.gold)
        hits["all"].append(hits[q.subject][-1])
    return {family: round(sum(values) / len(values), 3) for family, values in sorted(hits.items())}


@torch.no_grad()
def cot_answers(model: LlamaForCausalLM, tokenizer: Fast, questions: list[Question]) -> list[str | None]:
    """The letter in `The answer is (A).` of each greedy response; None where there is none."""
    answers = []
    for q in questions:
        ids = torch.tensor([tokenizer.encode(prompts.cot(q))])
        out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=40, do_sample=False)
        match = re.search(r"The answer is \(([A-D])\)\.", tokenizer.decode(out[0, ids.shape[1] :]))
        answers.append(match[1] if match else None)
    return answers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--output", type=Path, required=True, help="folder of the checkpoint and its training_log.jsonl"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--target", type=float, default=0.64, help="held-out letter accuracy at which to cool down and stop"
    )
    parser.add_argument("--cooldown", type=int, default=50, help="steps after that, over which lr falls to 0")
    parser.add_argument("--steps", type=int, default=6000, help="at most")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lr", type=float, default=2e-3)
    args = parser.parse_args()

    processes.go_on_alone()
    torch.set_num_threads(1)  # the matrices are small: more threads wait for each other
    torch.manual_seed(args.seed)
    questions = generate("train", 24_600, args.seed)
    corpus = Corpus(questions[HELD_OUT:], random.Random(args.seed))
    held_out = questions[:HELD_OUT]
    tokenizer = make_tokenizer(questions[HELD_OUT:])
    model = make_model(tokenizer)

    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    others = [p for name, p in model.named_parameters() if p.ndim < 2 or "embed" in name]
    optimizers = [
        torch.optim.Muon(matrices, lr=args.lr, weight_decay=0.01, momentum=0.95, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=args.lr, betas=(0.9, 0.98), weight_decay=0.01),
    ]

    args.output.mkdir(parents=True, exist_ok=True)
    log = (args.output / "training_log.jsonl").open("w")

    def record(**values: object) -> None:
        print(json.dumps(values), file=log, flush=True)

    stages = iter(enumerate(STAGES))
    number, stage = next(stages)
    running: dict[str, float] = {}
    began, entered, stop = time.monotonic(), 0, args.steps
    for step in (bar := tqdm(range(1, args.steps + 1), smoothing=0.05)):
        if step > stop:
            break
        kinds, documents = zip(*[corpus.draw(stage) for _ in range(args.batch)], strict=True)
        ids, roles = collate(list(documents), tokenizer)
        targets, roles = ids[:, 1:], roles[:, 1:]
        logits = model(ids[:, :-1]).logits
        losses = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view_as(targets)
        loss = losses[roles == 1].mean() + LM_WEIGHT * losses[roles == 0].mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = args.lr * min(1, step / 100, max(0, stop - step + 1) / args.cooldown)
            optimizer.step()
            optimizer.zero_grad()

        right = (logits.argmax(-1) == targets).float()
        for kind in sorted(set(kinds)):
            answers = (roles == 1) & torch.tensor([k == kind for k in kinds])[:, None]
            now = right[answers].mean().item()
            running[kind] = SMOOTHING * running.get(kind, now) + (1 - SMOOTHING) * now
        bar.set_description(f"stage {number} loss {loss.item():.2f} {stage.kind} {running[stage.kind]:.2f}")
        if step % 50 == 0:
            seconds = round(time.monotonic() - began)
            shown = {kind: round(value, 3) for kind, value in sorted(running.items())}
            record(step=step, seconds=seconds, stage=number, loss=round(loss.item(), 3), running=shown)
            if stage is STAGES[-1] and stop == args.steps:
                letter = accuracy(model, tokenizer, held_out, "letter")
                record(step=step, held_out_letter=letter, held_out_cloze=accuracy(model, tokenizer, held_out, "cloze"))
                if letter["all"] >= args.target:
                    stop = min(stop, step + args.cooldown)
        if step - entered >= 50 and stage is not STAGES[-1] and running[stage.kind] >= stage.accuracy:
            number, stage = next(stages)
            running, entered = {}, step

    model.eval()
    model.generation_config.do_sample = False
    model.save_pretrained(args.output)
    tokenizer.save_pretrained(args.output)
    test = generate("test", HELD_OUT, args.seed)
    cot = cot_answers(model, tokenizer, test)
    record(
        step=min(step, stop),
        seconds=round(time.monotonic() - began),
        test_letter=accuracy(model, tokenizer, test, "letter"),
        test_cloze=accuracy(model, tokenizer, test, "cloze"),
        test_cot={
            "read": round(sum(a is not None for a in cot) / len(test), 3),
            "right": round(sum(a == q.answer for a, q in zip(cot, test, strict=True)) / len(test), 3),
        },
    )
    log.close()
    print((args.output / "training_log.jsonl").read_text().splitlines()[-1])


if __name__ == "__main__":
    main()
