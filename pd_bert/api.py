"""The public names of pd_bert, each imported when it is first used.

`from pd_bert import api as pd` gives Python and gin files all of them: `pd.Bert`,
`pd.Finetune`. The import itself loads no TensorFlow.
"""

import importlib
from typing import Any

_MODULES = {
    "artifact": ("Artifact",),
    "contrib.docstrings": ("Docstrings",),
    "contrib.glue_submission": ("GlueSubmission",),
    "data.example_spec": ("Feature",),
    "data.source": (
        "Row",
        "Source",
        "TextRow",
    ),
    "sources.concatenate": ("Concatenate",),
    "sources.conll": ("Conll",),
    "sources.from_files": ("from_files",),
    "sources.held": ("Held",),
    "sources.remainder": ("Remainder",),
    "sources.rename_labels": ("RenameLabels",),
    "sources.row_documents": ("RowDocuments",),
    "sources.sample": ("Sample",),
    "sources.sentences": ("Sentences",),
    "sources.split": ("Split",),
    "sources.table": ("Table",),
    "sources.tagged_words": ("TaggedWords",),
    "sources.text_lines": ("TextLines",),
    "sources.tfds_source": ("Tfds",),
    "sources.tfds_tagged": ("TfdsTagged",),
    "errors": ("InputError",),
    "export.compression": ("Compression",),
    "export.paper_compression": ("PaperCompression",),
    "export.predictor": ("Predictor", "load_predictor"),
    "export.saved_model": ("SavedModel",),
    "formats.vector_file": ("VectorFile",),
    "models.bert": (
        "Bert",
        "resized",
    ),
    "models.bilstm": ("BiLstm",),
    "models.encoder": (
        "Architecture",
        "Encoder",
        "embed",
    ),
    "models.heads": (
        "Head",
        "MaskedLMHead",
        "PooledHead",
        "TokenHead",
    ),
    "models.initialization": (
        "Initialization",
        "Truncated",
        "Whole",
        "WordEmbeddings",
    ),
    "models.kept_embedding": (
        "CutVocabulary",
        "KeptEmbedding",
    ),
    "models.model": ("Model",),
    "models.network": ("Network",),
    "models.outputs": (
        "Outputs",
        "SoftTokens",
        "Wanted",
    ),
    "models.teacher_vectors": (
        "PcaOfTeacher",
        "SvdOfTeacher",
    ),
    "models.word_vectors": (
        "RandomVectors",
        "WordVectors",
    ),
    "objectives.base": (
        "LossInputs",
        "Objective",
        "Reads",
    ),
    "objectives.distances": (
        "cosine_distance",
        "kl_divergence",
        "mean_squared_error",
    ),
    "objectives.hard_labels": ("HardLabels",),
    "objectives.labels": ("Labels",),
    "objectives.logit_regression": ("LogitRegression",),
    "objectives.masked_lm": ("MaskedLM",),
    "objectives.next_sentence": ("NextSentence",),
    "objectives.representation": ("Representation",),
    "objectives.soft_labels": ("SoftLabels",),
    "runs.figure": ("Figure",),
    "runs.recipe": (
        "Recipe",
        "in_order",
    ),
    "runs.results_table": ("results_table",),
    "runs.runner": ("Runner",),
    "runs.workdir": ("Workdir",),
    "search.pruners": ("Median",),
    "search.samplers": (
        "GeneticSearch",
        "GridSearch",
        "RandomSearch",
        "TreeParzen",
    ),
    "search.search": ("Search",),
    "stages.base": ("Stage",),
    "stages.clean_transfer": ("CleanTransfer",),
    "stages.distill": ("Distill",),
    "stages.evaluate": ("Evaluate",),
    "stages.finetune": ("Finetune",),
    "stages.gradual_unfreezing": ("gradual_unfreezing",),
    "stages.label": ("Label",),
    "stages.live_teacher": ("LiveTeacher",),
    "stages.load_encoder": ("LoadEncoder",),
    "stages.merge": ("Merge",),
    "stages.meta_score": ("MetaScore",),
    "stages.phases": ("phases",),
    "stages.predict": ("Predict",),
    "stages.prepare_corpus": ("PrepareCorpus",),
    "stages.prepare_task": ("PrepareTask",),
    "stages.prepare_transfer": ("PrepareTransfer",),
    "stages.pretrain": ("Pretrain",),
    "stages.random_model": ("RandomModel",),
    "stages.read_vocabulary": ("ReadVocabulary",),
    "stages.student_encoder": ("StudentEncoder",),
    "stages.subset": ("Subset",),
    "stages.teacher_gate": ("TeacherGate",),
    "stages.train": ("Train",),
    "stages.train_vocabulary": ("TrainVocabulary",),
    "tasks.base": ("Task",),
    "tasks.classification": ("Classification",),
    "tasks.labeled_task": ("LabeledTask",),
    "tasks.masked_lm": ("MaskedLanguageModel",),
    "tasks.metrics": (
        "accuracy",
        "f1",
        "macro_f1",
        "matthews",
        "pearson",
        "spearman",
    ),
    "tasks.regression": ("Regression",),
    "tasks.tagging": ("Tagging",),
    "text.masking": ("Masking",),
    "text.vocabulary": ("Vocabulary",),
    "training.cosine_restarts": ("CosineRestarts",),
    "training.inputs": (
        "BatchInputs",
        "StudentInputs",
    ),
    "training.optimizer": ("AdamW",),
    "training.runtime": ("Runtime",),
    "training.schedules": (
        "LearningRateSchedule",
        "LinearDecay",
    ),
    "training.strategies": (
        "mirrored",
        "multi_worker",
        "one_device",
        "tpu",
    ),
}
_PLACES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Imports the module of a public name and returns what it names."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"pd_bert.{_PLACES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Returns the public names."""
    return sorted(_PLACES)
