"""Section: the texts on which student and teacher disagree most."""

from pd_bert.analysis.agreement import Disagreement, largest_disagreements
from pd_bert.analysis.choose import choose
from pd_bert.analysis.evidence import Evidence
from pd_bert.analysis.predictions import Predictions
from pd_bert.analysis.runs import folder
from pd_bert.analysis.texts import split_texts
from pd_bert.artifact import made_of
from pd_bert.report.content import Block, Cell, Csv, Paragraph, Section, Table
from pd_bert.runs.result_group import ResultGroup

_HEADER = (
    *("task", "split", "student", "row", "text", "gold", "divergence"),
    *("student_says", "teacher_says"),
)


def disagreements(evidence: Evidence) -> Section:
    """Returns the texts for each task's student that is best on dev."""
    blocks: list[Block] = []
    rows: list[tuple[Cell, ...]] = []
    for choice in choose(
        evidence.groups,
        max_latency_ms=evidence.max_latency_ms,
        max_size_mb=evidence.max_size_mb,
        compare=lambda ours, theirs, split: None,
    ):
        student = choice.best
        teacher = evidence.teacher(student) if student else None
        if not student or not teacher:
            continue
        split = evidence.split_of(choice.task)
        sides = evidence.predictions(student), evidence.predictions(teacher)
        if not all(sides) or not sides[0][0].alike(sides[1][0]):
            continue
        found = largest_disagreements(*sides)
        task_data = made_of(folder(student.rows[0])).get("task_data")
        ids = [each.example_id for each in found]
        texts = split_texts(task_data, split, ids) if task_data else {}
        blocks.append(_table(student, teacher, split, found, texts, sides[0][0]))
        rows += [
            (
                choice.task,
                split,
                student.title,
                each.example_id,
                texts.get(each.example_id),
                _gold(each, sides[0][0]),
                each.divergence,
                _probabilities(each.student, sides[0][0]),
                _probabilities(each.teacher, sides[0][0]),
            )
            for each in found
        ]
    if not blocks:
        blocks = [
            Paragraph(
                text="There are no stored predictions of a student and its teacher on "
                "the same examples."
            )
        ]
    return Section(
        name="disagreements",
        title="Where student and teacher disagree",
        blocks=tuple(blocks),
        files=(Csv(name="disagreements", header=_HEADER, rows=tuple(rows)),),
    )


def _table(
    student: ResultGroup,
    teacher: ResultGroup,
    split: str,
    found: tuple[Disagreement, ...],
    texts: dict[int, str],
    labels: Predictions,
) -> Table:
    measure = (
        "the absolute difference of the scores"
        if labels.is_regression
        else "the Jensen-Shannon divergence of their probabilities, in bits (0 to 1)"
    )
    return Table(
        caption=f"{student.task}, {split}: the {len(found)} texts on which "
        f"{student.title} and {teacher.title} differ most, by {measure}; outputs are "
        "means over seeds. Texts are as the model reads them; ‖ stands between the two "
        "of a pair.",
        header=("text", "gold", "student says", "teacher says", "row", "divergence"),
        rows=tuple(
            (
                texts.get(each.example_id, "(the text is gone)"),
                _gold(each, labels),
                _most(each.student, labels),
                _most(each.teacher, labels),
                str(each.example_id),
                f"{each.divergence:.3f}",
            )
            for each in found
        ),
        names=4,
    )


def _gold(each: Disagreement, labels: Predictions) -> str:
    if labels.is_regression:
        return f"{each.gold:g}"
    return labels.label_names[int(each.gold)]


def _most(said: tuple[float, ...], labels: Predictions) -> str:
    """The likeliest label and its probability, or the score."""
    if labels.is_regression:
        return f"{said[0]:.2f}"
    best = max(range(len(said)), key=said.__getitem__)
    return f"{labels.label_names[best]} {100 * said[best]:.0f} %"


def _probabilities(said: tuple[float, ...], labels: Predictions) -> str:
    if labels.is_regression:
        return f"{said[0]:.4f}"
    return " ".join(
        f"{name}={value:.4f}"
        for name, value in zip(labels.label_names, said, strict=True)
    )
