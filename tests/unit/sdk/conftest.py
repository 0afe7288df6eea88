"""Fixtures of the SDK's tests: no network, no waiting."""

from __future__ import annotations

import pytest

from tests.unit.sdk.wire import Wire


@pytest.fixture
def wire() -> Wire:
    """A server without routes."""
    return Wire()


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the SDK would have slept."""
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    return slept
