"""Context layers behind the recogniser's decoder: what was heard, token by token, in the light of the whole sentence.

They see the decoder's probabilities, not the sound, so they learn from text alone: each token of a sentence gets the
probabilities with which the recogniser once heard that token (step `token-confusions`). Their scores are added to the
decoder's.
"""

import random

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from demo_recipe.acoustic.sanm_layers import EncoderLayer

SIZE, HEADS, HIDDEN, LAYERS, KERNEL = 128, 4, 384, 3, 7
SHARE = 0.5
"""Of the added scores: at run time errors come in runs, and the context is less sure than it learned to be."""
STREAM_SIZE, STREAM_HIDDEN, STREAM_LAYERS = 96, 288, 2
MOST_TOGETHER = 5
"""Tokens that a stream decodes at once."""


class ContextStack(nn.Module):
    """Layers of both contexts. Untrained they add nothing. `mask` [B, L, 1] is one where a token is."""

    def __init__(self, vocabulary_size: int, size: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.embed = nn.Linear(vocabulary_size, size, bias=False)
        self.layers = nn.ModuleList(EncoderLayer(size, size, HEADS, hidden, KERNEL) for _ in range(layers))
        self.norm = nn.LayerNorm(size)
        self.output = nn.Linear(size, vocabulary_size)
        nn.init.normal_(self.embed.weight, std=0.3)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def embedded(self, heard: Tensor, mask: Tensor) -> Tensor:
        """Log-probabilities [B, L, V] -> [B, L, D]."""
        return self.embed(heard.exp()) * mask

    def look(self, x: Tensor, mask: Tensor) -> Tensor:
        """Embedded tokens [B, L, D] in the light of each other."""
        for layer in self.layers:
            x = layer(x, mask)
        return self.norm(x)


class Context(ContextStack):
    """Log-probabilities [B, L, V] -> scores [B, L, V] to add to them."""

    def __init__(self, vocabulary_size: int) -> None:
        super().__init__(vocabulary_size, SIZE, HIDDEN, LAYERS)

    def forward(self, heard: Tensor, mask: Tensor) -> Tensor:
        """A whole text at once."""
        return self.output(self.look(self.embedded(heard, mask), mask))

    def corrected(self, heard: Tensor, mask: Tensor) -> Tensor:
        """The log-probabilities with the context's scores."""
        return F.log_softmax(heard + SHARE * self(heard, mask), -1)


class StreamContext(ContextStack):
    """The same for a stream: a token sees `past` tokens before those that are decoded with it, and all of these.

    What is kept of a token is a row of `width`: its embedding, a one, zeros.
    """

    def __init__(self, vocabulary_size: int, width: int, past: int) -> None:
        super().__init__(vocabulary_size, STREAM_SIZE, STREAM_HIDDEN, STREAM_LAYERS)
        self.width, self.past = width, past

    def forward(self, heard: Tensor, mask: Tensor) -> Tensor:
        """Whole texts [B, L, V] as a stream would hear them, so many tokens at once: the scores [B, L, V] to add."""
        together = random.randint(1, MOST_TOGETHER)
        length = heard.shape[1]
        missing = -length % together
        x = F.pad(torch.cat([self.embedded(heard, mask), mask], -1), (0, 0, self.past, missing))
        windows = x.unfold(1, self.past + together, together).transpose(2, 3)
        seen = windows.flatten(0, 1)
        found = self.look(seen[:, :, :-1], seen[:, :, -1:])[:, self.past :]
        return self.output(found.reshape(len(heard), -1, STREAM_SIZE)[:, :length])

    def corrected(self, heard: Tensor, mask: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        """The log-probabilities [B, N, V] with the context's scores; the next cache, [B, width, past] as the last."""
        rows = torch.cat([self.embedded(heard, mask), mask], -1)
        rows = F.pad(rows, (0, self.width - STREAM_SIZE - 1))
        joined = torch.cat([cache, rows.transpose(1, 2)], 2)
        seen = joined.transpose(1, 2)
        found = self.look(seen[:, :, :STREAM_SIZE], seen[:, :, STREAM_SIZE : STREAM_SIZE + 1])[:, self.past :]
        return F.log_softmax(heard + SHARE * self.output(found), -1), joined[:, :, -self.past :]
