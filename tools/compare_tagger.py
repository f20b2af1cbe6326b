"""Compares the entities of a tagger's SavedModel with those of training code.

  PYTHONPATH=. .venv/bin/python tools/compare_tagger.py \\
      --model=runs/wikiann/latest/finetune-teacher --saved_model=exported \\
      --input='wikiann/{language}/test.tsv.gz'

The sentences are encoded as for training, and the model is read as for evaluation; its
tags are joined to entities by seqeval, and their offsets counted here. The SavedModel
gets the text of each sentence. Prints how many sentences, entities and differences
there are, and the first differences; the exit status is 1 if there is any.
"""

import argparse
import itertools
import json
import pathlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tqdm
from seqeval.metrics.sequence_labeling import get_entities

from pd_bert.artifact import Artifact
from pd_bert.data.encode_rows import EncodeRows
from pd_bert.export.predictor import load_predictor
from pd_bert.models.model import Model
from pd_bert.sources.conll import Conll
from pd_bert.sources.tagged_words import TaggedWords
from pd_bert.tasks.labeled_task import task_over

Entity = tuple[str, str, int, int]
_CHUNK = 1024


def compare(
    model: pathlib.Path,
    saved_model: pathlib.Path,
    rows: Iterable[TaggedWords],
    *,
    batch_size: int = 64,
) -> dict[str, Any]:
    """Returns the numbers of sentences, entities and differences, and some of these."""
    expected_of = trained(model, batch_size)
    predictor = load_predictor(saved_model)
    counts = {"sentences": 0, "entities": 0, "different": 0}
    examples: list[Any] = []
    iterator = iter(tqdm.tqdm(rows, unit=" sentences", mininterval=1))
    while chunk := list(itertools.islice(iterator, _CHUNK)):
        answers = predictor.predict(chunk, batch_size=batch_size)
        for row, answer, expected in zip(
            chunk, answers, expected_of(chunk), strict=True
        ):
            found = [
                (each["text"], each["label"], each["begin"], each["end"])
                for each in answer["entities"]
            ]
            words = [row.texts["text"][w["begin"] : w["end"]] for w in answer["words"]]
            counts["sentences"] += 1
            counts["entities"] += len(expected)
            if found != expected or words != list(row.words):
                counts["different"] += 1
                if len(examples) < 5:
                    examples.append([row.where, found, expected])
    return {**counts, "examples": examples}


def trained(
    model: pathlib.Path, batch_size: int
) -> Callable[[Sequence[TaggedWords]], Iterator[list[Entity]]]:
    """Returns a function of rows that gives the entities of each, by training code."""
    artifact = Artifact(model)
    keras.config.set_dtype_policy("float32")
    network = Model.load(model)
    task, labels = task_over(artifact["task"]), artifact.labels
    encode = EncodeRows(
        vocabulary=model / "vocab.txt",
        lowercase=artifact["lowercase"],
        sequence_length=artifact["sequence_length"],
        inputs=tuple(artifact["inputs"]),
        encode=task.encode,
        encoded=task.encoded_spec,
    )

    @tf.function(reduce_retracing=True)
    def answers(batch: dict[str, tf.Tensor]) -> tf.Tensor:
        return task.decode(network(batch, training=False), batch, labels)["answer"]

    def entities(rows: Sequence[TaggedWords]) -> Iterator[list[Entity]]:
        examples = encode(rows)
        for first in range(0, len(rows), batch_size):
            taken = rows[first : first + batch_size]
            batch = _padded(list(itertools.islice(examples, len(taken))))
            found = answers({n: tf.constant(v) for n, v in batch.items()}).numpy()
            for row, numbers in zip(taken, found.tolist(), strict=True):
                tags = [labels[number - 1] for number in numbers if number]
                yield _entities(row, tags)

    return entities


def _padded(examples: Sequence[dict[str, Any]]) -> dict[str, np.ndarray]:
    length = max(len(example["token_ids"]) for example in examples)
    shape = (len(examples), length)
    batch = {
        "token_ids": np.zeros(shape, np.int32),
        "segment_ids": np.zeros(shape, np.int32),
        "padding_mask": np.zeros(shape, np.int32),
        "label_weight": np.zeros(shape, np.float32),
    }
    for row, example in enumerate(examples):
        count = len(example["token_ids"])
        batch["token_ids"][row, :count] = example["token_ids"]
        batch["padding_mask"][row, :count] = 1
        batch["label_weight"][row, :count] = example["label_weight"]
    return batch


def _entities(row: TaggedWords, tags: Sequence[str]) -> list[Entity]:
    """The entities of a sentence; words beyond the model's length have no tag."""
    begins = list(
        itertools.accumulate((len(word) + 1 for word in row.words), initial=0)
    )
    return [
        (
            " ".join(row.words[first : last + 1]),
            label,
            begins[first],
            begins[last + 1] - 1,
        )
        for label, first, last in get_entities(list(tags))
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--saved_model", type=pathlib.Path, required=True)
    parser.add_argument("--input", required=True)
    parser.add_argument("--limit", type=int, help="the most sentences")
    parser.add_argument("--batch_size", type=int, default=64)
    given = parser.parse_args()
    languages = load_predictor(given.saved_model).task.languages
    rows = Conll(files=given.input, languages=languages, tags=False).rows()
    found = compare(
        given.model,
        given.saved_model,
        itertools.islice(rows, given.limit),
        batch_size=given.batch_size,
    )
    print(json.dumps(found, ensure_ascii=False, indent=2))
    sys.exit(1 if found["different"] else 0)


if __name__ == "__main__":
    main()
