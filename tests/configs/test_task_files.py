"""The sources and labels that the gin files of tasks give."""

import itertools
import pathlib
from collections import Counter

import gin
import pytest

from pd_bert import config
from pd_bert.data.source import Source
from pd_bert.runs.recipe import Recipe
from pd_bert.sources.tfds_source import Tfds
from pd_bert.stages.prepare_task import PrepareTask
from pd_bert.stages.prepare_transfer import PrepareTransfer
from pd_bert.tasks.labeled_task import LabeledTask

NAMES = ("cola", "sst2", "mrpc", "stsb", "qqp", "mnli", "qnli", "rte", "wnli")
FILES = "tasks/glue/files"


def references(*names: str) -> str:
    kinds = dict.fromkeys(names, "pd.Classification")
    kinds |= {"stsb": "pd.Regression"}
    found = [f"@{name}/{kinds[name]}, " for name in names]
    return f"TASKS = ({''.join(found)})"


def read_tasks(folder: pathlib.Path, *bindings: str, files: list[str]) -> dict:
    """The tasks that a run over these files would prepare, by name."""
    given = [f"ENCODER_FOLDER = '{folder}'", *bindings]
    _, stages, _ = config.load(["glue_dev", *files], given)
    found = [stage.task for stage in stages if isinstance(stage, PrepareTask)]
    for task in found:
        task.check()
    return {task.name: task for task in found}


def counts(task: LabeledTask) -> list[int]:
    sources = [*task.splits.values(), *task.unlabeled_splits.values()]
    return [sum(1 for _ in source.rows()) for source in sources]


def test_folder_in_glues_layout(glue_folder, tmp_path):
    tasks = read_tasks(
        tmp_path, f"GLUE_FOLDER = '{glue_folder}'", files=[f"{FILES}/all.gin"]
    )
    assert tuple(tasks) == NAMES
    assert {name: task.primary_metric for name, task in tasks.items()} == {
        **dict.fromkeys(NAMES, "accuracy"),
        "cola": "matthews",
        "mrpc": "f1",
        "qqp": "f1",
        "stsb": "pearson",
    }
    for name, task in tasks.items():
        # QQP's cut row is left out.
        wanted = [8, 8, 8, 9, 9, 10] if name == "mnli" else [8, 8, 9]
        assert counts(task) == wanted, name
        labels = task.find_labels()
        for row in itertools.chain(*(s.rows() for s in task.splits.values())):
            task.gold([row], labels)
            assert '"film"' in row.text
            assert (row.text_b is None) == (name in ("cola", "sst2"))
        for source in task.unlabeled_splits.values():
            assert {row.label for row in source.rows()} == {None}
    assert list(tasks["mnli"].splits) == ["train", "dev", "dev_mismatched"]
    assert list(tasks["mnli"].unlabeled_splits) == ["test", "test_mismatched", "ax"]


def test_real_files(shared_data, tmp_path):
    tasks = read_tasks(
        tmp_path,
        references("cola", "sst2", "stsb", "qnli", "rte"),
        f"COLA_FOLDER = '{shared_data}/cola'",
        f"STSB_FOLDER = '{shared_data}/stsb'",
        f"GLUE_FOLDER = '{shared_data}'",
        "SST2_TRAIN = 'sst2/train.tsv.gz'",
        "SST2_DEV = 'sst2/dev.tsv'",
        "SST2_TEST = 'sst2/test_with_labels.tsv'",
        "RTE_TRAIN = 'rte/train.tsv'",
        "RTE_DEV = 'rte/dev.tsv'",
        "RTE_TEST = 'rte/test.tsv'",
        "QNLI_TRAIN = 'qnli/dev.tsv'",
        "QNLI_DEV = 'qnli/dev.tsv'",
        "QNLI_TEST = 'qnli/test.tsv'",
        files=[
            f"{FILES}/{name}.gin"
            for name in (
                "cola_public",
                "stsb_original",
                "sst2_labeled_test",
                "rte",
                "qnli",
            )
        ],
    )
    assert {name: counts(task) for name, task in tasks.items()} == {
        "cola": [8_551, 527 + 516],
        "sst2": [67_349, 872, 1_821],
        "stsb": [5_749, 1_500, 1_379],
        "qnli": [5_463, 5_463, 5_463],
        "rte": [2_490, 277, 3_000],
    }
    dev = [Counter(row.label for row in t.dev.rows()) for t in tasks.values()]
    assert dev[0] == {"acceptable": 719, "unacceptable": 324}
    assert dev[1] == {"positive": 444, "negative": 428}
    assert dev[4] == {"entailment": 146, "not_entailment": 131}
    scores = [float(row.label) for row in tasks["stsb"].test.rows()]
    assert min(scores) == 0 and max(scores) == 5


@pytest.mark.parametrize("name", NAMES)
def test_features_of_tfds(name):
    """TFDS knows the data sets and features, without their data."""
    pytest.importorskip("tensorflow_datasets")
    task = task_of(f"tasks/glue/{name}.gin")
    for split, source in {**task.splits, **task.unlabeled_splits}.items():
        assert isinstance(source, Tfds)
        source._builder()
        assert (source.label is None) == (split in task.unlabeled_splits)
        assert (source.order_by == "idx") == (split in task.unlabeled_splits)


def task_of(file: str, macro: str = "TASK", *bindings: str) -> LabeledTask | Source:
    gin.clear_config()
    gin.add_config_file_search_path(str(config.gin_folder()))
    gin.parse_config_file(file)
    gin.parse_config(
        "from __gin__ import dynamic_registration\n"
        "from pd_bert import api as pd\n"
        f"pd.Recipe.name = 'a'\npd.Recipe.stages = (%{macro},)\n"
    )
    gin.parse_config(bindings)
    (value,) = gin.get_configurable(Recipe)().stages
    return value


def test_features_of_other_data_sets():
    pytest.importorskip("tensorflow_datasets")
    for source in task_of("tasks/nli_star.gin", "TRANSFER").sources:
        source._builder()
    task_of("tasks/book_reviews.gin", "TRANSFER")._builder()
    task = task_of("tasks/book_reviews.gin")
    for source in (task.train.source, task.dev, task.test):
        source.source._builder()


def test_nli_star_files(glue_folder, tmp_path):
    _, stages, _ = config.load(
        ["pd", "tasks/nli_star_files.gin"],
        [
            f"TEACHER_FOLDER = '{tmp_path}'",
            f"GLUE_FOLDER = '{glue_folder}'",
            "CORPUS = %TRANSFER",
        ],
    )
    (transfer,) = (stage for stage in stages if isinstance(stage, PrepareTransfer))
    rows = list(transfer.source.rows())
    assert len(rows) == 8 + 8 + 8 and all(row.text_b for row in rows)
    (task,) = (stage.task for stage in stages if isinstance(stage, PrepareTask))
    assert task.name == "mnli"


def test_book_reviews_files(shared_data, tmp_path):
    _, stages, _ = config.load(
        ["pd", "tasks/book_reviews_files.gin"],
        [
            f"TEACHER_FOLDER = '{tmp_path}'",
            f"BOOKS_LABELED = '{shared_data}/amazon_reviews/books.tsv.gz'",
            f"BOOKS_TRANSFER = '{shared_data}/amazon_reviews/electronics.tsv.gz'",
            "LABELED = 1000",
            "TRANSFER_SIZE = 1500",
        ],
    )
    (task,) = (stage.task for stage in stages if isinstance(stage, PrepareTask))
    train, dev, test = (list(source.rows()) for source in task.splits.values())
    assert len(train) == 1000 and 150 < len(dev) < 250 and 150 < len(test) < 250
    places = [{row.where for row in rows} for rows in (train, dev, test)]
    assert not (places[0] & places[1] or places[0] & places[2] or places[1] & places[2])
    assert {row.label for row in train} == {"negative", "positive"}
    (transfer,) = (stage for stage in stages if isinstance(stage, PrepareTransfer))
    rows = list(transfer.source.rows())
    assert len(rows) == 1500 and {row.label for row in rows} == {None}


def test_wikiann(shared_data):
    """Labels for some sentences of each language; the others are the transfer set."""
    task, rest, corpus = (
        task_of(
            "tasks/wikiann_files.gin",
            macro,
            f"WIKIANN = '{shared_data}/wikiann'",
            "LANGUAGES = ('pl', 'ru')",
            "LABELED_PER_LANGUAGE = 30",
            "DEV_PER_LANGUAGE = 20",
            "SEED = 1",
        )
        for macro in ("TASK", "TRANSFER", "CORPUS")
    )
    task.check()
    assert task.primary_metric == "f1_mean"
    drawn = list(task.train.rows())
    assert Counter(row.language for row in drawn) == {"pl": 30, "ru": 30}
    types = ("LOC", "ORG", "PER")
    tags = {f"{prefix}-{each}" for prefix in "BI" for each in types} | {"O"}
    assert {tag for row in drawn for tag in row.tags} == tags
    assert Counter(row.language for row in task.dev.rows()) == {"pl": 20, "ru": 20}
    left = list(rest.rows())
    assert not {row.texts["text"] for row in left} & {
        row.texts["text"] for row in drawn
    }
    # Some sentences occur several times; none of those that were drawn is left.
    assert 40_000 - 60 - 60 < len(left) <= 40_000 - 60
    assert sum(1 for _ in corpus.documents()) == 40_000 // 64


def test_my_tagging(tmp_path):
    for name in ("train", "dev", "test"):
        (tmp_path / f"{name}.conll").write_text("Ada\tB-PER\nlives\tO\n")
    (tmp_path / "text.txt").write_text("Bert lives in Oslo\n")
    bindings = [
        f"TRAIN_FILES = '{tmp_path}/train.conll'",
        f"DEV_FILES = '{tmp_path}/dev.conll'",
        f"TEST_FILES = '{tmp_path}/test.conll'",
        f"UNLABELED_FILES = '{tmp_path}/text.txt'",
    ]
    task = task_of("tasks/my_tagging.gin", "TASK", *bindings)
    task.check()
    assert task.find_labels() == ("B-PER", "I-PER", "O")
    assert counts(task) == [1, 1, 1]
    (row,) = task_of("tasks/my_tagging.gin", "TRANSFER", *bindings).rows()
    assert row.text == "Bert lives in Oslo"
    _, stages, _ = config.load(
        ["pd", "tasks/my_tagging.gin"], [f"TEACHER_FOLDER = '{tmp_path}'", *bindings]
    )
    (transfer,) = (s for s in stages if isinstance(s, PrepareTransfer))
    (prepared,) = (s for s in stages if isinstance(s, PrepareTask))
    assert transfer.task == prepared.task == task
