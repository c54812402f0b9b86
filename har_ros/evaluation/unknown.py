"""How well a model knows what it doesn't know, and what it says of each act.

What is none of the model's activities, such as kneeling, should be answered `unknown`, and must raise no alarm.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import percentileofscore

from har_ros.core.decision import UNKNOWN
from har_ros.core.model_card import STRANGE, ModelCard
from har_ros.evaluation.metrics import LEVEL, units_of, wilson
from har_ros.evaluation.prediction import Prediction, subjects_of

UNSURE = "lack of confidence"  # 1 - the greatest probability, the score that every model has
EITHER = "either"
_ABNORMAL = "reconstruction"  # learnt on normal activities alone, so it tells anomalies from them
_KNOWN_THAT_PASS = 0.95
_RESAMPLES = 500
_FEW_PEOPLE = 4  # drawn whole, all of a kind would be in or out
Floats = NDArray[np.float64]


def rejection(card: ModelCard, kept: Sequence[Prediction], others: Sequence[Prediction]) -> dict[str, Any] | None:
    """Return how well strange captures are told from known ones, ready for JSON; None without strange ones.

    unknown: of both kinds, how many were answered `unknown`, and the share with Wilson's interval.
    scores:  of each score for that the AUROC (0.5 is chance), its interval by a bootstrap that draws whole subjects
             (captures, where either kind shows fewer than four), and the share of the strange that pass at the limit
             that 95 % of the known pass (FPR at 95 % TPR). `either` is the greater of the model's own scores, each of
             them as the share of the known captures that are less strange by it.
    """
    if not others:
        return None
    both = [*kept, *others]
    is_known = np.arange(len(both)) < len(kept)
    subjects = subjects_of(both)
    own = {name: np.array([entry.novelty[name] for entry in both]) for name in STRANGE if name in card.novelty}
    own = {name: np.nan_to_num(score, nan=np.finfo(score.dtype).max) for name, score in own.items()}  # as `is_strange`
    telling = {name: score for name, score in own.items() if np.ptp(score) > 0}  # not the distance of what isn't felt
    scores = {UNSURE: np.array([_unsure(entry) for entry in both]), **telling}
    if len(telling) > 1:
        scores[EITHER] = np.max([percentileofscore(score[is_known], score, "mean") for score in telling.values()], 0)
    return {
        "known": len(kept),
        "strange": len(others),
        "unknown": {"known": _share_unknown(kept), "strange": _share_unknown(others)},
        "scores": {name: told_apart(score, is_known, subjects) for name, score in scores.items()},
    }


def abnormality(card: ModelCard, predictions: Sequence[Prediction]) -> dict[str, Any] | None:
    """Return how well the autoencoder's error tells anomalies from normal activities, as `told_apart` and counts.

    None for a model without one, and where one of the two doesn't occur.
    """
    normal = np.array([str(entry.truth) not in card.anomaly_labels for entry in predictions], bool)
    if _ABNORMAL not in card.novelty or normal.all() or not normal.any():
        return None
    errors = np.array([entry.novelty[_ABNORMAL] for entry in predictions])
    counts = {"normal": int(normal.sum()), "anomalies": int((~normal).sum())}
    return {**counts, **told_apart(errors, normal, subjects_of(predictions))}


def told_apart(strangeness: Floats, is_known: NDArray[np.bool_], subjects: Sequence[str]) -> dict[str, Any]:
    """Return AUROC and FPR at 95 % TPR of a score (n,) that is higher for the strange; `is_known` (n,) has both."""
    from sklearn.metrics import roc_auc_score, roc_curve

    false_rates, true_rates, _ = roc_curve(is_known, -strangeness, drop_intermediate=False)
    people = [len(set(np.array(subjects)[side])) for side in (is_known, ~is_known)]
    ids = units_of(subjects) if min(people) >= _FEW_PEOPLE else np.arange(len(subjects))
    members = [np.flatnonzero(ids == number) for number in range(ids.max() + 1)]
    rng = np.random.default_rng(0)
    areas = []
    for _ in range(_RESAMPLES):
        drawn = np.concatenate([members[number] for number in rng.integers(len(members), size=len(members))])
        if 0 < is_known[drawn].sum() < len(drawn):
            areas.append(roc_auc_score(is_known[drawn], -strangeness[drawn]))
    tails = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
    return {
        "auroc": round(float(roc_auc_score(is_known, -strangeness)), 6),
        "auroc_ci": [round(float(bound), 6) for bound in np.quantile(areas, tails)] if areas else None,
        "fpr_at_95_tpr": round(float(false_rates[np.argmax(true_rates >= _KNOWN_THAT_PASS)]), 6),
    }


def by_act(card: ModelCard, predictions: Sequence[Prediction]) -> dict[str, Any]:
    """Return, of each act that captures name in `extra`, what is true, what was answered and how many would alarm.

    `alarm` counts single windows in which an anomaly reaches the card's `alarm_score`: the alarm itself asks for
    several of them, so this is a bound from above on captures, and `har evaluate BAG` tells what is raised.
    """
    acts: dict[str, list[Prediction]] = defaultdict(list)
    for entry in predictions:
        if entry.meta is not None and isinstance(entry.meta.extra.get("act"), str):
            acts[entry.meta.extra["act"]].append(entry)
    return {
        act: {
            "captures": len(entries),
            "truth": sorted({str(entry.truth) for entry in entries}),
            "answers": dict(Counter(entry.label for entry in entries).most_common()),
            "alarm": (alarms := sum(_would_alarm(card, entry) for entry in entries)),
            "alarm_ci": wilson(alarms, len(entries)),
        }
        for act, entries in sorted(acts.items())
    }


def _would_alarm(card: ModelCard, entry: Prediction) -> bool:
    assert entry.probabilities is not None
    return card.anomaly_score(entry.probabilities) >= card.thresholds["alarm_score"]


def _share_unknown(entries: Sequence[Prediction]) -> dict[str, Any]:
    count = sum(entry.label == UNKNOWN for entry in entries)
    return {"captures": count, "share": round(count / len(entries), 6), "share_ci": wilson(count, len(entries))}


def _unsure(entry: Prediction) -> float:
    assert entry.probabilities is not None
    return 1 - float(entry.probabilities.max())
