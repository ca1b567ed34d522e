"""Trains a recogniser's context layers on text of the domain, with the confusions of the recogniser in it.

    python -m demo_recipe train-context --minutes 14 [--stream] [--work build/train]

Reads `token_confusions.npz` and writes `context.pt` beside it.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from demo_recipe.acoustic.context_layers import Context, StreamContext
from demo_recipe.acoustic.paraformer import AsrConfig
from demo_recipe.learning_rate import rate_factor
from demo_recipe.options import add_work_option
from demo_recipe.streaming.export_stream import new_context
from demo_recipe.text import domain_grammar
from demo_recipe.text.outside_domain_text import other_sentence
from demo_recipe.text.templates import tokens_of
from demo_recipe.text.vocabulary import BLANK_ID, EOS_ID, UNKNOWN, keep_known_tokens

PEAK_RATE = 1.5e-3
WARM_UP_STEPS = 200
BATCH_TEXTS = 64
POOL_TEXTS = 4096
AVERAGE_DECAY = 0.999
OTHER_SHARE, WORDS_SHARE, CUT_SHARE = 0.15, 0.12, 0.25
MOST_WRONG = 0.45
"""Share of the tokens of a text that is heard wrong: up to this, drawn anew for each text."""
BLANK_SHARE = 0.04
"""Fires of a stream that are no token."""
LANGUAGES = {"zh": 0.5, "en": 0.35, "mix": 0.15}


def draw_text(rng: Random) -> list[str]:
    """Tokens of one to three sentences, of single words, or of what is outside the domain; at times cut somewhere."""
    (lang,) = rng.choices(list(LANGUAGES), list(LANGUAGES.values()))
    kind = rng.random()
    if kind < OTHER_SHARE:
        tokens = tokens_of(other_sentence("en" if lang == "en" else "zh", rng))
    elif kind < OTHER_SHARE + WORDS_SHARE and lang != "mix":
        words = domain_grammar.vocabulary_words(lang)
        tokens = tokens_of([rng.choice(words) for _ in range(rng.randint(1, 4))])
    else:
        sentences = [domain_grammar.sentence(lang, rng) for _ in range(rng.choices([1, 2, 3], [0.6, 0.3, 0.1])[0])]
        tokens = [token for words in sentences for token in tokens_of(words)]
    if rng.random() < CUT_SHARE:
        begin = rng.randrange(len(tokens))
        tokens = tokens[begin : rng.randint(begin + 1, len(tokens))]
    return tokens


class ConfusionSampler:
    """Draws for each token the scores that a recogniser once gave it, rightly or wrongly."""

    def __init__(self, path: Path, vocabulary_size: int, seed: int) -> None:
        with np.load(path) as heard:
            said, self._guesses, self._scores = heard["said"], heard["guesses"], heard["scores"].astype(np.float32)
        self._size, self._rng = vocabulary_size, np.random.default_rng(seed)
        is_right = self._guesses[:, 0] == said
        self._places = [self._sorted_by_token(said, is_right), self._sorted_by_token(said, ~is_right)]

    def _sorted_by_token(self, said: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows by token; where each token's rows begin [V], and how many it has [V]."""
        rows = np.flatnonzero(chosen)
        rows = rows[np.argsort(said[rows], kind="stable")]
        counts = np.bincount(said[rows], minlength=self._size)
        return rows, np.cumsum(counts) - counts, counts

    def __call__(self, tokens: np.ndarray, wrong: np.ndarray) -> np.ndarray:
        """Token ids [N], where to take a confusion [N] -> log-probabilities [N, V].

        A token that was never heard so is heard the other way, and one that was never heard at all is certain.
        """
        result = np.full((len(tokens), self._size), -20.0, np.float32)
        result[np.arange(len(tokens)), tokens] = 0.0
        rows = np.full(len(tokens), -1)
        for is_wrong, (places, begins, counts) in enumerate(self._places):
            wanted = (counts[tokens] > 0) & ((wrong == is_wrong) | (rows < 0))
            mine = tokens[wanted]
            rows[wanted] = places[begins[mine] + (self._rng.random(len(mine)) * counts[mine]).astype(np.int64)]
        known = np.flatnonzero(rows >= 0)
        scores = self._scores[rows[known]]
        result[known] = scores[:, -1:] - 1.0
        result[known[:, None], self._guesses[rows[known]]] = scores
        return result


def with_blanks(row: list[int], rng: Random) -> list[int]:
    """Token ids with `<blank>` here and there."""
    return [part for token in row for part in ([BLANK_ID, token] if rng.random() < BLANK_SHARE else [token])]


def batches(
    confusions: ConfusionSampler, vocabulary: list[str], seed: int, *, is_stream: bool
) -> Iterator[tuple[Tensor, Tensor]]:  # fmt: skip
    """Endless (log-probabilities [B, L, V], token ids [B, L], -100 in the padding).

    `</s>` stands behind each text, but in a stream, where `<blank>` comes between.
    """
    rng, numbers = Random(seed), np.random.default_rng(seed)
    ids, known = {token: index for index, token in enumerate(vocabulary)}, set(vocabulary) - {UNKNOWN}
    while True:
        texts = [keep_known_tokens(draw_text(rng), known) for _ in range(POOL_TEXTS)]
        texts.sort(key=len)
        groups = [texts[begin : begin + BATCH_TEXTS] for begin in range(0, POOL_TEXTS, BATCH_TEXTS)]
        rng.shuffle(groups)
        for group in groups:
            said_ids = [[ids[token] for token in text] for text in group]
            lists = [with_blanks(row, rng) if is_stream else [*row, EOS_ID] for row in said_ids]
            rows = [np.array(row) for row in lists]
            wrong = [numbers.random(len(row)) < numbers.uniform(0, MOST_WRONG) for row in rows]
            flat = confusions(np.concatenate(rows), np.concatenate(wrong))
            lengths = [len(row) for row in rows]
            heard = torch.nn.utils.rnn.pad_sequence([*torch.from_numpy(flat).split(lengths)], batch_first=True)
            said = [torch.from_numpy(row) for row in rows]
            yield heard, torch.nn.utils.rnn.pad_sequence(said, batch_first=True, padding_value=-100)


def train(model: Context | StreamContext, source: Iterator[tuple[Tensor, Tensor]], minutes: float) -> torch.nn.Module:
    """Trains for `minutes` of processor time; returns the averaged model."""
    average = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(AVERAGE_DECAY)
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, weight_decay=0.01)
    begin, step, sums = time.process_time(), 0, np.zeros(3)
    while (progress := (time.process_time() - begin) / 60 / minutes) < 1:
        rate = PEAK_RATE * rate_factor(step, progress, WARM_UP_STEPS)
        for group in optimizer.param_groups:
            group["lr"] = rate
        heard, said = next(source)
        chosen = said >= 0
        with torch.autocast("cpu", torch.bfloat16):
            added = model(heard, chosen.unsqueeze(-1).float())
        scores = (heard + added.float())[chosen]
        loss = F.cross_entropy(scores, said[chosen])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        average.update_parameters(model)
        step += 1
        before, after = ((values.argmax(-1) == said[chosen]).float().mean() for values in (heard[chosen], scores))
        sums += [float(loss.detach()), float(before), float(after)]
        if step % 200 == 0:
            minutes_spent = progress * minutes
            values = sums / 200
            print(
                f"{step} {minutes_spent:.1f} min loss {values[0]:.3f} right {values[1]:.3f} -> {values[2]:.3f}",
                flush=True,
            )
            sums[:] = 0
    return average.module


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the step."""
    parser.add_argument("--minutes", type=float, default=20, help="processor time")
    parser.add_argument("--stream", action="store_true", help="of the streaming recogniser")
    add_work_option(parser)
    parser.add_argument("--seed", type=int, default=41)


def run(arguments: argparse.Namespace) -> None:
    """Train and write `asr/context.pt` or `asr-online/context.pt`."""
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)
    folder = arguments.work / ("asr-online" if arguments.stream else "asr")
    vocabulary = json.loads((folder / "tokens.json").read_text())
    model = new_context(AsrConfig(len(vocabulary))) if arguments.stream else Context(len(vocabulary))
    print(f"{sum(part.numel() for part in model.parameters()) / 1e6:.2f} M parameters", flush=True)
    confusions = ConfusionSampler(folder / "token_confusions.npz", len(vocabulary), arguments.seed)
    source = batches(confusions, vocabulary, arguments.seed, is_stream=arguments.stream)
    torch.save(train(model, source, arguments.minutes).state_dict(), folder / "context.pt")
