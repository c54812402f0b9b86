"""Prints what a dataset's scores say besides the figures: of people, of strange captures, of acts."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table


def print_details(console: Console, detail: dict[str, Any]) -> None:
    """Print the people, what was not scored, how well the strange is known, and the acts."""
    told = detail["published"]
    low, high = told["accuracy_ci"]
    console.print(
        f"{told['unknown']} of them are answered `unknown`; as published, where that is none of the right answers: "
        f"accuracy {100 * told['accuracy']:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
    )
    if detail["by_subject"]:
        console.print(subjects_in_words(detail["by_subject"]))
    if detail["others"]["captures"]:
        answers = ", ".join(f"{count} {label}" for label, count in detail["others"]["answers"].items())
        console.print(
            f"not scored: {detail['others']['captures']} captures of none of the model's activities; "
            f"the answers: {answers}"
        )
    if detail["rejection"]:
        _print_rejection(console, detail["rejection"])
    if detail["abnormality"]:
        words = "`reconstruction` tells {anomalies} anomalies from {normal} normal captures: AUROC {auroc:.3f}"
        console.print(f"{words.format(**detail['abnormality'])} {_interval(detail['abnormality'])}")
    if detail["acts"]:
        _print_acts(console, detail["acts"])
    for folder, reason in detail["left_out"].items():
        console.print(f"left out {folder}: {reason}", style="yellow", markup=False)


def subjects_in_words(people: dict[str, Any]) -> str:
    """Return the worst subject and the spread in a sentence."""
    worst, count = people["worst"], len(people["each"])
    low, high = worst["accuracy_ci"]
    spread = f", standard deviation {100 * people['std']:.1f} points" if people["std"] is not None else ""
    return (
        f"{count} subjects: mean {100 * people['mean']:.1f} %{spread}; worst {worst['subject']} "
        f"{100 * worst['accuracy']:.1f} % ({100 * low:.0f} to {100 * high:.0f}) of {worst['captures']} captures"
    )


def _print_rejection(console: Console, rejection: dict[str, Any]) -> None:
    table = Table("score", title=f"{rejection['strange']} strange captures against {rejection['known']} known ones")
    for heading in ("AUROC", "strange that pass where 95 % of the known do, %"):
        table.add_column(heading, justify="right")
    for name, figures in rejection["scores"].items():
        table.add_row(name, f"{figures['auroc']:.3f} {_interval(figures)}", f"{100 * figures['fpr_at_95_tpr']:.1f}")
    console.print(table)
    for kind, counted in rejection["unknown"].items():
        low, high = counted["share_ci"]
        console.print(
            f"answered `unknown`: {counted['captures']} of {rejection[kind]} {kind} captures, "
            f"{100 * counted['share']:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
        )


def _interval(figures: dict[str, Any]) -> str:
    return "({:.2f} to {:.2f})".format(*figures["auroc_ci"]) if figures["auroc_ci"] else ""


def _print_acts(console: Console, acts: dict[str, Any]) -> None:
    table = Table("act", "truth", title="acts")
    for heading in ("n", "windows of an alarm, %"):
        table.add_column(heading, justify="right")
    table.add_column("answers")
    for act, figures in acts.items():
        low, high = figures["alarm_ci"]
        share = f"{100 * figures['alarm'] / figures['captures']:.1f} ({100 * low:.0f} to {100 * high:.0f})"
        answers = ", ".join(f"{count} {label}" for label, count in figures["answers"].items())
        table.add_row(act, ", ".join(figures["truth"]), str(figures["captures"]), share, answers)
    console.print(table)
