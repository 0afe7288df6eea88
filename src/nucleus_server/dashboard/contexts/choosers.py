"""Forms that choose models to compare."""

from __future__ import annotations

from dataclasses import dataclass

from nucleus_server.dashboard.contexts.shared import Choice, doc


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A model that can be compared."""

    model_id: str = doc("Its id.")
    name: str = doc("The model.")
    is_chosen: bool = doc("Whether it is compared.")
    note: str = doc("What is known of it, such as its result.")


@dataclass(frozen=True, slots=True)
class CompareChooser:
    """Chooses a function, a baseline and models of one test to compare."""

    path: str = doc("Where it is sent.")
    functions: tuple[Choice, ...] = doc("The functions of the test.")
    baselines: tuple[Choice, ...] = doc("The models that were evaluated, to be the baseline.")
    models: tuple[ModelChoice, ...] = doc("The models that were evaluated, newest first.")
    n_more: int = doc("How many more models were evaluated than are listed.")
