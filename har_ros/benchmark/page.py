"""A benchmark's figures as one page of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_INTRODUCTION = """# Benchmarks

Written by `{command}`; run it on your own machine, since figures of two machines say nothing about each other.
Ratios are within this one run, whose cases took turns. Medians are less what the calling thread waited for a
processor that other programs used; where that was a large share ("waited"), the machine was too busy for good
figures, and those with two threads mean nothing. "Least" is the whole time of the fastest call.
"""
_MODEL = """
A step takes one 640 x 480 picture and its accelerometer samples to a verdict. "Naive" runs the whole 30-frame
network on the newest window at each step; it resizes each picture only once, too. The same 30 frames in 30 calls
(`naive_frame_by_frame`) are the batch's equal on a GPU and faster than it on this kind of processor.
"""
_STRIDE = """
How much faster streaming is where the naive way gives a verdict only every so many frames (computed from the times
above: streaming still takes in every frame, and gives a verdict at each):
"""
_STEP = """
Where the processor time of one step goes, in median microseconds, one step right after the other and at a camera's
pace, 30 a second with sleep in between, as in the fusion node: by then the processor's caches hold other things, and
everything takes longer, which is what the graph's figures are made of.
"""


def make_page(figures: Mapping[str, Any], command: str) -> str:
    """Return the page of whatever parts `figures` holds."""
    machine = _table(("", ""), figures["environment"].items())
    parts = [_INTRODUCTION.format(command=command), "## Machine\n", machine]
    for name, write in _PARTS.items():
        if figures.get(name):
            parts += write(figures)
    return "\n".join(parts) + "\n"


def _model(figures: Mapping[str, Any]) -> list[str]:
    model = figures["model"]
    naive_ms = model["ms"]["naive"]
    rows = [
        (
            name,
            median_ms,
            model["least_ms"][name],
            naive_ms / median_ms,
            model["least_ms"]["naive"] / model["least_ms"][name],
            model["calls"][name],
            f"{model['waited'][name]:.0%}",
        )
        for name, median_ms in model["ms"].items()
    ]
    names = [name for name, ratio in model["ratio"].items() if ratio is not None]
    strides = [(stride, *(ratios[name] for name in names)) for stride, ratios in model["stride"].items()]
    costs = {**model["verdicts"], **{f"{name}, motion gate": gate for name, gate in model["gate"].items()}}
    keys = tuple(dict.fromkeys(key for cost in costs.values() for key in cost))
    steps = {
        f"{name}, {pace.replace('_', ' ')}": parts_us
        for name, paces in model["step_us"].items()
        for pace, parts_us in paces.items()
    }
    parts = next(iter(steps.values()))
    return [
        "\n## Model",
        _MODEL,
        _table(("", "median ms", "least ms", "x naive", "x naive, least", "calls", "waited"), rows),
        f"\nStreaming and naive differ by {model['max_abs_diff']:.1e} at the most (fp32, probabilities).",
        _STRIDE,
        _table(("frames for each naive verdict", *names), strides),
        "\nWhat int8, pruning and the motion gate (off by default) change in the verdicts on captures:\n",
        _table(("", *keys), [(name, *(cost.get(key, "") for key in keys)) for name, cost in costs.items()]),
        _STEP,
        _table(("", *steps), [(part, *(each[part] for each in steps.values())) for part in parts]),
    ]


def _peak(figures: Mapping[str, Any]) -> list[str]:
    peak = figures["peak"]
    rows = [(name, gops, peak[f"{name}_fraction"]) for name, gops in peak["gops"].items()]
    millions = ", ".join(f"{name} {work / 1e6:.1f} million" for name, work in peak["multiply_adds"].items())
    return [
        "\n## Against the processor's peak\n",
        f"Measured on one core: {peak['how']}. Multiply-adds a frame: {millions}.\n",
        _table(("", "peak, 10^9 operations/s", "the encoder's fraction"), rows),
    ]


def _inputs(figures: Mapping[str, Any]) -> list[str]:
    rows = [(name, ms * 1000) for part in figures["inputs"].values() for name, ms in part.items()]
    return ["\n## Before the model\n", _table(("", "median microseconds"), rows)]


def _peers(figures: Mapping[str, Any]) -> list[str]:
    peers = figures["peers"]
    rows = [(name, ms, peers["least_ms"][name]) for name, ms in peers["ms"].items()]
    versions = ", ".join(f"{name} {text}" for name, text in peers["versions"].items())
    missing = "".join(f"\n{sentence}." for sentence in peers["missing"])
    return [
        "\n## Other runtimes, same files, one thread, encoder alone\n",
        _table(("", "median ms", "least ms"), rows),
        f"\n{versions}.{missing}",
    ]


def _graph(figures: Mapping[str, Any]) -> list[str]:
    graph = figures["graph"]
    latency = graph["latency_ms"]
    memory = [graph["rss_mb"], graph["rss_growth_mb"]]
    rows = [(name, share, *(each.get(name, "") for each in memory)) for name, share in graph["cpu_percent"].items()]
    of_models = graph["latency_ms_of_models"].items()
    models = [(name, *(each[key] for key in (*_SHARES, "verdicts"))) for name, each in of_models]
    tenths = ", ".join(map(_text, graph["rss_mb_each_tenth"]["fusion"]))
    ways = [_way(name, run) for name, run in (("a process each", graph), ("one process", graph["composed"]))]
    left_out = ", ".join(f"{name} {number}" for name, number in graph["frames_reported"].items())
    return [
        "\n## ROS graph\n",
        f"Camera node at 640 x 480, 30 Hz; accelerometer at 100 Hz through the bridge; model {graph['model']};",
        f"{graph['seconds']:.0f} s.",
        f"From a picture's stamp to the arrival of its verdict ({latency['verdicts']} of them):",
        ", ".join(f"{share} {_text(latency[share])} ms" for share in _SHARES) + ".\n",
        _table(("model", "p50 ms", "p95 ms", "p99 ms", "verdicts"), models),
        "",
        f"First verdict: {graph['first_verdict_s']:.1f} s after the start, of which the window takes one.",
        f"Pictures published: {graph['frames']}; judged: {graph['frames_judged']};",
        f"counted by the fusion node as left out: {left_out}; lost without a word: {graph['frames_lost']}.\n",
        _table(("process", "% of one core", "resident MB", "MB more than after a tenth of the time"), rows),
        f"\nThe fusion node's resident MB after each tenth of the time: {tenths}.",
        "Where other programs take the processor, pictures wait, and it grows by the size of those that wait at once.",
        "\nWhere the fusion node's share goes, by its threads: the main one takes and pairs the messages, the worker",
        "(the busiest of the others) recognises and publishes, DDS is the middleware's own.\n",
        _table(("thread", "% of one core"), graph["threads_percent"].items()),
        "\nThe same with all three nodes in one process (`compose:=true`), which spares pictures and samples the",
        "middleware:\n",
        _table(("nodes have", "seconds", "% of one core", "p50 ms", "p95 ms", "p99 ms", "resident MB", "lost"), ways),
    ]


def _way(name: str, run: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the row of one way to run the nodes."""
    latencies = (run["latency_ms"][share] for share in _SHARES)
    used = run["cpu_percent"]["all nodes"], *latencies, run["rss_mb"]["all nodes"]
    return (name, round(run["seconds"]), *used, run["frames_lost"])


def _cameras(figures: Mapping[str, Any]) -> list[str]:
    rows = [tuple(run[key] for key in _CAMERA_KEYS) for run in figures["cameras"]]
    return [
        "\n## Several cameras\n",
        f"As many people at 15 pictures a second, all nodes in one process, model {figures['cameras_model']}.",
        "Where there is too much to do, pictures are left out, of all people as many; none queue up.\n",
        _table(_CAMERA_HEAD, rows),
    ]


_CAMERA_HEAD = ("cameras", "p50 ms", "p99 ms", "verdicts/s", "slowest's", "% of one core", "resident MB", "all after s")
_CAMERA_KEYS = ("n", "p50", "p99", "rate", "least_rate", "cpu_percent", "rss_mb", "first_verdicts_s")
_SHARES = ("p50", "p95", "p99")
_PARTS = {"model": _model, "peak": _peak, "inputs": _inputs, "peers": _peers, "graph": _graph, "cameras": _cameras}


def _table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    head = tuple(head)
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(map(_text, line)) + " |" for line in lines)


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if not isinstance(value, float):
        return str(value)
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
