"""What a model says of a clip, second by second: a video, accelerometer readings, or both of the same time."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from har_ros.core.body import why_no_body
from har_ros.core.decision import UNKNOWN, AlarmMonitor, AlarmState
from har_ros.core.errors import HarError
from har_ros.core.fusion_settings import FusionSettings
from har_ros.core.labels import Activity
from har_ros.core.model_card import CAMERA, IMU
from har_ros.core.mount import rotation_matrix
from har_ros.evaluation.metrics import score, wilson
from har_ros.inference.model import HarModel
from har_ros.inference.motion_gate import make_gate
from har_ros.inference.recogniser import Recognition, StreamingRecogniser

_SETTLING_S = 1  # a verdict is on the second before it
_BEGIN_NS = 1_700_000_000_000_000_000


@dataclass(frozen=True)
class Clip:
    """A clip by its name: a video, readings (N, 3) m/s^2 at their times (N,) s, or both from the same moment on."""

    name: str
    video: Path | None = None
    times_s: NDArray[np.float64] | None = None
    accel_mps2: NDArray[np.float64] | None = None

    @property
    def modalities(self) -> tuple[str, ...]:
        """What there is of it."""
        there = ((CAMERA, self.video is not None), (IMU, self.times_s is not None))
        return tuple(name for name, has in there if has)


class UnusableClipError(HarError):
    """A clip can't be judged, through no fault of the model's."""


class Stretch(NamedTuple):
    """What a person does in a part of a clip."""

    clip: str
    start_s: float
    end_s: float
    label: Activity

    def overlaps(self, other: Stretch) -> bool:
        """Return whether some moment is in both."""
        return self.clip == other.clip and self.start_s < other.end_s and other.start_s < self.end_s


@dataclass(frozen=True)
class Second:
    """What was said in one second: the label most often, the mean confidence, and whether there was an alarm."""

    label: str
    confidence: float
    alarm: bool


def watch(model: HarModel, settings: FusionSettings, clip: Clip) -> tuple[dict[int, Second], dict[str, Any]]:
    """Return what was said in each second of a clip, and its figures, ready for JSON.

    Raises UnusableClipError for a video that can't be read, for a clip that lacks what the model needs, and for one too
    short; HarError where the model fails on it.
    """
    model = model.with_card(settings.overlay(model.card))
    missing = [each for each in model.card.modalities if each not in clip.modalities]
    if model.card.case(clip.modalities) is None:
        raise UnusableClipError(
            f"model '{model.card.name}' needs {' and '.join(missing)}, which clip '{clip.name}' lacks; put a video and "
            "a CSV of the same name side by side, or give a model that goes without, such as one of profile edge"
        )
    recogniser = StreamingRecogniser(
        model, AlarmMonitor(settings.alarm_policy(model.card)), make_gate(settings.motion_gate_levels)
    )
    heard: dict[int, list[Recognition]] = defaultdict(list)
    count = 0
    for at_s, recognition in _recognise(recogniser, clip, rotation_matrix(settings.mount_rotation)):
        heard[int(at_s)].append(recognition)
        count += 1
    if not count:
        raise UnusableClipError(f"clip '{clip.name}' {_why_silent(clip)}")
    seconds = {second: _summed(said) for second, said in sorted(heard.items())}
    rests_on = Counter("+".join(each.modalities) for said in heard.values() for each in said)
    return seconds, {
        "windows": count,
        "seconds": len(seconds),
        "rests_on": dict(rests_on),
        "verdicts": dict(Counter(said.label for said in seconds.values()).most_common()),
        "unknown_share": _share(said.label == UNKNOWN for said in seconds.values()),
        "alarm_share": _share(said.alarm for said in seconds.values()),
        "mean_confidence": round(float(np.mean([said.confidence for said in seconds.values()])), 4),
        "timeline": [[second, said.label, round(said.confidence, 4), said.alarm] for second, said in seconds.items()],
    }


def score_clips(
    said: dict[str, dict[int, Second]], stretches: Sequence[Stretch], labels: Sequence[str]
) -> dict[str, Any]:
    """Return the figures of the labelled seconds of clips, ready for JSON; a second counts if its window is in one.

    Seconds of OTHER are not scored but counted, with how many were answered `unknown` and how many had an alarm.
    Raises HarError where no second can be scored or counted.
    """
    of_each = [
        (stretch, second)
        for stretch in stretches
        for at_s, second in said[stretch.clip].items()
        if stretch.start_s + _SETTLING_S <= at_s and at_s + 1 <= stretch.end_s
    ]
    if not of_each:
        raise HarError("the labels leave no second to score; each stretch must last more than 2 s within its clip")
    known = [(stretch, second) for stretch, second in of_each if stretch.label is not Activity.OTHER]
    others = [second for stretch, second in of_each if stretch.label is Activity.OTHER]
    figures: dict[str, Any] = {"n": len(known)}
    if known:
        truth, given = [stretch.label.value for stretch, _ in known], [second.label for _, second in known]
        clips = [stretch.clip for stretch, _ in known]
        figures, intervals = score(truth, given, [*labels, UNKNOWN], None, clips, "clips")
        figures["accuracy_is"] = intervals["accuracy_ci"]
        rights = np.equal(truth, given)
        figures["each_clip"] = {
            name: _counted(rights[np.array(clips) == name]) for name in dict.fromkeys(clips)
        }
    unknown = [second.label == UNKNOWN for second in others]
    return {**figures, "others": {"unknown": _counted(unknown), "alarm": _counted([each.alarm for each in others])}}


def _recognise(
    recogniser: StreamingRecogniser, clip: Clip, rotation: NDArray[np.float32]
) -> Iterator[tuple[float, Recognition]]:
    """Yield each verdict and its time; readings go in before the frame of the same time."""
    inputs = [_readings(clip, rotation), _frames(clip)]
    for at_s, kind, value in heapq.merge(*inputs, key=lambda entry: entry[:2]):
        stamp_ns = _BEGIN_NS + round(at_s * 1e9)
        add = recogniser.add_frame if kind else recogniser.add_imu
        try:
            recognition = add(stamp_ns, value)
        except HarError as error:
            raise HarError(f"clip '{clip.name}' at {at_s:.1f} s: {error}") from None
        if recognition is not None:
            yield at_s, recognition


def _why_silent(clip: Clip) -> str:
    """Return why there is no verdict on a clip, and what to do."""
    sizes_mps2 = [] if clip.accel_mps2 is None else np.linalg.norm(clip.accel_mps2, axis=1)
    why = why_no_body(float(np.median(sizes_mps2))) if len(sizes_mps2) else ""
    if why:
        return f"gives no verdict: its {why}; say what they are with --units, or mend the sensor"
    return "never fills the window of one second; give a longer one"


def _readings(clip: Clip, rotation: NDArray[np.float32]) -> Iterator[tuple[float, int, NDArray[Any]]]:
    if clip.times_s is not None and clip.accel_mps2 is not None:
        for at_s, accel in zip(clip.times_s.tolist(), clip.accel_mps2):
            yield at_s, 0, (rotation @ accel).astype(np.float32)


def _frames(clip: Clip) -> Iterator[tuple[float, int, NDArray[Any]]]:
    """Yield a video's pictures at the times that it gives them, or by its rate where it gives none. Raises HarError."""
    if clip.video is None:
        return
    capture = cv2.VideoCapture(str(clip.video), cv2.CAP_FFMPEG)
    fps, last_s = capture.get(cv2.CAP_PROP_FPS), -1.0
    try:
        while True:
            got, picture = capture.read()
            if not got:
                break
            told_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            last_s = told_s if told_s > last_s else last_s + 1 / max(fps, 1.0)
            yield last_s, 1, picture
    finally:
        capture.release()
    if last_s < 0:
        raise UnusableClipError(f"'{clip.video}' can't be read as a video; give one that plays, such as an .mp4")


def _summed(said: Sequence[Recognition]) -> Second:
    return Second(
        Counter(each.activity.label for each in said).most_common(1)[0][0],
        float(np.mean([each.activity.confidence for each in said])),
        any(each.anomaly.state is AlarmState.ALARM for each in said),
    )


def _share(hits: Iterator[bool]) -> float:
    return round(float(np.mean(list(hits))), 4)


def _counted(hits: Sequence[bool] | NDArray[np.bool_]) -> dict[str, Any]:
    count = int(np.sum(hits))
    return {"seconds": len(hits), "count": count, "share_ci": wilson(count, len(hits))}
