"""The README.md of a model that is published: a model card (Mitchell et al. 2019)."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pd_bert.formats.base import LoadedModel
from pd_bert.formats.bert_tensors import known_heads
from pd_bert.models.bert import Bert

Info = Mapping[str, Any]


def model_card(checkpoint: LoadedModel) -> str:
    """Returns YAML front matter and text, made from the checkpoint's `info`."""
    info = checkpoint.info
    lines = ["---", *_front_matter(checkpoint), "---", "", f"# {_title(info)}", ""]
    lines += [_sentence(checkpoint), "", "## Model", "", *_model(checkpoint)]
    if training := list(_training(info)):
        lines += ["", "## Training", "", *training]
    if info.get("metrics"):
        lines += ["", "## Results", "", *_results(info["metrics"])]
    return "\n".join(lines) + "\n"


def _front_matter(checkpoint: LoadedModel) -> Iterator[str]:
    # JSON is valid YAML, and Python can quote it without another library.
    info, heads = checkpoint.info, known_heads(checkpoint.model.head_values)
    pipeline = "feature-extraction"
    if "label" in heads:
        pipeline = "text-classification"
    elif "masked_lm" in heads:
        pipeline = "fill-mask"
    yield "library_name: transformers"
    yield f"pipeline_tag: {pipeline}"
    yield f"tags: {json.dumps(['bert', 'pd_bert'])}"
    if not info.get("metrics") or "task" not in info:
        return
    task = info["task"]["name"]
    results = [
        {
            "task": {"type": pipeline},
            "dataset": {"name": task, "type": task, "split": split},
            "metrics": [{"type": name, "value": value} for name, value in row.items()],
        }
        for split, row in info["metrics"].items()
    ]
    index = [{"name": _title(info), "results": results}]
    yield f"model-index: {json.dumps(index)}"


def _title(info: Info) -> str:
    return "-".join(info[key] for key in ("kind", "name") if info.get(key))


def _sentence(checkpoint: LoadedModel) -> str:
    info, heads = checkpoint.info, known_heads(checkpoint.model.head_values)
    # Only the settings of a training have a seed.
    trained = "seed" in info.get("settings", {})
    by = "trained by pd_bert" if trained else "converted by pd_bert"
    if "label" in heads:
        takes = "pairs of texts" if len(info.get("inputs", ())) > 1 else "single texts"
        labels = info.get("labels", ())
        if len(labels) == 1:
            return f"A BERT regression on {takes}, {by}."
        names = ", ".join(map(json.dumps, labels))
        return f"A BERT classifier of {takes} into {names}, {by}."
    if "masked_lm" in heads:
        return f"A BERT masked language model, {by}."
    return f"A BERT encoder, {by}."


def _model(checkpoint: LoadedModel) -> Iterator[str]:
    model, vocabulary = checkpoint.model, checkpoint.vocabulary
    bert = model.architecture
    assert isinstance(bert, Bert)
    case = "lower-cased" if vocabulary.lowercase else "cased"
    rows = {
        "layers": bert.num_layers,
        "hidden size": bert.hidden_dim,
        "attention heads": bert.attention_heads,
        "feed-forward size": bert.feed_forward,
        "parameters": f"{model.parameters:,}",
        "vocabulary": f"{len(vocabulary):,} word pieces, {case}",
        "GELU": "exact" if bert.exact_gelu else "tanh approximation",
    }
    if "sequence_length" in checkpoint.info:
        rows["sequence length"] = checkpoint.info["sequence_length"]
    yield "| | |"
    yield "|---|---|"
    for name, value in rows.items():
        yield f"| {name} | {value} |"


def _training(info: Info) -> Iterator[str]:
    ancestors: Mapping[str, Info] = info.get("ancestors", {})
    settings = info.get("settings", {})
    if "kind" in info:
        yield f"- Method: {_method(info)}"
    if "task" in info:
        yield f"- Task: {info['task']['name']}"
    for each in ancestors.values():
        if each["kind"] == "prepare":
            yield f"- Data: {_data(each)}"
    for role, label in _roles(info, ancestors):
        yield f"- {role}: {_described(ancestors[label])}"
    for name in ("steps", "best_step"):
        if name in info:
            yield f"- {name.replace('_', ' ').capitalize()}: {info[name]}"
    for name in ("batch_size", "epochs", "seed"):
        if settings.get(name) is not None:
            yield f"- {name.replace('_', ' ').capitalize()}: {settings[name]}"
    if "versions" in info:
        shown = ", ".join(f"{n} {v}" for n, v in info["versions"].items())
        yield f"- Versions: {shown}"


def _method(info: Info) -> str:
    objectives = info.get("settings", {}).get("objectives") or ()
    names = [each["class"].rpartition(".")[2] for each in objectives]
    named = info.get("method") or _title(info)
    return f"{named}{', ' if names else ''}{' + '.join(names)}"


def _data(info: Info) -> str:
    """Returns names and numbers, but no paths, which only describe the machine."""
    parts = [_title(info)]
    if "task" in info:
        parts.append(f"task {info['task']['name']}")
    settings = info.get("settings", {})
    task = settings.get("task") or {}
    source = settings.get("source") or task.get("settings", {}).get("train")
    if source:
        parts.append(f"from {source['class'].rpartition('.')[2]}")
    for split in ("train", "dev", "test"):
        if isinstance(info.get(split), dict) and "count" in info[split]:
            parts.append(f"{split} {info[split]['count']:,} examples")
    if "count" in info:
        parts.append(f"{info['count']:,} examples")
    return ", ".join(parts)


def _roles(info: Info, ancestors: Mapping[str, Info]) -> Iterator[tuple[str, str]]:
    """Yields (role, folder name) of teachers and initial models, the nearest first.

    The teacher's own initial models are left out.
    """
    for field, role in (
        ("initial", "Initial model"),
        ("teacher", "Teacher"),
        ("teachers.0.model", "Teacher"),
    ):
        for name in _read(info, field, ancestors):
            yield role, name


def _read(info: Info, field: str, ancestors: Mapping[str, Info]) -> list[str]:
    """Returns what was read as `field` by a model, its data or its initial models."""
    found: list[str] = []
    lineage = info.get("lineage", {})
    for name, entry in lineage.items():
        label = entry["artifact"]
        if label not in ancestors:
            continue
        if name == field:
            found.append(label)
        if name in ("initial", "transfer"):
            found += _read(ancestors[label], field, ancestors)
    return list(dict.fromkeys(found))


def _described(info: Info) -> str:
    parts = [_title(info)]
    if "parameters" in info:
        parts.append(f"{info['parameters']:,} parameters")
    if "steps" in info:
        parts.append(f"{info['steps']:,} steps")
    for split, row in (info.get("metrics") or {}).items():
        parts += [f"{split} {name} {value:.4f}" for name, value in row.items()]
    return ", ".join(parts)


def _results(metrics: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    names = list(dict.fromkeys(name for row in metrics.values() for name in row))
    yield f"| split | {' | '.join(names)} |"
    yield f"|---|{'---|' * len(names)}"
    for split, row in metrics.items():
        cells = [f"{row[name]:.4f}" if name in row else "–" for name in names]
        yield f"| {split} | {' | '.join(cells)} |"
