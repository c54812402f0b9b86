"""What training makes small."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from har_ros.core.labels import ACTIVITIES, LABELS
from har_ros.core.model_card import MODALITIES
from har_ros.training.batches import Batch
from har_ros.training.data import NONE_OF_THEM
from har_ros.training.networks.base import Output
from har_ros.training.profile import Learning

_NORMAL = torch.tensor([not activity.is_anomaly for activity in ACTIVITIES])


def training_loss(output: Output, batch: Batch, settings: Learning) -> Tensor:
    """Return the loss of a batch, a scalar.

    The cross entropy of the answer, of each branch by itself where its modality is there, and the error of the
    autoencoder on normal activities. A clip of none of the six should leave every answer as likely as the others
    (Hendrycks et al., "Deep Anomaly Detection with Outlier Exposure", 2019).
    """
    outlier = batch.labels == NONE_OF_THEM
    wanted = functional.one_hot(batch.labels.clamp(min=0), len(LABELS)).float()
    wanted = (1 - settings.label_smoothing) * wanted + settings.label_smoothing / len(LABELS)
    wanted = torch.where(outlier[:, None], 1 / len(LABELS), wanted)
    weight = torch.where(outlier, settings.outlier_weight, 1.0)
    loss = _mean(functional.cross_entropy(output.logits, wanted, reduction="none"), weight)
    for modality, logits in output.auxiliary.items():
        present = batch.presence[:, MODALITIES.index(modality)]
        each = functional.cross_entropy(logits, wanted, reduction="none")
        loss = loss + settings.auxiliary_weight * _mean(each, weight * present)
    if output.reconstruction is not None:
        normal = _NORMAL.to(batch.labels.device)[batch.labels.clamp(min=0)] & ~outlier
        loss = loss + _mean(output.reconstruction, normal.float())
    return loss


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    return (values * weight).sum() / weight.sum().clamp(min=1e-6)
