"""The shape of a model, without weights."""

import dataclasses

from pd_bert.models.encoder import Architecture
from pd_bert.models.heads import Head
from pd_bert.models.model import Model


@dataclasses.dataclass(frozen=True, kw_only=True)
class Network:
    """The shape of a model: what decides how long it takes."""

    architecture: Architecture
    heads: tuple[tuple[str, Head], ...]
    vocabulary_size: int

    @property
    def parameters(self) -> int:
        hidden = getattr(self.architecture, "hidden_dim", 0)
        own = (h.parameters(hidden, self.vocabulary_size) for _, h in self.heads)
        return self.architecture.parameters(self.vocabulary_size) + sum(own)

    def flops(self, length: int, masked: int = 0) -> int:
        """Of a forward pass over one example."""
        hidden = getattr(self.architecture, "hidden_dim", 0)
        heads = (h.flops(hidden, self.vocabulary_size, masked) for _, h in self.heads)
        return self.architecture.flops(self.vocabulary_size, length) + sum(heads)

    def build(self, *, dropout: float | None = None) -> Model:
        """The model with random weights."""
        heads = dict(self.heads)
        return Model(self.architecture, heads, self.vocabulary_size, dropout=dropout)
