"""Waivers: known regressions that somebody accepted, with a reason and an end."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from nucleus._connection import Connection
from nucleus.validate.decoding import value_of


@dataclass(kw_only=True)
class Waiver:
    """A function of a test that may fail, or be unclear, until a date.

    Attributes:
        id: `wv_…`.
        model_id: The only model it holds for; None if for any.
        model_name: That model's name.
        reason: Why it is accepted.
        owner: Who answers for it.
        expires_at: When it ends, in UTC; from then on the entry counts again.
        status: `active`, `expired` or `revoked`.
        created_at: When it was made, in UTC.
        user_name: Who made it.
    """

    id: str
    scenario_test_id: str
    scenario_test_name: str = ""
    eval_function_id: str
    eval_function_name: str = ""
    model_id: str | None = None
    model_name: str | None = None
    reason: str
    owner: str
    expires_at: datetime
    status: str
    created_at: datetime | None = None
    user_name: str | None = None
    connection: Connection = field(repr=False, compare=False)

    @classmethod
    def from_json(cls, row: dict[str, Any], connection: Connection) -> Waiver:
        """The waiver that the server describes."""
        return value_of(row, cls, connection=connection)

    def __str__(self) -> str:
        whom = "" if self.model_id is None else f" for model {self.model_name or self.model_id!r}"
        return (
            f"{self.eval_function_name!r} of test {self.scenario_test_name!r}{whom}: waived by {self.owner} until "
            f"{self.expires_at:%Y-%m-%d %H:%M} UTC ({self.status}): {self.reason}"
        )

    def revoke(self) -> Waiver:
        """End it now; the object is brought up to date, and returned.

        Raises:
            NucleusAPIError: The key may not do that.
        """
        after = Waiver.from_json(self.connection.post({}, f"validate/waivers/{self.id}/revoke"), self.connection)
        for part in dataclasses.fields(self):
            setattr(self, part.name, getattr(after, part.name))
        return self
