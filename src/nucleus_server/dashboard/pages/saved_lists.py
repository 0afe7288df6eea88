"""A list of items of a comparison that is kept as a slice: its form, and what to do with the slice."""

from __future__ import annotations

from nucleus_server.dashboard.contexts import Form, SavedSlice
from nucleus_server.dashboard.pages.forms import FormMaker, button
from nucleus_server.dashboard.pages.shared import counted
from nucleus_server.dashboard.sent_forms import SentForm
from nucleus_server.errors import NotFound
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.item_slices import MAX_MEMBERS

_LONGEST_NAME = 255


def save_form(path: str, query: str, n_rows: int, sent: SentForm | None) -> Form:
    """Asks for the name of the slice, and how many of the first items it is to have; `query` is of the list's address."""
    maker = FormMaker("save", path, sent)
    maker.add("name", "Name", "line", "", "Of the new slice.")
    maker.add(
        "count",
        "How many",
        "number",
        "" if n_rows <= MAX_MEMBERS else str(MAX_MEMBERS),
        f"The first ones of the list as it is sorted now; empty for all {counted(n_rows, 'item')}. "
        "Items that were deleted are left out.",
    )
    return maker.made(button("Save as a slice"), hidden=[("query", query)])


def read_save_form(sent: SentForm) -> tuple[str, int | None]:
    """The name of the slice, and how many of the first items it is to have; what is wrong is said in the form."""
    name = sent.text("name", longest=_LONGEST_NAME, is_required=True)
    count = sent.number("count", lowest=1)
    if count is not None and "count" not in sent.problems and (not count.is_integer() or count > MAX_MEMBERS):
        sent.problems["count"] = f"expected a whole number from 1 to {MAX_MEMBERS:,}, got {sent.values['count'][:40]}"
    return name, None if count is None or "count" in sent.problems else int(count)


def saved_path(path: str, slice_id: str, fragment: str) -> str:
    """The list again, with the slice that was made of it."""
    return f"{path}{'&' if '?' in path else '?'}saved={slice_id}#{fragment}"


def saved_slice(ws: WorkspaceStore, function_name: str, slice_id: str) -> SavedSlice | None:
    """The slice that has just been made, with what to run to make a scenario test of it; None if there is none."""
    try:
        made = ws.get_slice(slice_id) if slice_id else None
    except NotFound:
        return None
    if made is None:
        return None
    code = (
        f"import nucleus\n\nclient = nucleus.NucleusClient()\n"
        f"function = client.validate.eval_functions.external_functions[{function_name!r}]\n"
        f"client.validate.create_scenario_test({made.name!r}, {made.id!r}, [function])"
    )
    return SavedSlice(made.name, counted(made.n_members, "item"), made.id, code)
