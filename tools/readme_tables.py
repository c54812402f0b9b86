"""Write the parameter tables of README.md from the nodes themselves, between its table markers.

usage: python tools/readme_tables.py
"""

import importlib
from pathlib import Path

from har_ros.core.model_card import load_card
from har_ros.core.resources import find_model
from har_ros.graph import ARGUMENTS, NODES
from har_ros.nodes.parameters import AUTOSTART, load_defaults

README = Path(__file__).parents[1] / "README.md"


def cell(value):
    return str(value).replace("|", "\\|") or "-"


def launch_arguments():
    rows = ["| argument | default | what it does |", "|---|---|---|"]
    for argument in ARGUMENTS:
        default = f"`{argument.default}`" if argument.default else "as in `config/har.yaml`"
        rows.append(f"| `{argument.name}` | {default} | {cell(argument.help)} |")
    return rows


def node_class(node):
    module = importlib.import_module(f"har_ros.nodes.{node}")
    classes = [value for value in vars(module).values() if getattr(value, "NAME", None) == node]
    return classes[0]


def parameters():
    rows = ["All nodes have `autostart` (bool, true): " + AUTOSTART.description + "."]
    for node in NODES:
        defaults = load_defaults(node)
        rows += [
            "",
            f"**{node}**",
            "",
            "| parameter | type | default | what it does | allowed |",
            "|---|---|---|---|---|",
        ]
        for parameter in node_class(node).PARAMETERS:
            default = "set by the node" if parameter.output else f"`{defaults[parameter.name]!r}`"
            unit = f" [{parameter.unit}]" if parameter.unit else ""
            rows.append(
                f"| `{parameter.name}` | {parameter.kind.__name__} | {default} "
                f"| {cell(parameter.description)}{unit} | {cell(parameter.allowed)} |"
            )
    return rows


def share(figures):
    low, high = figures["accuracy_ci"]
    return f"{figures['accuracy']:.1%} ({low:.1%} to {high:.1%})"


STEPS = {"dense": "before pruning", "sparse": "pruned and fine-tuned"}


def step_row(row):
    size = f"{row['bytes'] / 1e6:.1f} / {row['bytes_zstd'] / 1e6:.1f} MB"
    return f"| {STEPS[row['step']]} | {share(row['test'])} | {size} |"


def recalls(card):
    rows = ["| of each activity's captures | told right | mostly mistaken for |", "|---|---|---|"]
    for label, counts in zip(card.labels, card.metrics["test"]["confusion"]):
        own = card.labels.index(label)
        wrong = {other: count for other, count in zip(card.labels, counts) if other != label and count}
        worst = max(wrong, key=wrong.get, default=None)
        mistaken = f"{worst} ({wrong[worst] / sum(counts):.0%})" if worst else "-"
        rows.append(f"| {label} | {counts[own] / sum(counts):.0%} | {mistaken} |")
    return rows


def simulation(dataset):
    of = dataset["har_simulate"]
    counts = f"--per-class {of['per_class']} --subjects {of['subjects']} --seed {of['seed']} --mount {of['mount']}"
    return f"har simulate --out {dataset['name']} {counts}"


def model():
    card = load_card(find_model("paper"))
    metrics, training = card.metrics, card.training
    rows = [
        "### The shipped model, `models/paper`",
        "",
        "The paper's section III, trained on **simulated** people: "
        f"{training['captures']['train']} captures of {training['subjects']['train']} of them. Tested on "
        f"{metrics['test']['n']} simulated captures of {training['subjects']['test']} others "
        f"({metrics['test']['n'] // len(card.labels)} a class); 95 % intervals (Wilson's, widened because captures of "
        "one person resemble each other). "
        "Nothing here is a claim about real people.",
        "",
        "| | accuracy, unseen simulated people | size raw / compressed |",
        "|---|---|---|",
    ]
    pruning, (dense, sparse) = metrics["pruning"], metrics["compression"]
    saved = 1 - sparse["bytes_zstd"] / dense["bytes_zstd"]
    return [
        *rows,
        *(step_row(row) for row in (dense, sparse)),
        "",
        *recalls(card),
        "",
        f"Pruning sets at least {pruning['zeros_least']:.2%} and at most {pruning['zeros_most']:.2%} of the weights of "
        f"each eligible layer to zero ({pruning['eligible']}). It makes the compressed files (zstd) {saved:.0%} "
        "smaller and the network no faster. Made by",
        "",
        *(f"    {simulation(training[which])}" for which in ("dataset", "test_set")),
        f"    {training['command']}",
        "",
        "All figures stand in `models/paper/model.yaml`.",
    ]


def fill(text, name, rows):
    begin, end = f"<!-- {name}: made by tools/readme_tables.py -->", f"<!-- end of {name} -->"
    before, rest = text.split(begin)
    after = rest.split(end)[1]
    return before + begin + "\n" + "\n".join(rows) + "\n" + end + after


def filled(text):
    """Return the README's text with its tables made anew."""
    for name, table in (("launch arguments", launch_arguments), ("model", model), ("parameters", parameters)):
        text = fill(text, name, table())
    return text


if __name__ == "__main__":
    README.write_text(filled(README.read_text()))
