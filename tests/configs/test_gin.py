"""Every gin file parses, and every recipe runs for a step."""

import gzip
import importlib.util  # noqa: F401  # gin uses it without importing it
import json
import pathlib
import re

import gin
import keras_nlp
import pytest

from pd_bert import config
from pd_bert.analysis.evidence import gather
from pd_bert.analysis.figure_data import RUN, figure_data
from pd_bert.report.report import Report
from pd_bert.runs.group_results import group_results
from pd_bert.runs.runner import Runner
from pd_bert.runs.workdir import Workdir
from pd_bert.search.search import Search
from pd_bert.sources.tfds_source import Tfds
from pd_bert.values import digest, to_json

FOLDER = config.gin_folder()
FILES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.gin"))
RECIPES = config.recipe_names()

SENTENCES = [
    "the film was fine and funny",
    "a dull story, poorly told",
    "what a lovely picture",
    "the actors were awful",
] * 8
# Texts to distil on: none is in dev or test, from where it would be taken out.
REVIEWS = [
    f"{text} and the plot {ending}" for text in SENTENCES[:4] for ending in "abcd"
]

# What every recipe is made small by, where it has the stage or the macro.
SMALL = """
from __gin__ import dynamic_registration
from pd_bert import api as pd
small/pd.Bert.name = 'small'
small/pd.Bert.num_layers = 1
small/pd.Bert.hidden_dim = 8
small/pd.Bert.num_heads = 1
deep/pd.Bert.name = 'deep'
deep/pd.Bert.num_layers = 2
deep/pd.Bert.hidden_dim = 8
deep/pd.Bert.num_heads = 1
pd.PrepareCorpus.sequence_length = 16
pd.Pretrain.buckets = (16,)
pd.Finetune.steps = 1
pd.Distill.steps = 1
pd.Runtime.processes = 0
pd.Compression.batch_sizes = (1, 2)
pd.Compression.runs = 2
# A teacher of one step is no better than chance.
pd.TeacherGate.accept = True
STUDENT = @small/pd.Bert()
LENGTH = 16
PRETRAIN_STEPS = 1
PRETRAIN_BATCH_SIZE = 4
FINETUNE_BATCH_SIZE = 4
DISTILL_BATCH_SIZE = 4
"""

METHODS = ("basic", "d", "pf", "pd", "pd_f", "pd_embeddings", "pd_truncated", "tf")

# Some recipes run without the methods that take longest; D4.2 has a test of its own.
LADDER = ("d0", "d1", "d2", "d3_1", "d3_2", "d4_1")
FEWER_METHODS = {
    "sweep": METHODS,
    "wikiann": LADDER,
    "two_cores/few_labels": ("d0",),
    "two_cores/wikiann": ("d0", "d2"),
}

SMALL_MACROS = {
    "SIZES": "(@small/pd.Bert,)",
    "SEEDS": (0,),
    "TRANSFER_SIZE": 48,
    "LABELED": 12,
    "TEACHER_PRETRAIN_STEPS": 1,
    "DEEP_LAYERS": 2,
    "DISTILL_STEPS": 1,
    "EVALUATE_EVERY": 1,
    "DOMAIN_TEXTS": 6,
    "TRANSFER_SIZES": (4, 8),
    "DOMAINS": "(@reviews/pd.TextLines, @transfer/pd.TextLines)",
    "TASKS": "(@rte/pd.Classification,)",
    "LANGUAGES": ("aa", "bb"),
    "LABELED_PER_LANGUAGE": 12,
    "UNLABELED_PER_LANGUAGE": 12,
    "LABELED_COUNTS": (12,),
    "LABELED_PER_CLASS": 6,
    "UNLABELED_COUNT": 12,
    "EMBEDDINGS": "@pd.SvdOfTeacher()",
}


def macros(name: str) -> set[str]:
    """The macros that a gin file, or what it includes, sets and those it uses."""
    text = (FOLDER / name).read_text()
    found = set(re.findall(r"^([A-Z][A-Z0-9_]*) *=|%([A-Z][A-Z0-9_]*)", text, re.M))
    names = {one or other for one, other in found}
    for included in re.findall(r"^include '(.*)'", text, re.M):
        names |= macros(included)
    return names


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """One for all recipes, which have most of their stages in common."""
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def sources(
    tmp_path_factory: pytest.TempPathFactory, glue_folder: pathlib.Path
) -> pathlib.Path:
    """Files of SST-2, some sentences each, of GLUE, and a pre-trained encoder."""
    folder = tmp_path_factory.mktemp("sources")
    (folder / "glue").symlink_to(glue_folder)
    rows = [f"{text}\t{index % 2}" for index, text in enumerate(SENTENCES)]
    for split in ("train", "dev", "test"):
        (folder / f"{split}.tsv").write_text("\n".join(["sentence\tlabel", *rows]))
    (folder / "corpus.txt").write_text(
        "\n\n".join("\n".join(SENTENCES[i : i + 4]) for i in range(0, 32, 4))
    )
    (folder / "reviews.txt").write_text("\n".join(REVIEWS))
    for language in ("aa", "bb"):
        (folder / "wikiann" / language).mkdir(parents=True)
        for split, count in (("train", 32), ("dev", 8), ("test", 8)):
            lines = [
                "\n".join(
                    f"{word} {'B-PER' if word == 'actors' else 'O'}" for word in words
                )
                for words in (
                    f"{text} {n}".split()
                    for n in range(count // 4)
                    for text in SENTENCES[:4]
                )
            ]
            path = folder / "wikiann" / language / f"{split}.tsv.gz"
            path.write_bytes(gzip.compress("\n\n".join(lines).encode()))
    words = sorted({word for text in REVIEWS for word in re.findall(r"\w+|,", text)})
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    encoder = folder / "encoder"
    encoder.mkdir()
    keras_nlp.models.BertBackbone(
        vocabulary_size=len(tokens),
        num_layers=1,
        num_heads=1,
        hidden_dim=8,
        intermediate_dim=16,
        max_sequence_length=16,
    ).save_to_preset(str(encoder))
    (encoder / "vocab.txt").write_text("".join(f"{token}\n" for token in tokens))
    return folder


def files_and_bindings(
    recipe: str, sources: pathlib.Path, folder: pathlib.Path
) -> tuple[list[str], list[str]]:
    known = macros(f"recipes/{recipe}.gin")
    small = folder / "small.gin"
    # A macro that nothing uses is refused.
    set_here = re.compile("([A-Z][A-Z0-9_]*) =")
    lines = [
        line
        for line in SMALL.splitlines()
        if not (macro := set_here.match(line)) or macro[1] in known
    ]
    small.write_text("\n".join(lines))
    files = [recipe, str(small)]
    bindings = []
    if "ENCODER_FOLDER" in known:
        files.append("tasks/glue/files/all.gin")
        bindings += [
            f"ENCODER_FOLDER = '{sources}/encoder'",
            f"GLUE_FOLDER = '{sources}/glue'",
            "STUDENT = None",
        ]
        if recipe == "glue":
            bindings.append("pd.GlueSubmission.official_counts = False")
    elif "TASK_NAME" in known:
        files.append("tasks/imdb_files.gin")
        bindings += [
            f"TEACHER_FOLDER = '{sources}/encoder'",
            f"IMDB_TRAIN = '{sources}/train.tsv'",
            f"IMDB_TEST = '{sources}/test.tsv'",
            f"IMDB_UNLABELED = '{sources}/reviews.txt'",
        ]
    elif "TEACHER_FOLDER" in known:
        files.append("tasks/sst2_files.gin")
        bindings += [
            f"TEACHER_FOLDER = '{sources}/encoder'",
            f"CORPUS_FILES = '{sources}/corpus.txt'",
            f"TRANSFER_FILES = '{sources}/reviews.txt'",
            f"SST2_TRAIN = '{sources}/train.tsv'",
            f"SST2_DEV = '{sources}/dev.tsv'",
            f"SST2_TEST = '{sources}/test.tsv'",
        ]
        if "TASKS" in known:
            files.append("tasks/glue/files/all.gin")
            bindings.append(f"GLUE_FOLDER = '{sources}/glue'")
    else:
        bindings += ["TEACHER = @small/pd.Bert()"]
    if "LABELED" in known and "TEACHER_FOLDER" not in known:
        bindings += [
            "pd.Docstrings.packages = ('absl', 'rich')",
            "pd.Docstrings.limit = 12",
            "pd.TrainVocabulary.size = 200",
        ]
    if "OTHER_TEXT" in known:
        bindings.append(f"OTHER_TEXT = '{sources}/corpus.txt'")
    if "VOCABULARY_FILE" in known:
        bindings.append(f"VOCABULARY_FILE = '{sources}/encoder/vocab.txt'")
    if "DEEP" in known:
        bindings.append("DEEP = @deep/pd.Bert()")
    if "EMBEDDINGS" in known:  # only a BiLSTM keeps a part of the vocabulary
        bindings += [
            "STUDENT = @bilstm_50_200/pd.BiLstm()",
            "bilstm_50_200/pd.BiLstm.embedding_dim = 4",
            "bilstm_50_200/pd.BiLstm.units = 3",
        ]
    if "WIKIANN" in known:
        bindings.append(f"WIKIANN = '{sources}/wikiann'")
    if methods := FEWER_METHODS.get(recipe):
        evaluations = "".join(f"@{name}/pd.Evaluate," for name in methods)
        bindings.append(f"METHODS = ({evaluations})")
    for macro in ("SENTIMENT_FILES", "AMAZON_FILES", "NEWS_FILES"):
        if macro in known:
            bindings.append(f"{macro} = '{sources}/train.tsv'")
    for macro, value in SMALL_MACROS.items():
        axis = macro[:12] == "LABELED_PER_" and "LABELED_COUNTS" in known
        if macro in known and not axis:
            bindings.append(f"{macro} = {value}")
    return files, bindings


@pytest.mark.parametrize("name", FILES)
def test_file_parses_by_itself(name: str) -> None:
    """Names of modules and classes, and syntax; macros may be left to others."""
    gin.clear_config()
    gin.add_config_file_search_path(str(FOLDER))
    gin.parse_config_file(str(FOLDER / name))
    assert re.match(r"# \w", (FOLDER / name).read_text()), "a comment comes first"


@pytest.mark.parametrize("name", [name for name in FILES if name[:9] == "searches/"])
@pytest.mark.parametrize("recipe", ["basic", "pf", "pd_f"])
def test_search_suits_a_recipe(
    name: str, recipe: str, sources: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    files, bindings = files_and_bindings(recipe, sources, tmp_path)
    files.append(name)
    loaded, stages, _ = config.load(files, bindings)
    search = config.value(Search)
    search.check(loaded, config.used_macros(), bindings)
    assert [stage.name for stage in search.scored(stages)] == [recipe]
    if "bert_grid" in name:
        assert search.points.count == 20
    for point in map(search.points.point, map(search.points.params, (0, 1))):
        _, at_point, _ = config.load(files, [*bindings, *config.as_bindings(point)])
        (scored,) = search.scored(at_point)
        assert scored.model.batch_size == point["FINETUNE_BATCH_SIZE"]
        rate = scored.model.optimizer.learning_rate
        assert rate == point["FINETUNE_LEARNING_RATE"]


def test_there_are_recipes() -> None:
    methods = {"basic", "d", "pf", "pd", "pd_f", "pd_embeddings", "pd_truncated", "tf"}
    assert methods | {"quickstart", "sweep", "glue", "glue_dev"} <= set(RECIPES)
    analyses = {name[6:] for name in RECIPES if name.startswith("paper/")}
    assert len(analyses) == 8
    assert {f"two_cores/{name}" for name in analyses} <= set(RECIPES)


# The analyses at the paper's scale differ from those at that of two cores in data and
# numbers, which are small here for both.
@pytest.mark.parametrize("recipe", [name for name in RECIPES if name[:6] != "paper/"])
def test_recipe_runs(
    recipe: str,
    sources: pathlib.Path,
    run_folder: pathlib.Path,
    tmp_path: pathlib.Path,
) -> None:
    files, bindings = files_and_bindings(recipe, sources, tmp_path)
    loaded, stages, runtime = config.load(files, bindings)
    assert loaded.name == recipe
    for stage in stages:
        stage.check()
    workdir = Workdir(run_folder, runtime)
    workdir.claim("all recipes")
    runner = Runner(
        stages,
        workdir,
        runtime=runtime,
        operative=config.operative(),
        axis_values=loaded.axis_values,
    )
    rows = runner.run(runtime.start())
    assert {row["stage"] for row in rows} == {f"{s.kind}-{s.name}" for s in stages}
    measured = [row for row in rows if row["metrics"]]
    assert [row for row in rows if row["kind"] in ("evaluate", "compression")]
    for figure in loaded.figures:
        groups = group_results(measured, over_tasks=figure.meta_score)
        data = figure_data(figure, groups)
        assert [point for point in data if point.source == RUN], figure.name
    if recipe in METHODS:  # whose report is a part of that of `methods`
        return
    # As pd-bert-run leaves them for pd-bert-report.
    workdir.write_text("figures.json", json.dumps(to_json(loaded.figures)))
    report = Report(evidence=gather([run_folder]), title=recipe, command="")
    page = report.write(tmp_path / "report").read_text()
    for figure in loaded.figures:
        assert f">{figure.title}</title>" in page
        if figure.meta_score:
            tasks = sorted({row["task"] for row in measured})
            assert f" Tasks: {', '.join(tasks)}." in page
        table = tmp_path / "report" / f"figure-{figure.name}.csv"
        assert f",{RUN}\n" in table.read_text()


@pytest.mark.parametrize("recipe", [name for name in RECIPES if name[:6] == "paper/"])
def test_paper_recipe_is_whole(
    recipe: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is; only what TFDS would download to tell its contents is left out."""
    monkeypatch.setattr(Tfds, "fingerprint", lambda self: digest(repr(self)))
    (tmp_path / "bert").mkdir()
    bindings = [f"TEACHER_FOLDER = '{tmp_path}/bert'"]
    loaded, stages, _ = config.load([recipe], bindings)
    assert loaded.name == recipe
    for figure in loaded.figures:
        figure.check()
    assert loaded.figures
    evaluations = [stage for stage in stages if stage.kind == "evaluate"]
    methods = {stage.method for stage in evaluations}
    for figure in loaded.figures:
        assert set(figure.methods) <= methods | {"teacher"}
