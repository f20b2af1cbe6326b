"""Turns text files into TFRecord files for masked-LM pre-training.

  pd-bert-prepare --input='books/*.txt.gz' --output=data/books
  pd-bert-prepare --input=reviews.txt --document_per_line --output=data/reviews \\
      --vocabulary=vocab.txt --nonext_sentence --sequence_length=64

The text is UTF-8, one paragraph or sentence per line, with a blank line between
documents; it may be compressed by gzip. Without --vocabulary a WordPiece vocabulary is
trained on it. After a stop or a kill the same command continues. Recipes of pd-bert-run
prepare their own data.
"""

import pathlib
import shlex
import sys

from absl import flags

from pd_bert.artifact import Artifact
from pd_bert.bin import program
from pd_bert.errors import InputError
from pd_bert.runs.recipe import in_order
from pd_bert.runs.runner import Runner
from pd_bert.runs.workdir import Workdir
from pd_bert.sources.text_lines import TextLines
from pd_bert.stages.prepare_corpus import PrepareCorpus
from pd_bert.stages.read_vocabulary import ReadVocabulary
from pd_bert.stages.train_vocabulary import TrainVocabulary
from pd_bert.training.runtime import Runtime

_INPUT = flags.DEFINE_multi_string("input", None, "A file or pattern", required=True)
_OUTPUT = flags.DEFINE_string("output", None, "The folder to write.", required=True)
_VOCABULARY = flags.DEFINE_string(
    "vocabulary", None, "A vocab.txt file, instead of training one."
)
_SIZE = flags.DEFINE_integer("vocabulary_size", 30522, "The number of tokens to train.")
_LOWERCASE = flags.DEFINE_bool(
    "lowercase", True, "Lower-case the texts and strip accents."
)
_LENGTH = flags.DEFINE_integer(
    "sequence_length", 128, "The number of word pieces per window.", 16
)
_PAIRS = flags.DEFINE_bool(
    "next_sentence", True, "Make pairs for next-sentence prediction."
)
_PER_LINE = flags.DEFINE_bool("document_per_line", False, "Each line is a document.")
_STRIP = flags.DEFINE_bool("strip_markup", False, "Remove HTML tags and entities.")
_SEED = flags.DEFINE_integer("seed", 0, "The seed of the pairs.")
_PROCESSES = flags.DEFINE_integer(
    "processes", 0, "The number of worker processes; 0: one per core.", 0
)


def _main() -> None:
    if _VOCABULARY.value and flags.FLAGS["vocabulary_size"].present:
        raise InputError("give --vocabulary or --vocabulary_size, not both")
    files, per_line, strip = tuple(_INPUT.value), _PER_LINE.value, _STRIP.value
    source = TextLines(files=files, document_per_line=per_line, strip_markup=strip)
    lowercase = _LOWERCASE.value
    corpus = PrepareCorpus(
        source=source,
        vocabulary=ReadVocabulary(file=_VOCABULARY.value, lowercase=lowercase)
        if _VOCABULARY.value
        else TrainVocabulary(source=source, size=_SIZE.value, lowercase=lowercase),
        sequence_length=_LENGTH.value,
        next_sentence=_PAIRS.value,
        seed=_SEED.value,
    )
    runtime = Runtime(processes=_PROCESSES.value)
    stages = in_order([corpus], runtime)
    for stage in stages:
        stage.check()
    workdir = Workdir(pathlib.Path(_OUTPUT.value), runtime)
    workdir.claim("pd-bert-prepare")
    command = f"# pd-bert-prepare {shlex.join(sys.argv[1:])}\n"
    Runner(stages, workdir, runtime=runtime, operative=command).run(runtime.start())
    made = Artifact(workdir.directory / "latest" / corpus.title)
    size = f"{made['count']:,} examples, {made['bytes'] / 1e6:.1f} MB"
    print(f"Data set: {made.directory}, {size}")


def main() -> None:
    """The console script."""
    program.start(_main)


if __name__ == "__main__":
    main()
