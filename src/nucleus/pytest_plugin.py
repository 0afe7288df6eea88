"""Names of the pytest plugin, for annotations: `def test_box(item: nucleus.DatasetItem, scenario: Scenario) -> None`."""

from nucleus._pytest.scenario import RecordError, Scenario

__all__ = ["RecordError", "Scenario"]
