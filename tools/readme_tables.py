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


MODELS = {
    "edge": "the model to deploy: both inputs weighed against each other by gates, either may be missing, the sensor "
    "mounted any way round, 8-bit",
    "paper": "the paper's section III, the baseline",
}
STEPS = {
    "dense": "before compression",
    "adapted": "the model that it began with",
    "structured": "channels taken out, still in floats",
    "sparse": "half of the weights zero",
    "int8": "8-bit integers",
}
CASES = {"camera+imu": "both", "camera": "the camera alone", "imu": "the accelerometer alone"}


def step_row(row, epochs):
    size = f"{row['bytes'] / 1e6:.1f} / {row['bytes_zstd'] / 1e6:.1f} MB"
    step = STEPS[row["step"]] + (", fine-tuned" if row["step"] != "dense" and epochs[row["step"]] else "")
    return f"| {step} | {share(row['test'])} | {size} | {row['encoder_ms']:.1f} ms |"


def recalls(card):
    """Return how much of each activity is told right, with both inputs and with each alone."""
    found = tested(card)
    heads = [f"told right with {CASES[case]}" for case in found]
    rows = ["| of each activity's captures | " + " | ".join(heads) + " | mostly mistaken for |"]
    rows.append("|---" * (len(found) + 2) + "|")
    for own, label in enumerate(card.labels):
        shares = [f"{each['confusion'][own][own] / sum(each['confusion'][own]):.0%}" for each in found.values()]
        counts = card.metrics["test"]["confusion"][own]
        wrong = {other: count for other, count in zip(card.labels, counts) if other != label and count}
        worst = max(wrong, key=wrong.get, default=None)
        mistaken = f"{worst} ({wrong[worst] / sum(counts):.0%})" if worst else "-"
        rows.append(f"| {label} | {' | '.join(shares)} | {mistaken} |")
    return rows


def tested(card):
    """Return the test's figures in each case: with both inputs, and with one missing."""
    whole = card.metrics["test"]
    return {"+".join(card.modalities): whole, **whole.get("cases", {})}


def calibration_error(figures):
    """Return that of a set's people; "-" of a card that was written before cards told it."""
    if "ece" not in figures:
        return "-"
    low, high = figures["ece_ci"]
    return f"{figures['ece']:.3f} ({low:.3f} to {high:.3f})"


def simulation(dataset):
    of = dataset["har_simulate"]
    given = ("per_class", "negatives", "subjects", "seed", "mount")
    words = [f"--{name.replace('_', '-')} {of[name]}" for name in given if of.get(name) or name == "seed"]
    words += ["--surfaces photographs"] if of.get("surfaces") else []
    return f"har simulate --out {dataset['name']} {' '.join(words)}"


def cases(card):
    """Return what is left with an input missing; what the accelerometer can't tell is called unknown."""
    rows = [
        "| test people, with | accuracy | macro-F1 | worst person | told unknown | calibration error |",
        "|---|---|---|---|---|---|",
    ]
    found = tested(card)
    for case, figures in found.items():
        worst = figures["worst_subject"]
        rows.append(
            f"| {CASES[case]} | {share(figures)} | {figures['macro_f1']:.1%} "
            f"| {worst['accuracy']:.0%} of {worst['captures']} "
            f"| {told_unknown(card, case, figures):.0%} | {calibration_error(figures)} |"
        )
    tells = all("published" in figures for figures in found.values())
    return rows if tells else [*rows, "", "The share told unknown is of the validation's people."]


def told_unknown(card, case, figures):
    """Return the share of the test's captures; the validation's of a card that was written before cards told it."""
    if "published" in figures:
        return figures["published"]["unknown"] / figures["n"]
    return card.metrics["calibration"][case]["unknown_of_known"]


def seeds(card):
    rows = card.metrics.get("other_seeds", [])
    each = ", ".join(f"{row['test']['accuracy']:.1%}" for row in rows)
    return ["", f"Heads trained from other seeds behind the same encoder: {each} of the captures."] if rows else []


def beginning(training):
    """Return what the first of the models that led to this one had before any compression, on the same test people."""
    first = training
    while "base" in first:
        first = first["base"]
    (whole, *_) = first.get("compression", [{"step": None}])
    if whole["step"] != "dense" or "test" not in whole or first["test_set"] != training["test_set"]:
        return []
    size = f"{whole['bytes'] / 1e6:.1f} MB"
    return ["", f"What it began with had {share(whole['test'])} before any compression, in {size}."]


def making(training):
    """Return the commands that give a model, first those for the one that it began with."""
    began = making(training["base"]) if "base" in training else []
    made = [simulation(training[which]) for which in ("dataset", "test_set") if training[which]]
    return list(dict.fromkeys([*began, *made, training["command"]]))


def model(name):
    card = load_card(find_model(name))
    metrics, training = card.metrics, card.training
    rows = [
        f"### `models/{name}`",
        "",
        f"{MODELS[name][0].upper()}{MODELS[name][1:]}. Trained on {training['captures']['train']} captures of "
        f"{training['subjects']['train']} **simulated** people, tested on {metrics['test']['n']} captures of "
        f"{training['subjects']['test']} others: macro-F1 "
        f"{metrics['test']['macro_f1']:.1%}. Accuracies with 95 % intervals (Wilson's, widened because captures of one "
        "person resemble each other), bytes raw and by zstd, the encoder's time for a picture where it was trained.",
        "",
        "| | accuracy, unseen simulated people | files | encoder |",
        "|---|---|---|---|",
        *(step_row(row, training["epochs"]) for row in metrics["compression"]),
        "",
        *([*cases(card), ""] if "cases" in metrics["test"] else []),
        *recalls(card),
        *seeds(card),
        *beginning(training),
    ]
    if "pruning" in metrics:
        pruning = metrics["pruning"]
        rows += [
            "",
            f"Pruning sets at least {pruning['zeros_least']:.2%} of the weights of each eligible layer to zero "
            f"({pruning['eligible']}): smaller when packed, and no faster.",
        ]
    surfaces = any((training[which] or {}).get("har_simulate", {}).get("surfaces") for which in ("dataset", "test_set"))
    by = "Made in an empty folder by" + (" (photographs: [docs/simulation.md](docs/simulation.md))" if surfaces else "")
    return [*rows, "", by, "", *(f"    {line}" for line in making(training))]


def models():
    return [line for name in MODELS for line in (*model(name), "")][:-1]


def fill(text, name, rows):
    begin, end = f"<!-- {name}: made by tools/readme_tables.py -->", f"<!-- end of {name} -->"
    before, rest = text.split(begin)
    after = rest.split(end)[1]
    return before + begin + "\n" + "\n".join(rows) + "\n" + end + after


def filled(text):
    """Return the README's text with its tables made anew."""
    for name, table in (("launch arguments", launch_arguments), ("models", models), ("parameters", parameters)):
        text = fill(text, name, table())
    return text


if __name__ == "__main__":
    README.write_text(filled(README.read_text()))
