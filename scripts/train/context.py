"""Context layers behind the recogniser's decoder: what was heard, token by token, in the light of the whole sentence.

They see the decoder's probabilities, not the sound, so they learn from text alone: each token of a sentence gets the
probabilities with which the recogniser once heard that token (`heard.py`). Their scores are added to the decoder's.
"""

import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from layers import EncoderLayer

SIZE, HEADS, HIDDEN, LAYERS, KERNEL = 128, 4, 384, 3, 7
SHARE = 0.5
"""Of the added scores: at run time errors come in runs, and the context is less sure than it learned to be."""


class Context(nn.Module):
    """Log-probabilities [B, L, V] -> scores [B, L, V] to add to them; nothing is added at first."""

    def __init__(self, vocabulary_size: int) -> None:
        super().__init__()
        self.embed = nn.Linear(vocabulary_size, SIZE, bias=False)
        self.layers = nn.ModuleList(EncoderLayer(SIZE, SIZE, HEADS, HIDDEN, KERNEL) for _ in range(LAYERS))
        self.norm = nn.LayerNorm(SIZE)
        self.output = nn.Linear(SIZE, vocabulary_size)
        nn.init.normal_(self.embed.weight, std=0.3)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, heard: Tensor, mask: Tensor) -> Tensor:
        """`mask` [B, L, 1] is one where a token is."""
        x = self.embed(heard.exp()) * mask
        for layer in self.layers:
            x = layer(x, mask)
        return self.output(self.norm(x))

    def corrected(self, heard: Tensor, mask: Tensor) -> Tensor:
        """The log-probabilities with the context's scores."""
        return F.log_softmax(heard + SHARE * self(heard, mask), -1)
