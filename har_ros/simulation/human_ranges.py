"""What a sensor at the waist feels of real people, as far as it is known, and where that is known from."""

from __future__ import annotations

from dataclasses import dataclass

FIGURES = {
    "mean_g": "mean of |a|, g",
    "sd_g": "standard deviation of |a|, g",
    "min_g": "least |a|, g",
    "max_g": "greatest |a|, g",
    "dominant_hz": "dominant frequency of |a|, Hz",
    "turn_deg": "turn of the mean acceleration from begin to end, degrees",
    "dip_g": "least |a| from the onset to the impact, g",
    "peak_g": "|a| at the impact, g",
}


@dataclass(frozen=True)
class HumanRange:
    """What a figure is for real people: from `low` to `high`, says `source`."""

    act: str
    figure: str
    low: float
    high: float
    source: str


_RECORDED = "recordings of people with a sensor at the waist or lower back; one of them comes with gaitpy 1.6.1"
_STEPS = "recordings, from 1.5 Hz; MacDougall and Moore, J Appl Physiol 2005: 2.0 Hz, standard deviation 0.13"
_RUN = "Hum Mov Sci 90:103117, 2023: from walking to running at 135 to 140 steps a minute"
_JOG = "assumed, nothing measured: both feet leave the ground, 0.1 to 4 g"
_FALLS = "assumed, nothing measured: near free fall, a blow, then lying"
HUMAN_RANGES: tuple[HumanRange, ...] = (
    HumanRange("walk", "sd_g", 0.14, 0.36, _RECORDED),
    HumanRange("walk", "dominant_hz", 1.4, 2.2, _STEPS),
    HumanRange("stand", "sd_g", 0.0, 0.03, _RECORDED + ": 0.02 g"),
    HumanRange("sit", "sd_g", 0.0, 0.02, _RECORDED + ": 0.01 g"),
    HumanRange("jog", "dominant_hz", 2.25, 3.0, _RUN),
    HumanRange("jog", "min_g", 0.0, 0.5, _JOG),
    HumanRange("jog", "max_g", 1.8, 4.5, _JOG),
    *(
        HumanRange(f"fall_{kind}", figure, low, high, _FALLS)
        for kind in ("trip", "slip", "push", "faint")
        for figure, low, high in (("dip_g", 0.0, 0.5), ("peak_g", 3.0, 16.0), ("turn_deg", 60.0, 180.0))
    ),
)
