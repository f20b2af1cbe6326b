"""Stage: an encoder with word embeddings to begin with."""

import dataclasses
from typing import Any, ClassVar

import keras
import numpy as np

from pd_bert.artifact import save_model, vocabulary_info
from pd_bert.costs.work import CopyModel, Fixed, Works
from pd_bert.data.expected_records import ExpectedRecords
from pd_bert.data.records import Records
from pd_bert.data.surveyor import Surveyor
from pd_bert.errors import InputError
from pd_bert.models.encoder import Architecture
from pd_bert.models.kept_embedding import CutVocabulary
from pd_bert.models.model import Model
from pd_bert.models.network import Network
from pd_bert.models.word_vectors import RandomVectors, VectorInputs, WordVectors
from pd_bert.stages.base import Context, Info, Stage
from pd_bert.stages.outline import Outline, Outlines
from pd_bert.system import interrupt
from pd_bert.text.vocabulary import Vocabulary
from pd_bert.training.runtime import Runtime
from pd_bert.values import to_json

# Rows without a vector are uniform in ± this.
_RANDOM = 0.1
# Of one core: examples whose ids are read, and products of a factorization.
_EXAMPLES_PER_SECOND = 1e5
_PRODUCTS_PER_SECOND = 1e10


@dataclasses.dataclass(frozen=True, kw_only=True)
class StudentEncoder(Stage):
    """An encoder whose token embeddings are given, the other weights random.

    It can be the initial model of every training. `embeddings` makes the vectors of
    the word pieces, from the token embeddings of `teacher`, which is a stage with a
    model (fine-tuned, in the paper), or from a file; pieces without a vector begin
    uniform in ±0.1 (Mukherjee and Awadallah 2020, Section 3.1). `seed` draws them and
    all other weights.

    With `records`, stages with data sets, of a prepared task the split train, the
    encoder has rows for the pieces that occur in them and for special tokens; all
    others share the row of [UNK]. Tokenizer and ids stay those of the whole
    vocabulary. The architecture must be a `CutVocabulary`, whose `kept` is set here:
    trainings take it from this artifact (`architecture` = None). Without records each
    piece has a row.

    The vocabulary is the teacher's or, without a teacher, that of the stage
    `vocabulary` or of the records.
    """

    name: str = "student"
    architecture: Architecture
    embeddings: WordVectors = dataclasses.field(default_factory=RandomVectors)
    teacher: Stage | None = None
    records: tuple[Stage, ...] = ()
    vocabulary: Stage | None = None
    seed: int = 0

    kind: ClassVar[str] = "encoder"

    def check(self) -> None:
        super().check()
        if not 0 <= self.seed < 1 << 31:
            raise InputError(
                f"{self.where}: a seed is from 0 to 2³¹ − 1; received {self.seed}"
            )
        if not self.inputs():
            raise InputError(
                f"{self.where}: the vocabulary is that of teacher, vocabulary or "
                "records; received none of them"
            )
        if self.embeddings.needs_teacher and self.teacher is None:
            raise InputError(
                f"{self.where}: {type(self.embeddings).__name__} needs a teacher; "
                "received none"
            )
        architecture = self.architecture
        if isinstance(architecture, CutVocabulary):
            if architecture.kept is not None:
                raise InputError(
                    f"{self.where}: the number of rows is that of the word pieces in "
                    f"records; {architecture.name} has kept = {architecture.kept}"
                )
        elif self.records:
            raise InputError(
                f"{self.where}: with records, the architecture must be able to keep "
                f"rows for some word pieces alone, as BiLstm; {architecture.name} is "
                f"{type(architecture).__name__}"
            )
        self.embeddings.check(self._width(1), self.where)

    def result_columns(self) -> Info:
        return {**super().result_columns(), "size": self.architecture.name}

    def outline(self, inputs: Outlines, survey: Surveyor | None = None) -> Outline:
        shared = super().outline(inputs, survey)
        teacher = inputs["teacher"].network if "teacher" in inputs else None
        size, file = shared.vocabulary_size, shared.vocabulary_file
        vocabulary = None
        if file is not None and shared.lowercase is not None:
            vocabulary = Vocabulary.read(file, lowercase=shared.lowercase)
        self.embeddings.require(
            self._width(size or 1),
            teacher=teacher,
            # One that was trained on a sample may lack words.
            vocabulary=vocabulary if shared.vocabulary else None,
            where=self.where,
        )
        outline = dataclasses.replace(shared, labels=())
        architecture = self.architecture
        if self.records:
            kept = self._expected_pieces(inputs, vocabulary) if survey else None
            if kept is None:
                return outline
            architecture = self._keeping(kept)
        if size is None:
            return outline
        return dataclasses.replace(outline, network=Network.of(architecture, {}, size))

    def work(self, inputs: Outlines, outline: Outline, runtime: Runtime) -> Works:
        network = outline.require_network()
        examples = sum(each.count for each in self._expected(inputs))
        seconds = examples / _EXAMPLES_PER_SECOND
        teacher = inputs["teacher"].network if "teacher" in inputs else None
        if self.embeddings.needs_teacher and teacher is not None:
            (size, width), *_ = teacher.shapes["token_embedding"]
            seconds += size * width * width / _PRODUCTS_PER_SECOND
        return (
            CopyModel(network=network, passes=1, seconds=1.0),
            Fixed(seconds=seconds),
        )

    def run(self, context: Context) -> Info:
        # Now that all is known of what it reads, it is checked once more.
        read = self.inputs().items()
        self.outline({f: Outline.of(context.artifact(s)) for f, s in read})
        vocabulary = context.artifact(self._with_vocabulary()[0]).vocabulary()
        ids = np.arange(len(vocabulary))
        architecture = self.architecture
        if self.records:
            ids = self._occurring(context, vocabulary)
            architecture = self._keeping(len(ids))
        rows, known = self._rows(context, vocabulary, ids)
        # Keras draws initial weights from the global generator.
        keras.utils.set_random_seed(self.seed)
        model = Model(architecture, {}, len(vocabulary))
        table, *maps = model.encoder.parts()["token_embedding"]
        table.assign(rows)
        if self.records:
            (row_of,) = maps
            row_of.assign(_row_of(ids, vocabulary))
        save_model(model, context.directory)
        vocabulary.write(context.directory / "vocab.txt")
        given = int(known.sum())
        print(
            f"{context.where}: {len(ids):,} of {len(vocabulary):,} word pieces have "
            f"rows, {given:,} of these a vector",
            flush=True,
        )
        return {
            **vocabulary_info(vocabulary),
            "vocabulary_size": len(vocabulary),
            "labels": [],
            "architecture": to_json(architecture),
            "facts": architecture.facts,
            "parameters": model.parameters,
            "rows": len(ids),
            "vectors": given,
        }

    def _with_vocabulary(self) -> list[Stage]:
        """The stages with the vocabulary; the first one's is taken."""
        stages = (self.teacher, self.vocabulary, *self.records)
        return [stage for stage in stages if stage is not None]

    def _width(self, vocabulary_size: int) -> int:
        (_, width), *_ = self.architecture.shapes(vocabulary_size)["token_embedding"]
        return width

    def _keeping(self, kept: int) -> Architecture:
        assert isinstance(self.architecture, CutVocabulary)
        return self.architecture.keeping(kept)

    def _expected(self, inputs: Outlines) -> list[ExpectedRecords]:
        """The data sets of `records`, as far as they are known."""
        splits = [inputs[self.field_of(stage)].splits for stage in self.records]
        return [e["train" if "train" in e else ""] for e in splits if e is not None]

    def _expected_pieces(
        self, inputs: Outlines, vocabulary: Vocabulary | None
    ) -> int | None:
        """The number of pieces in samples of the records; None if it is not known."""
        found = [each.read_pieces for each in self._expected(inputs)]
        read = [each for each in found if each is not None]
        if len(read) < len(self.records) or vocabulary is None:
            return None
        return len(set(vocabulary.special_ids).union(*(e().tolist() for e in read)))

    def _occurring(self, context: Context, vocabulary: Vocabulary) -> np.ndarray:
        """The ids of special tokens and of all pieces in the records, ascending."""
        seen = np.zeros(len(vocabulary), np.bool_)
        seen[list(vocabulary.special_ids)] = True
        for stage in self.records:
            folder = context.artifact(stage).directory
            alone = (folder / "manifest.json").is_file()
            records = Records(folder if alone else folder / "train")
            records.check(vocabulary.fingerprint)
            for ids in records.token_ids():
                interrupt.check()
                seen[ids] = True
        return np.flatnonzero(seen)

    def _rows(
        self, context: Context, vocabulary: Vocabulary, ids: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The embeddings of the pieces, and whether each has a vector."""
        table: Any = None
        if self.embeddings.needs_teacher:
            assert self.teacher is not None
            teacher = Model.load(context.artifact(self.teacher).directory)
            table = np.asarray(teacher.encoder.token_embedding.embeddings)
        width = self._width(len(vocabulary))
        rows, known = self.embeddings.vectors(
            VectorInputs(vocabulary=vocabulary, ids=ids, width=width, table=table)
        )
        draw = np.random.default_rng(self.seed)
        random = draw.uniform(-_RANDOM, _RANDOM, (int((~known).sum()), width))
        rows[~known] = random
        return rows, known


def _row_of(ids: np.ndarray, vocabulary: Vocabulary) -> np.ndarray:
    """The row of each piece; those without one share that of [UNK]."""
    rows = np.full(len(vocabulary), np.searchsorted(ids, vocabulary.unk_id), np.int32)
    rows[ids] = np.arange(len(ids))
    return rows
