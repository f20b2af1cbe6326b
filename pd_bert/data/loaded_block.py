"""A block of examples in memory, from which batches are made."""

from collections.abc import Sequence

import numpy as np

from pd_bert.data.columns import Columns, Sequences
from pd_bert.data.epoch_order import BlockPlan
from pd_bert.data.example_spec import ExampleSpec

NumpyBatch = dict[str, np.ndarray]


class LoadedBlock:
    """The examples of a block, or some of them, and its batches.

    `places`, int32 [rows of the block], are the places of its rows in `columns`; None
    if those hold all rows. `first_ids` is the `example_id` of the first example of each
    of the block's parts.
    """

    def __init__(
        self,
        plan: BlockPlan,
        columns: Columns,
        places: np.ndarray | None,
        *,
        first_ids: Sequence[int],
        spec: ExampleSpec,
        pad_id: int,
    ) -> None:
        self._plan = plan
        self._columns = columns
        self._places = places
        counts = [part.count for part in plan.block]
        self._starts = np.cumsum([0, *counts[:-1]])
        self._first_ids = np.asarray(first_ids, np.int64)
        self._fills = {
            name: pad_id if feature.fill is None else feature.fill
            for name, feature in spec.items()
        }

    def batch(self, step: int, rows: range, *, length: int | None = None) -> NumpyBatch:
        """Returns these rows of a batch, padded to its length or to `length`."""
        chosen = self._plan.rows[step, rows.start : rows.stop]
        length = length or int(self._plan.lengths[step])
        places = chosen if self._places is None else self._places[chosen]
        batch: NumpyBatch = {}
        for name, column in self._columns.items():
            if isinstance(column, Sequences):
                batch[name] = column.padded(places, length, self._fills[name])
            else:
                batch[name] = column[places]
        tokens = self._columns["token_ids"]
        assert isinstance(tokens, Sequences)
        positions = np.arange(length)
        real = positions < tokens.lengths_of(places)[:, None]
        start = batch.pop("segment_start")[:, None]
        batch["padding_mask"] = real.astype(np.int32)
        batch["segment_ids"] = ((positions >= start) & real).astype(np.int32)
        counts = np.arange(rows.start, rows.stop) < self._plan.real[step]
        batch["example_weight"] = counts.astype(np.float32)
        part = np.searchsorted(self._starts, chosen, "right") - 1
        batch["example_id"] = self._first_ids[part] + (chosen - self._starts[part])
        return batch
