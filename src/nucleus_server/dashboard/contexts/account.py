"""One's own keys and, for admins, the users and keys of the workspace."""

from __future__ import annotations

from dataclasses import dataclass

from nucleus_server.dashboard.contexts.forms import Form
from nucleus_server.dashboard.contexts.shared import Choice, Frame, Verdict, doc


@dataclass(frozen=True, slots=True)
class KeyRow:
    """An API key, never its secret."""

    id: str = doc("Its id.")
    name: str = doc("Its name.")
    hint: str = doc("How its secret begins.")
    user_name: str = doc("Whose it is.")
    role: str = doc("What it may do at most.")
    status: Verdict = doc("Whether it works.")
    created: str = doc("When it was made, UTC.")
    last_used: str = doc("When it was last used, UTC; – if never.")
    expires: str = doc("When it ends, UTC; – if it does not.")
    is_this: bool = doc("Whether this browser is logged in by it.")
    revoke_path: str | None = doc("Where to send its end to; None if it has ended, or may not be ended from here.")


@dataclass(frozen=True, slots=True)
class UserRow:
    """A user of the workspace."""

    id: str = doc("The user's id.")
    name: str = doc("The user's name.")
    role: str = doc("What the user may do.")
    created: str = doc("Since when, UTC.")
    status: Verdict = doc("Whether the user may come in.")
    is_active: bool = doc("The same, for the button that changes it.")
    roles: tuple[Choice, ...] = doc("The roles to choose from; empty if the role stays.")
    path: str = doc("Where to send another role to.")
    active_path: str | None = doc("Where to send whether the user may come in; None if that stays.")
    audit_path: str = doc("What was done to the user, in the audit log.")


@dataclass(frozen=True, slots=True)
class BucketRow:
    """A bucket that the operator has listed, never its credential."""

    name: str = doc("Its name.")
    endpoint: str = doc("The service that has it.")
    region: str = doc("The region that signatures name.")
    keys: str = doc("Which of its objects may be shown.")
    life: str = doc("How long an address of an object works.")


@dataclass(frozen=True, slots=True)
class UnlistedRow:
    """An origin or bucket that items name and the operator has not listed."""

    place: str = doc("The origin, or the bucket with its scheme.")
    n_items: str = doc("How many of the items that were looked at name it.")
    example: str = doc("The page of one of them.")


@dataclass(frozen=True, slots=True)
class MediaPart:
    """Where images that are elsewhere may come from."""

    origins: tuple[str, ...] = doc("The listed origins.")
    buckets: tuple[BucketRow, ...] = doc("The listed buckets.")
    unlisted: tuple[UnlistedRow, ...] = doc("What items name and is not listed, most items first.")
    looked_at: str = doc("Which items were looked at for that.")
    advice: str = doc("What the operator writes to list the unlisted, to copy; empty if there is nothing to list.")


@dataclass(frozen=True, slots=True)
class AccountPage:
    """The settings of a user and of the workspace."""

    frame: Frame = doc("What surrounds the page.")
    notice: str | None = doc("What was done just now.")
    problem: str | None = doc("Why what was sent was refused.")
    secret: str | None = doc("The secret of the key that was just made; shown this once.")
    secret_user: str = doc("Whose that key is.")
    own_keys: tuple[KeyRow, ...] = doc("One's own keys, newest first.")
    new_key: Form | None = doc("Makes a key; None for viewers.")
    is_admin: bool = doc("Whether the rest is shown.")
    users: tuple[UserRow, ...] = doc("All users, for admins.")
    new_user: Form | None = doc("Makes a user; None unless for admins.")
    rename: Form | None = doc("Renames the workspace; None unless for admins.")
    other_keys: tuple[KeyRow, ...] = doc("The keys of all others, for admins.")
    media: MediaPart = doc("Where images that are elsewhere may come from.")
    workspace: tuple[tuple[str, str], ...] = doc("What the operator has set: names and values.")
