"""Contact sheets: what the simulator makes of each act, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from har_ros.core.errors import HarError
from har_ros.core.labels import TRUTHS
from har_ros.simulation.acts import ACTS, Act, Posture
from har_ros.simulation.drafts import RejectedError, first_good
from har_ros.simulation.motion import Step, perform
from har_ros.simulation.renderer import Renderer
from har_ros.simulation.scene import KINDS
from har_ros.simulation.skeleton import Motion
from har_ros.simulation.stage import LARGEST_AREA_M, Stage
from har_ros.simulation.streams import derive_seed, stream
from har_ros.simulation.subject import Subject
from har_ros.simulation.surfaces import Photos

Image = NDArray[np.uint8]
_WIDTH, _HEIGHT = 192, 144
_PEOPLE, _MOMENTS = 6, 7
_MOST_BYTES = 80_000
_LONGEST_S = 8.0  # shown of an act that may last longer
_DRAFTS = 12
_LABEL_ROWS = 16


def write_sheets(
    out: Path, seed: int, acts: Sequence[str] = tuple(ACTS), photos: Photos | None = None
) -> list[Path]:
    """Write a sheet for each of the acts, `out`/<act>.jpg, and return them: a row for each person, time to the right.

    photos: the user's own, as surfaces. Raises HarError when a folder or file can't be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HarError(f"'{out}' can't be made ({error.strerror}); name another folder") from None
    renderer = Renderer(_WIDTH, _HEIGHT)
    written = []
    for act in (ACTS[name] for name in acts):
        rows = [_row(renderer, act, seed, number, photos) for number in range(_PEOPLE)]
        path = out / f"{act.name}.jpg"
        try:
            path.write_bytes(_packed(np.concatenate(rows)))
        except OSError as error:
            raise HarError(f"'{path}' can't be written ({error.strerror}); free some space") from None
        written.append(path)
    return written


def _row(renderer: Renderer, act: Act, seed: int, number: int, photos: Photos | None) -> Image:
    """Return one person's act as a row of pictures, the first draft in which they are seen well, else the last."""
    subject = Subject.of(seed, f"{act.name}-{number}")
    kind = "car" if act.before is Posture.CAR else KINDS[number % (len(KINDS) - 1)]

    def draw(draft: int) -> Image:
        rng = stream(seed, "sheet", act.name, number, draft)
        motion = _shown(act, subject, rng, derive_seed(seed, "sheet motion", act.name, number, draft))
        seated = Posture.CHAIR in (act.before, act.after)
        stage = Stage.random(kind, rng, _WIDTH, _HEIGHT, LARGEST_AREA_M, seated, photos)
        stage = stage.holding(motion, 0.0, motion.duration_s)
        pace = 1.6 if act.after is Posture.FLOOR else 1.0  # to see more of the way down than of the end
        at_s = (motion.duration_s - 0.05) * np.linspace(0, 1, _MOMENTS) ** pace
        complaint = stage.complaint(subject.body, motion, at_s)
        if complaint and draft < _DRAFTS - 1:
            raise RejectedError(complaint)
        renderer.set_scene(stage.scene, subject.body, subject.dressed(rng))
        frames = [_named(stage.frame(renderer, motion, float(t_s), rng), motion, float(t_s), act) for t_s in at_s]
        return np.concatenate(frames, axis=1)

    return first_good(draw, _DRAFTS, act.name)[0]


def _shown(act: Act, subject: Subject, rng: np.random.Generator, seed: int) -> Motion:
    """Return the act alone, cut from a motion that leads to it."""
    seconds = float(np.clip(_LONGEST_S, *act.seconds)) if act.seconds[1] > 5 else float(rng.uniform(*act.seconds))
    lead = {
        Posture.FLOOR: [Step("fall_faint", 6.0)], Posture.CHAIR: [Step("sit", 1.0)],
        Posture.FOOT: [Step("stand", 1.0)], Posture.CAR: [],
    }[act.before]  # fmt: skip
    motion = perform([*lead, Step(act.name, seconds)], subject.body.skeleton, seed)
    doing = np.flatnonzero(motion.act == list(ACTS).index(act.name))
    span = slice(int(doing[0]), int(doing[-1]) + 1)
    return Motion(
        motion.rate_hz, motion.position_m[span], motion.rotation[span], motion.eyes_closed[span],
        motion.label[span], motion.act[span], motion.accel_mps2[span], motion.gyro_radps[span],
    )  # fmt: skip


def _named(frame: Image, motion: Motion, t_s: float, act: Act) -> Image:
    """Return the picture under a line that says when it is and what its label is."""
    label = TRUTHS[int(motion.label[int(t_s * motion.rate_hz)])]
    strip = np.full((_LABEL_ROWS, frame.shape[1], 3), 30, np.uint8)
    text = f"{act.name} {t_s:.1f} s {label}"
    cv2.putText(strip, text, (3, 11), cv2.FONT_HERSHEY_SIMPLEX, 0.32, (230, 230, 230), 1, cv2.LINE_AA)
    return np.concatenate([strip, frame])


def _packed(sheet: Image) -> bytes:
    """Return the sheet as JPEG, as good as fits into _MOST_BYTES, smaller where it has to be."""
    for scale in (1.0, 0.8, 0.65):
        small = sheet if scale == 1 else cv2.resize(sheet, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        for quality in (75, 60, 45):
            packed = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
            if len(packed) <= _MOST_BYTES:
                break
        else:
            continue
        break
    return bytes(packed.tobytes())
