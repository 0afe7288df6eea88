"""The part that stays private in real life: data, models and metrics. Nothing here knows Nucleus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

_SEED = 0
_BRIGHTEST = 16.0


@dataclass(frozen=True)
class Image:
    """One image that no model has seen in training.

    Attributes:
        name: Unique name.
        pixels: float64 [8, 8], 0 (black) to 16 (white).
        digit: What it shows.
        variant: original, shifted (one pixel to the right and down) or faint (a third of the brightness).
    """

    name: str
    pixels: NDArray[np.float64]
    digit: int
    variant: str

    @property
    def contrast(self) -> float:
        """Brightest pixel over the scale's, in [0, 1]: how legible the image is."""
        return float(self.pixels.max() / _BRIGHTEST)


@dataclass(frozen=True)
class Classifier:
    """A trained model's answers to the images.

    Attributes:
        probabilities: float64 [n images, 10].
    """

    name: str
    reference_id: str
    probabilities: NDArray[np.float64]


def held_out_images() -> tuple[NDArray[np.float64], NDArray[np.int64], list[Image]]:
    """Training pixels [n, 64] and digits [n], and the images that are kept for testing."""
    data = load_digits()
    train, test, digits, test_digits, _, numbers = train_test_split(
        data.data, data.target, np.arange(len(data.target)), test_size=0.4, random_state=_SEED, stratify=data.target
    )
    images = [
        Image(f"digit-{number:04d}", pixels.reshape(8, 8), int(digit), "original")
        for pixels, digit, number in zip(test, test_digits, numbers)
    ]
    images += [
        Image(f"{i.name}-shifted", np.roll(i.pixels, (1, 1), axis=(0, 1)), i.digit, "shifted") for i in images[0:200]
    ]
    images += [Image(f"{i.name}-faint", i.pixels / 3, i.digit, "faint") for i in images[200:400]]
    return train, digits, images


def train_classifiers(train: NDArray[np.float64], digits: NDArray[np.int64], images: list[Image]) -> list[Classifier]:
    """A logistic regression and a support vector machine, and what they say of the images."""
    models = {
        "Logistic regression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        "Support vector machine": CalibratedClassifierCV(SVC(gamma=0.001), ensemble=False),
    }
    seen = np.array([image.pixels.ravel() for image in images])
    return [
        Classifier(name, f"digits-{name.lower().replace(' ', '-')}", model.fit(train, digits).predict_proba(seen))
        for name, model in models.items()
    ]
