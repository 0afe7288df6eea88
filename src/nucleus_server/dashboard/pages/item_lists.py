"""The scored items of an evaluation as a list: its address says what it shows, in which order and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlencode

from nucleus_server.dashboard.contexts import (
    Choice,
    FilterChip,
    FilterForm,
    Form,
    ItemList,
    ItemRow,
    Pages,
    Picture,
    SavedSlice,
    SortLink,
)
from nucleus_server.dashboard.pages.datasets import choose_form
from nucleus_server.dashboard.pages.forms import FormMaker, button
from nucleus_server.dashboard.pages.item_addresses import LIST_NAMES, path_in_list
from nucleus_server.dashboard.pages.pictures import picture
from nucleus_server.dashboard.pages.shared import counted, criterion_text, number, shortened, verdict
from nucleus_server.dashboard.sent_forms import SentForm, shown, to_number
from nucleus_server.dashboard.site import page_number
from nucleus_server.domain import EvalFunction, Item, JudgedEvaluation, Level, Slice
from nucleus_server.errors import InvalidInput, NotFound
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.app_services import AppServices
from nucleus_server.services.item_filters import (
    Condition,
    ItemFilter,
    Operator,
    matching_positions,
    parse_condition,
)
from nucleus_server.services.item_slices import MAX_MEMBERS
from nucleus_server.services.results import Members, Order, items_of, sorted_positions

PAGE_SIZE = 24
_MAX_METADATA = 8
_GALLERY = "gallery"
_TO = ".."
_OPERATORS = {
    Operator.EQUAL: "is",
    Operator.NOT_EQUAL: "is not",
    Operator.AT_LEAST: "≥",
    Operator.AT_MOST: "≤",
    Operator.ABOVE: ">",
    Operator.BELOW: "<",
    Operator.MISSING: "is missing",
}
_OTHER_END = {
    Order.WORST: Order.BEST,
    Order.HEAVIEST: Order.LIGHTEST,
    Order.A_TO_Z: Order.Z_TO_A,
    Order.FIRST: Order.LAST,
}
_HEADINGS = {
    Order.WORST: "Worst first",
    Order.BEST: "Best first",
    Order.HEAVIEST: "Heaviest first",
    Order.LIGHTEST: "Lightest first",
    Order.A_TO_Z: "By reference id",
    Order.Z_TO_A: "By reference id, from the end",
    Order.FIRST: "As in the slice",
    Order.LAST: "As in the slice, from the end",
}


@dataclass(frozen=True, slots=True)
class ListAddress:
    """What the address of an evaluation's page says; texts are as they came.

    Attributes:
        path: The page without a query.
        page: From 1.
        missing: The page of the members without a score, from 1.
        by: The metadata key of the breakdown; None for none.
        where: Conditions on metadata.
        score: A range of scores as the histogram has them, `0.4..0.45`: from the first number on and below the second, of
            which one may be left out.
        passed: `yes`, `no` or empty.
    """

    path: str
    page: int = 1
    order: Order = Order.WORST
    is_gallery: bool = False
    by: str | None = None
    missing: int = 1
    score_min: str = ""
    score_max: str = ""
    score: str = ""
    passed: str = ""
    reference_id: str = ""
    where: tuple[str, ...] = ()

    def query(self, *, is_filtered: bool = True) -> list[tuple[str, str]]:
        """The parameters that differ from what a plain address means; all but the page and, if so asked, the filter."""
        parts: list[tuple[str, str | None]] = [
            ("view", _GALLERY if self.is_gallery else None),
            ("order", None if self.order is Order.WORST else self.order.value),
            ("page", str(self.page) if self.page > 1 else None),
            ("by", self.by),
            ("missing", str(self.missing) if self.missing > 1 else None),
        ]
        if is_filtered:
            parts += [("score", self.score), ("min", self.score_min), ("max", self.score_max), ("passed", self.passed)]
            parts += [("id", self.reference_id), *(("where", text) for text in self.where)]
        return [(name, value) for name, value in parts if value]

    def text(self, fragment: str = "items") -> str:
        """The address."""
        query = urlencode(self.query())
        return f"{self.path}{'?' if query else ''}{query}{'#' if fragment else ''}{fragment}"

    def without_filter(self) -> ListAddress:
        """The first page of all scored items."""
        return replace(self, page=1, score="", score_min="", score_max="", passed="", reference_id="", where=())


def read_address(path: str, query: str) -> ListAddress:
    """What a query string says; what it cannot mean is passed over, but for the filter, which is looked at later.

    A form cannot write a condition as one text, so `key`, `op` and `value` are one too.
    """
    found = parse_qs(query)

    def last(name: str) -> str:
        return found.get(name, [""])[-1].strip()

    where = [text for text in found.get("where", []) if text]
    if last("key"):
        operator = last("op")
        is_missing = operator == Operator.MISSING.value.strip()
        where.append(f"{last('key')}{Operator.MISSING.value if is_missing else operator + last('value')}")
    order = last("order")
    return ListAddress(
        path=path,
        page=page_number(last("page")),
        order=Order(order) if order in list(Order) else Order.WORST,
        is_gallery=last("view") == _GALLERY,
        by=last("by") or None,
        missing=page_number(last("missing")),
        score_min=last("min"),
        score_max=last("max"),
        score=last("score"),
        passed=last("passed") if last("passed") in ("yes", "no") else "",
        reference_id=last("id"),
        where=tuple(dict.fromkeys(where)),
    )


def item_filter(address: ListAddress, keys: Sequence[str]) -> ItemFilter:
    """What the address narrows the list down to.

    Raises:
        InvalidInput: A score is no number, or a condition cannot be read.
    """
    lowest, below = _range(address.score)
    typed = _score(address.score_min, "the lowest score")
    return ItemFilter(
        score_min=max((each for each in (lowest, typed) if each is not None), default=None),
        score_below=below,
        score_max=_score(address.score_max, "the highest score"),
        passed={"yes": True, "no": False}.get(address.passed),
        reference_id=address.reference_id,
        conditions=tuple(parse_condition(text, keys) for text in address.where),
    )


def page_of(position: int) -> int:
    """The page of the list, from 1, with the item at this place, from 0."""
    return 1 + position // PAGE_SIZE


def list_words(address: ListAddress) -> str:
    """What the list is sorted and narrowed down by."""
    return ", ".join([_HEADINGS[address.order].lower(), *(chip.text for chip in _chips(address))])


def condition_path(address: ListAddress, conditions: Sequence[Condition]) -> str:
    """The list of just the items that satisfy these."""
    return replace(address.without_filter(), where=tuple(map(str, conditions))).text()


def item_list(
    services: AppServices,
    ws: WorkspaceStore,
    judged: JudgedEvaluation,
    function: EvalFunction,
    part: Slice,
    members: Members,
    keys: Sequence[str],
    address: ListAddress,
    *,
    saved_id: str = "",
    sent: SentForm | None = None,
) -> ItemList:
    """A page of the list; a filter that cannot be meant shows nothing, and why."""
    problem = None
    try:
        positions = matching_positions(ws, judged, members, item_filter(address, keys))
    except InvalidInput as error:
        problem, positions = error.message, members.ordinals[:0]
    n_pages = max(1, -(-len(positions) // PAGE_SIZE))
    here = replace(address, page=min(address.page, n_pages))
    offset = (here.page - 1) * PAGE_SIZE
    chosen = sorted_positions(ws, function, members, positions, here.order, offset=offset, limit=PAGE_SIZE)
    other = _other_end(here.order)
    can_write = ws.actor.can_write
    level = members.population.level
    return ItemList(
        noun=level.value,
        heading=_HEADINGS[here.order],
        other_path=replace(here, order=other, page=1).text(""),
        other_text=f"{_HEADINGS[other]} instead",
        is_gallery=here.is_gallery,
        view_path=replace(here, is_gallery=not here.is_gallery).text(),
        sorts=_sorts(here, function, members),
        items=tuple(
            ItemRow(
                item_id=None if row.item.deleted_at is not None else row.item.id,
                rank=offset + i + 1,
                picture=_picture(services, ws, judged, row.item, part, here, offset + i),
                score=number(row.score),
                weight=f"{row.weight:.4g}",
                verdict=verdict(row.passed, criterion_text(judged)),
                metadata=_metadata(row.item),
            )
            for i, row in enumerate(items_of(ws, judged, members, chosen))
        ),
        pages=Pages(
            number=here.page,
            n_pages=n_pages,
            n_rows=len(positions),
            previous_path=replace(here, page=here.page - 1).text("") if here.page > 1 else None,
            next_path=replace(here, page=here.page + 1).text("") if here.page < n_pages else None,
        ),
        n_scored=judged.evaluation.n_scored,
        file_path=f"{here.path}/items",
        query=f"?{urlencode(here.query())}" if here.query() else "",
        filter=_filter_form(judged, here, keys, problem),
        save=_save_form(here, len(positions), sent)
        if can_write and level is not Level.TRACK and (len(positions) or sent is not None)
        else None,
        choose=choose_form(part.dataset_id, ws.list_slices(part.dataset_id))
        if can_write and level is Level.ITEM and len(chosen)
        else None,
        no_save=_no_save(can_write, level),
        saved=_saved(ws, function, saved_id),
    )


def score_path(address: ListAddress, lowest: float | None, below: float | None) -> str:
    """The list of just the items whose scores are at least `lowest` and below `below`; None is no end."""
    first, last = ("" if end is None else repr(end) for end in (lowest, below))
    return replace(address.without_filter(), score=f"{first}{_TO}{last}").text()


def _range(text: str) -> tuple[float | None, float | None]:
    """Its ends, None where it has none."""
    if not text:
        return None, None
    first, found, last = text.partition(_TO)
    if not found or not (first or last):
        raise InvalidInput(f"expected a range of scores such as 0.4..0.45, got {shown(text)}", code="invalid_filter")
    return _score(first, "the beginning of a range of scores"), _score(last, "the end of a range of scores")


def _range_words(text: str) -> str:
    """`0.4 ≤ score < 0.45`; what cannot be read stays as it is."""
    first, _, last = text.partition(_TO)
    numbers = [to_number(end) for end in (first, last)]
    before, after = ("" if number is None else f"{number:g}" for number in numbers)
    if not (before or after):
        return f"score {shown(text)}"
    return f"{f'{before} ≤ ' if before else ''}score{f' < {after}' if after else ''}"


def _score(text: str, what: str) -> float | None:
    if not text:
        return None
    value = to_number(text)
    if value is None:
        raise InvalidInput(f"expected a number such as 0.5 for {what}, got {shown(text)}", code="invalid_filter")
    return value


def _other_end(order: Order) -> Order:
    return _OTHER_END.get(order) or next(first for first, last in _OTHER_END.items() if last is order)


def _no_save(can_write: bool, level: Level) -> str:
    if level is Level.TRACK:
        return "There are no slices of tracks: a slice of the items that they are on has them as members of its tests."
    return "" if can_write else "Viewers change nothing: a member can save this list as a slice."


def _sorts(here: ListAddress, function: EvalFunction, members: Members) -> tuple[SortLink, ...]:
    """The heads of the columns; the one that sorts turns the order round."""
    from_lowest = Order.WORST if function.direction.value == "higher_is_better" else Order.BEST
    ascending = (Order.FIRST, Order.A_TO_Z, from_lowest, Order.LIGHTEST)
    links = []
    for label, order, is_number in (
        ("#", Order.FIRST, True),
        (members.population.level.value.capitalize(), Order.A_TO_Z, False),
        ("Score", Order.WORST, True),
        ("Weight", Order.HEAVIEST, True),
    ):
        both = (order, _OTHER_END[order])
        goal = _other_end(here.order) if here.order in both else order
        direction = "none"
        if here.order in both:
            direction = "ascending" if here.order in ascending else "descending"
        has_order = label != "Weight" or members.weights is not None
        path = replace(here, order=goal, page=1).text("") if has_order else None
        links.append(SortLink(label, path, _HEADINGS[goal], direction, is_number))
    return tuple(links)


def _filter_form(judged: JudgedEvaluation, here: ListAddress, keys: Sequence[str], problem: str | None) -> FilterForm:
    kept = replace(here.without_filter(), where=here.where, score=here.score)
    passed = (("", "any"), ("no", "failed"), ("yes", "passed"))
    return FilterForm(
        path=f"{here.path}#items",
        hidden=tuple(kept.query()),
        score_min=here.score_min,
        score_max=here.score_max,
        passed=()
        if judged.judgement is None
        else tuple(Choice(value, text, value == here.passed) for value, text in passed),
        reference_id=here.reference_id,
        keys=(Choice("", "–", True), *(Choice(key, key, False) for key in keys)) if keys else (),
        operators=tuple(Choice(o.value.strip(), text, o is Operator.EQUAL) for o, text in _OPERATORS.items()),
        value="",
        chips=_chips(here),
        all_path=here.without_filter().text(),
        problem=problem,
    )


def _chips(here: ListAddress) -> tuple[FilterChip, ...]:
    first = replace(here, page=1)
    found = []
    if here.score:
        found.append(FilterChip(_range_words(here.score), replace(first, score="").text()))
    if here.score_min:
        found.append(FilterChip(f"score ≥ {here.score_min}", replace(first, score_min="").text()))
    if here.score_max:
        found.append(FilterChip(f"score ≤ {here.score_max}", replace(first, score_max="").text()))
    if here.passed:
        found.append(FilterChip("passed" if here.passed == "yes" else "failed", replace(first, passed="").text()))
    if here.reference_id:
        found.append(FilterChip(f"id has {shown(here.reference_id)}", replace(first, reference_id="").text()))
    for text in here.where:
        others = tuple(each for each in here.where if each != text)
        found.append(FilterChip(shortened(text), replace(first, where=others).text()))
    return tuple(found)


def _save_form(here: ListAddress, n_rows: int, sent: SentForm | None) -> Form:
    maker = FormMaker("save", f"{here.path}/slice", sent)
    maker.add("name", "Name", "line", "", "Of the new slice.")
    maker.add(
        "count",
        "How many",
        "number",
        "" if n_rows <= MAX_MEMBERS else str(MAX_MEMBERS),
        f"The first ones of the list as it is sorted now; empty for all {counted(n_rows, 'item')}. "
        "Items that were deleted are left out.",
    )
    return maker.made(button("Save as a slice"), hidden=[("query", urlencode(here.query()))])


def _saved(ws: WorkspaceStore, function: EvalFunction, slice_id: str) -> SavedSlice | None:
    try:
        made = ws.get_slice(slice_id) if slice_id else None
    except NotFound:
        return None
    if made is None:
        return None
    code = (
        f"import nucleus\n\nclient = nucleus.NucleusClient()\n"
        f"function = client.validate.eval_functions.external_functions[{function.name!r}]\n"
        f"client.validate.create_scenario_test({made.name!r}, {made.id!r}, [function])"
    )
    return SavedSlice(made.name, counted(made.n_members, "item"), made.id, code)


def _picture(
    services: AppServices,
    ws: WorkspaceStore,
    judged: JudgedEvaluation,
    item: Item,
    part: Slice,
    here: ListAddress,
    position: int,
) -> Picture:
    """The item's image; its page knows the list, so that one goes on from there to the next item of it."""
    found = picture(services, item, ws.actor.workspace_id)
    if found.page is None:
        return found
    of_list = [("evaluation", judged.evaluation.id), *(pair for pair in here.query() if pair[0] in LIST_NAMES)]
    return replace(found, page=path_in_list(part.dataset_id, item.id, of_list, position))


def _metadata(item: Item) -> tuple[tuple[str, str], ...]:
    rows = [(str(key), str(value)) for key, value in item.metadata.items()]
    found = [(key, shortened(value)) for key, value in rows]
    if len(found) > _MAX_METADATA:
        found = [*found[:_MAX_METADATA], ("…", f"{len(found) - _MAX_METADATA} more")]
    return tuple(found)
