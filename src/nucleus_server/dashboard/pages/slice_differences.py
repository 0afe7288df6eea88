"""What two versions of a slice, or two slices, have in common."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import parse_qs

import polars as pl

from nucleus_server.dashboard.contexts import (
    CompositionRow,
    DifferencePart,
    DifferenceSide,
    Form,
    Frame,
    Pages,
    SliceDifferencePage,
)
from nucleus_server.dashboard.intervals import signed
from nucleus_server.dashboard.pages.forms import FormMaker, button
from nucleus_server.dashboard.pages.pictures import picture
from nucleus_server.dashboard.pages.shared import NBSP, UNDEFINED, counted, percent, with_query
from nucleus_server.dashboard.site import page_number
from nucleus_server.domain import Slice
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.app_services import AppServices
from nucleus_server.services.exports import MOMENT, ExportTable, table_of_rows
from nucleus_server.services.list_tables import items_at
from nucleus_server.services.slice_differences import (
    MOST_VALUES,
    SliceDifference,
    ValueShare,
    composition,
    slice_difference,
    slice_versions,
)

PAGE_SIZE = 60
_PARTS = ("second", "both", "first")


@dataclass(frozen=True, slots=True)
class _Address:
    """What the address says: the other slice (empty for the same one), both versions (empty for all), what is shown."""

    slice_id: str
    other_id: str = ""
    from_text: str = ""
    to_text: str = ""
    part: str = _PARTS[0]
    by: str = ""
    page: int = 1

    @property
    def lists(self) -> dict[str, str | None]:
        """The parameters that name the lists."""
        return {"with": self.other_id or None, "from": self.from_text or None, "to": self.to_text or None}

    def text(self, fragment: str = "") -> str:
        """The address."""
        return with_query(
            f"/slices/{self.slice_id}/difference",
            **self.lists,
            part=None if self.part == _PARTS[0] else self.part,
            by=self.by or None,
            page=None if self.page == 1 else self.page,
        ) + (f"#{fragment}" if fragment else "")


@dataclass(frozen=True, slots=True)
class _Lists:
    first: Slice
    second: Slice
    n_first: int
    n_second: int


def difference_page(
    services: AppServices, ws: WorkspaceStore, frame: Frame, slice_id: str, query: str
) -> SliceDifferencePage:
    """A slice, as far as the address says, beside a later version of itself or another slice of the dataset.

    Raises:
        NotFound: There is no such slice.
        InvalidInput: The slices are of different datasets.
    """
    address = _read(slice_id, query)
    lists = _lists(ws, address)
    found = slice_difference(ws, lists.first, lists.second, n_first=lists.n_first, n_second=lists.n_second)
    dataset = ws.get_dataset(lists.first.dataset_id)
    shown = {"first": found.only_first, "both": found.both, "second": found.only_second}[address.part]
    n_pages = max(1, -(-len(shown) // PAGE_SIZE))
    address = replace(address, page=min(address.page, n_pages))
    start = (address.page - 1) * PAGE_SIZE
    keys = ws.metadata_keys(dataset.key)
    by = address.by if address.by in keys else ""
    first, second = _side(lists.first, lists.n_first), _side(lists.second, lists.n_second)
    return SliceDifferencePage(
        frame=frame,
        name=lists.first.name,
        path=f"/slices/{slice_id}",
        dataset_name=dataset.name,
        dataset_path=f"/datasets/{dataset.id}",
        first=first,
        second=second,
        sentence=_sentence(first, second, found),
        choice=_choice_form(ws, lists, address),
        sections=_sections(address, first, second, found),
        items=tuple(
            picture(services, item, ws.actor.workspace_id)
            for item in ws.items_at(dataset.key, shown[start : start + PAGE_SIZE])
        ),
        pages=Pages(
            number=address.page,
            n_pages=n_pages,
            n_rows=len(shown),
            previous_path=replace(address, page=address.page - 1).text("items") if address.page > 1 else None,
            next_path=replace(address, page=address.page + 1).text("items") if address.page < n_pages else None,
        ),
        files=(f"/slices/{slice_id}/difference", with_query("", **address.lists)),
        keys=tuple((key, replace(address, by=key).text("composition"), key == by) for key in keys),
        key=by or None,
        composition=tuple(_row(dataset.id, by, share) for share in composition(ws, dataset, found, by)) if by else (),
        composition_file=(f"/slices/{slice_id}/composition", with_query("", **address.lists, by=by or None)),
        most_values=MOST_VALUES,
    )


def difference_table(ws: WorkspaceStore, slice_id: str, query: str) -> ExportTable:
    """All members of both lists, with which of them each is in: `first`, `both` or `second`."""
    lists = _lists(ws, _read(slice_id, query))
    found = slice_difference(ws, lists.first, lists.second, n_first=lists.n_first, n_second=lists.n_second)
    dataset = ws.get_dataset(lists.first.dataset_id)
    parts = {
        word: items_at(ws, "items", dataset, ordinals)
        for word, ordinals in (("first", found.only_first), ("both", found.both), ("second", found.only_second))
    }
    schema = pl.Schema({"in": pl.String(), **parts["first"].schema})

    def batches() -> Iterator[pl.DataFrame]:
        for word, table in parts.items():
            yield from (batch.select(pl.lit(word).alias("in"), pl.all()) for batch in table.batches())

    return ExportTable(f"difference-{lists.first.id}-{lists.second.id}", schema, batches)


def composition_table(ws: WorkspaceStore, slice_id: str, query: str) -> ExportTable:
    """How both lists are made up by the metadata key that the query names."""
    address = _read(slice_id, query)
    lists = _lists(ws, address)
    found = slice_difference(ws, lists.first, lists.second, n_first=lists.n_first, n_second=lists.n_second)
    dataset = ws.get_dataset(lists.first.dataset_id)
    known = address.by in ws.metadata_keys(dataset.key)
    shares = composition(ws, dataset, found, address.by, limit=None) if known else []
    columns = {
        "value": pl.String(),
        "n_first": pl.Int64(),
        "first_share": pl.Float64(),
        "n_second": pl.Int64(),
        "second_share": pl.Float64(),
    }
    rows = ({name: getattr(share, name) for name in columns} for share in shares)
    return table_of_rows(f"composition-{lists.first.id}-{lists.second.id}", columns, rows)


def versions_table(ws: WorkspaceStore, slice_id: str) -> ExportTable:
    """The versions of a slice, newest first; a row for each test whose evaluations hold it, or one without."""
    columns = {
        "n_members": pl.Int64(),
        "n_new": pl.Int64(),
        "created_at": MOMENT,
        "user": pl.String(),
        "test": pl.String(),
        "test_id": pl.String(),
        "n_evaluations": pl.Int64(),
    }
    part = ws.get_slice(slice_id)
    rows = []
    for version in slice_versions(ws, part):
        head = {
            "n_members": version.n_members,
            "n_new": version.n_new,
            "created_at": version.created_at,
            "user": version.user_name,
        }
        pins = [
            {"test": pin.test_name, "test_id": pin.test_id, "n_evaluations": pin.n_evaluations} for pin in version.pins
        ]
        rows += [{**dict.fromkeys(columns), **head, **pin} for pin in pins or [{}]]
    return table_of_rows(f"versions-{part.id}", columns, rows)


def _read(slice_id: str, query: str) -> _Address:
    said = {name: values[-1].strip() for name, values in parse_qs(query).items()}
    part = said.get("part", "")
    return _Address(
        slice_id=slice_id,
        other_id=said.get("with", ""),
        from_text=said.get("from", ""),
        to_text=said.get("to", ""),
        part=part if part in _PARTS else _PARTS[0],
        by=said.get("by", ""),
        page=page_number(said.get("page", "")),
    )


def _lists(ws: WorkspaceStore, address: _Address) -> _Lists:
    """A version that is none, or larger than the slice, means all of it."""
    first = ws.get_slice(address.slice_id)
    second = ws.get_slice(address.other_id) if address.other_id else first
    return _Lists(first, second, _version(address.from_text, first), _version(address.to_text, second))


def _version(text: str, part: Slice) -> int:
    return min(int(text), part.n_members) if text.isdecimal() and len(text) < 16 else part.n_members


def _side(part: Slice, n_members: int) -> DifferenceSide:
    version = "" if n_members == part.n_members else f", its first {n_members:,}"
    return DifferenceSide(f"{part.name}{version}", f"/slices/{part.id}", f"{n_members:,}")


def _sentence(first: DifferenceSide, second: DifferenceSide, found: SliceDifference) -> str:
    n_first, n_both, n_second = len(found.only_first), len(found.both), len(found.only_second)
    if not n_first and not n_second:
        return f"Both have the same {counted(n_both, 'item')}."
    parts = [f"{counted(n, 'item')} only in {side.name}" for n, side in ((n_second, second), (n_first, first)) if n]
    return f"{' and '.join(parts)}; {n_both:,} in both."


def _sections(
    address: _Address, first: DifferenceSide, second: DifferenceSide, found: SliceDifference
) -> tuple[DifferencePart, ...]:
    texts = {
        "second": (f"Only in {second.name}", len(found.only_second)),
        "both": ("In both", len(found.both)),
        "first": (f"Only in {first.name}", len(found.only_first)),
    }
    return tuple(
        DifferencePart(text, f"{n:,}", replace(address, part=part, page=1).text("items"), part == address.part)
        for part, (text, n) in texts.items()
    )


def _choice_form(ws: WorkspaceStore, lists: _Lists, address: _Address) -> Form:
    maker = FormMaker("lists", f"/slices/{lists.first.id}/difference", method="get")
    others = [each for each in ws.list_slices(lists.first.dataset_id) if each.id != lists.first.id]
    maker.add(
        "from",
        f"Version of {lists.first.name}",
        "choice",
        str(lists.n_first),
        "Its first so many members.",
        choices=_version_choices(ws, lists.first, lists.n_first),
    )
    maker.add(
        "with",
        "Compared with",
        "choice",
        address.other_id,
        "Itself, or another slice of the dataset.",
        choices=[("", "itself"), *((each.id, each.name) for each in others)],
    )
    maker.add(
        "to",
        f"Version of {lists.second.name}" if address.other_id else "Its other version",
        "choice",
        str(lists.n_second),
        "Its first so many members.",
        choices=_version_choices(ws, lists.second, lists.n_second),
    )
    hidden = [("by", address.by)] if address.by else []
    return maker.made(button("Compare"), hidden=hidden)


def _version_choices(ws: WorkspaceStore, part: Slice, chosen: int) -> list[tuple[str, str]]:
    known = {version.n_members for version in slice_versions(ws, part)} | {chosen}
    names = {part.n_members: f"all {part.n_members:,}"}
    return [(str(n), names.get(n, f"the first {n:,}")) for n in sorted(known, reverse=True)]


def _row(dataset_id: str, key: str, share: ValueShare) -> CompositionRow:
    path = None
    if share.value:
        path = with_query(f"/datasets/{dataset_id}", key=key, value=share.value) + "#items"
    return CompositionRow(
        value=UNDEFINED if share.value is None else share.value,
        path=path,
        n_first=f"{share.n_first:,}",
        first_share=UNDEFINED if share.first_share is None else percent(share.first_share),
        n_second=f"{share.n_second:,}",
        second_share=UNDEFINED if share.second_share is None else percent(share.second_share),
        change=f"{signed(100 * share.change, 1)}{NBSP}pp",
    )
