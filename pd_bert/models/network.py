"""The shape of a model, without weights."""

import dataclasses
import functools
from collections.abc import Mapping

from pd_bert.errors import InputError
from pd_bert.models.encoder import Architecture, Shapes
from pd_bert.models.heads import Head
from pd_bert.models.outputs import Wanted


@dataclasses.dataclass(frozen=True, kw_only=True)
class Network:
    """An architecture, the heads over it and the size of its vocabulary.

    Two models of one network have weights of the same names and shapes.
    """

    architecture: Architecture
    heads: tuple[tuple[str, Head], ...]
    vocabulary_size: int

    @classmethod
    def of(
        cls, architecture: Architecture, heads: Mapping[str, Head], vocabulary_size: int
    ) -> "Network":
        """Returns the network with these heads, whatever their order."""
        return cls(
            architecture=architecture,
            heads=tuple(sorted(heads.items())),
            vocabulary_size=vocabulary_size,
        )

    @property
    def shapes(self) -> Shapes:
        """The shapes of the encoder's parts."""
        return self.architecture.shapes(self.vocabulary_size)

    @functools.cached_property
    def parameters(self) -> int:
        hidden, size = self.architecture.hidden_dim, self.vocabulary_size
        own = (
            head.parameters(hidden, size, embedding_dim=self.architecture.width(0))
            for _, head in self.heads
        )
        return self.architecture.parameters(size) + sum(own)

    def flops(self, length: int, masked: int = 0) -> int:
        """Returns the operations of a forward pass over one example."""
        hidden, size = self.architecture.hidden_dim, self.vocabulary_size
        heads = (
            head.flops(
                hidden,
                size,
                length=length,
                masked=masked,
                embedding_dim=self.architecture.width(0),
            )
            for _, head in self.heads
        )
        return self.architecture.flops(size, length) + sum(heads)

    def require(self, wanted: Wanted, where: str) -> None:
        """Raises InputError for outputs that a model of this network does not have."""
        names = [name for name, _ in self.heads]
        for name in wanted.heads or ():
            if name not in names:
                raise InputError(
                    f"{where}: the head {name!r} is read; the model has "
                    f"{', '.join(names) or 'no head'}"
                )
        self.architecture.require(wanted, where)

    def encoder_outputs(self, wanted: Wanted) -> Wanted:
        """Returns what its encoder must compute so that `wanted` can be given.

        The model takes the states of first tokens from those of all tokens.
        """
        for name, head in self.heads:
            if wanted.heads is None or name in wanted.heads:
                wanted |= head.wanted
        return wanted | Wanted(hidden=wanted.first)
