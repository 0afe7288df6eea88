"""The items of several models beside each other as a list: its address says what it shows and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, quote, urlencode

from nucleus_server.dashboard.contexts import (
    ChangeLink,
    Choice,
    ComparedItem,
    ComparedList,
    ComparedScore,
    FilterChip,
    Pages,
    RangeForm,
    SortLink,
    Verdict,
)
from nucleus_server.dashboard.intervals import signed, signed_bars
from nucleus_server.dashboard.pages.pictures import picture
from nucleus_server.dashboard.pages.saved_lists import read_save_form, save_form, saved_path, saved_slice
from nucleus_server.dashboard.pages.shared import number, percent, shortened, with_query
from nucleus_server.dashboard.sent_forms import SentForm, plain_number, shown, to_number
from nucleus_server.dashboard.site import page_number
from nucleus_server.errors import InvalidInput
from nucleus_server.services import WorkspaceStore
from nucleus_server.services.app_services import AppServices
from nucleus_server.services.item_filters import Condition, parse_condition
from nucleus_server.services.side_by_side import (
    Change,
    Kind,
    Order,
    ScoreRange,
    SideBySide,
    Wanted,
    changes,
    contributions_of,
    ordered_positions,
    save_beside,
    shown_positions,
)

PAGE_SIZE = 24
CHANGES = {
    Change.BETTER: Verdict("better", "▲", "pass", "The candidate's score is better than the baseline's."),
    Change.WORSE: Verdict("worse", "▼", "fail", "The candidate's score is worse than the baseline's."),
    Change.EQUAL: Verdict("equal", "=", "none", "Both scores are the same."),
}
_ORDERS = {
    Kind.HEAVIEST: ("Items that weigh most", "what weighs most"),
    Kind.AGAINST: ("What speaks most against the candidate first", "most against the candidate"),
    Kind.FOR: ("What speaks most for the candidate first", "most for the candidate"),
    Kind.SPREAD: ("Where the models differ most first", "largest spread"),
    Kind.SLICE: ("As in the slice", "as in the slice"),
}
_RANGE, _OPEN = "..", "..<"
HEAVIEST_FIRST = Order()


@dataclass(frozen=True, slots=True)
class ComparisonAddress:
    """What the address of a list says; texts are as they came.

    Attributes:
        path: The page without a query.
        fixed: What says which models are compared, and what else of the page stays as it is: names and values.
        candidate: The place of the candidate that contributions and changes are of, from 1.
        baseline_scores, candidate_scores: Ranges such as `0.2..0.4`, or `0.2..<0.4` without its end; empty for all.
        change: better, worse, equal or empty.
        where: Conditions on metadata.
    """

    path: str
    fixed: tuple[tuple[str, str], ...] = ()
    candidate: int = 1
    order: Order = HEAVIEST_FIRST
    page: int = 1
    baseline_scores: str = ""
    candidate_scores: str = ""
    change: str = ""
    where: tuple[str, ...] = ()

    def query(self) -> list[tuple[str, str]]:
        """The parameters that differ from what a plain address means."""
        parts: list[tuple[str, str]] = [
            *self.fixed,
            ("of", str(self.candidate) if self.candidate > 1 else ""),
            ("sort", "" if self.order == HEAVIEST_FIRST else str(self.order)),
            ("a", self.baseline_scores),
            ("b", self.candidate_scores),
            ("only", self.change),
            *(("where", text) for text in self.where),
            ("page", str(self.page) if self.page > 1 else ""),
        ]
        return [(name, value) for name, value in parts if value]

    def text(self, fragment: str = "items") -> str:
        """The address; commas between models stay readable in it."""
        query = urlencode(self.query(), safe=",", quote_via=quote)
        return f"{self.path}{'?' if query else ''}{query}{'#' if fragment else ''}{fragment}"

    def within(self, n_models: int) -> ComparisonAddress:
        """The address without places of models that are not compared."""
        order = self.order if self.order.model < n_models else Order()
        return replace(self, candidate=min(self.candidate, n_models - 1), order=order)

    def without_filter(self) -> ComparisonAddress:
        """The first page of all items."""
        return replace(self, page=1, baseline_scores="", candidate_scores="", change="", where=())


def read_comparison_address(path: str, query: str, kept: Sequence[str]) -> ComparisonAddress:
    """What a query string says; what it cannot mean is passed over, but for the filter, which is looked at later.

    A form cannot write a range as one text, so `a_min` and `a_max` are one too. `kept` are the names of what stays.
    """
    found = parse_qs(query)

    def last(name: str) -> str:
        return found.get(name, [""])[-1].strip()

    return ComparisonAddress(
        path=path,
        fixed=tuple((name, value) for name in kept for value in found.get(name, []) if value),
        candidate=page_number(last("of")),
        order=_order(last("sort")),
        page=page_number(last("page")),
        baseline_scores=last("a") or _typed_range(last("a_min"), last("a_max")),
        candidate_scores=last("b") or _typed_range(last("b_min"), last("b_max")),
        change=last("only") if last("only") in list(Change) else "",
        where=tuple(dict.fromkeys(text for text in found.get("where", []) if text)),
    )


def is_typed(query: str) -> bool:
    """Whether a form wrote the query: its address is longer than it need be."""
    return not {"a_min", "a_max", "b_min", "b_max"}.isdisjoint(parse_qs(query, keep_blank_values=True))


def wanted_of(address: ComparisonAddress, keys: Sequence[str]) -> Wanted:
    """What the address narrows the list down to.

    Raises:
        InvalidInput: A range has an end that is no number, or a condition cannot be read.
    """
    return Wanted(
        baseline=_score_range(address.baseline_scores),
        candidate=_score_range(address.candidate_scores),
        change=Change(address.change) if address.change else None,
        conditions=tuple(parse_condition(text, keys) for text in address.where),
    )


def condition_path(address: ComparisonAddress, conditions: Sequence[Condition]) -> str:
    """The list of just the items that satisfy these."""
    return replace(address.without_filter(), where=tuple(map(str, conditions))).text()


def range_text(low: float, high: float, *, is_last: bool) -> str:
    """A range as addresses have it; only the last cell of a grid holds its upper end."""
    return f"{plain_number(low)}{_RANGE if is_last else _OPEN}{plain_number(high)}"


def change_links(view: SideBySide, address: ComparisonAddress, candidate: int) -> tuple[ChangeLink, ...]:
    """How many items a candidate scored better, worse and the same; each leads to the list of them."""
    found, n = changes(view, candidate), view.n_common
    here = replace(address.without_filter(), candidate=candidate)
    return tuple(
        ChangeLink(
            change=CHANGES[change],
            n=f"{count:,}",
            share=percent(count / n if n else 0.0),
            path=replace(here, change=change.value, order=Order(kind)).text(),
            is_current=address.candidate == candidate and address.change == change,
        )
        for change, count, kind in (
            (Change.BETTER, found.n_better, Kind.FOR),
            (Change.WORSE, found.n_worse, Kind.AGAINST),
            (Change.EQUAL, found.n_equal, Kind.SLICE),
        )
    )


def compared_list(
    services: AppServices,
    ws: WorkspaceStore,
    view: SideBySide,
    keys: Sequence[str],
    address: ComparisonAddress,
    files: tuple[str, str],
    *,
    saved_id: str = "",
    sent: SentForm | None = None,
) -> ComparedList:
    """A page of the list; a filter that cannot be meant shows nothing, and why."""
    problem = None
    candidate = address.candidate
    try:
        positions = shown_positions(ws, view, wanted_of(address, keys), candidate)
    except InvalidInput as error:
        problem, positions = error.message, view.ordinals[:0]
    n_pages = max(1, -(-len(positions) // PAGE_SIZE))
    here = replace(address, page=min(address.page, n_pages))
    offset = (here.page - 1) * PAGE_SIZE
    parts = contributions_of(view, candidate)
    chosen = ordered_positions(view, positions, here.order, parts, offset=offset, limit=PAGE_SIZE)
    unit = view.entry.function.unit
    can_write = ws.actor.can_write
    of = "" if len(view.evaluations) == 2 else f" of {_name(view, candidate)}"
    return ComparedList(
        heading=_heading(view, here),
        orders=_orders(view, here),
        heads=_heads(view, here),
        contribution_head=f"Adds to the difference{of}{f', {unit}' if unit else ''}",
        items=_items(services, ws, view, candidate, chosen.tolist(), parts[chosen].tolist(), offset),
        pages=Pages(
            number=here.page,
            n_pages=n_pages,
            n_rows=len(positions),
            previous_path=replace(here, page=here.page - 1).text("") if here.page > 1 else None,
            next_path=replace(here, page=here.page + 1).text("") if here.page < n_pages else None,
        ),
        n_common=view.n_common,
        ranges=_range_form(view, here),
        chips=_chips(view, here),
        all_path=here.without_filter().text(),
        problem=problem,
        files=files,
        save=save_form(f"{here.path}/slice", urlencode(here.query()), len(positions), sent)
        if can_write and (len(positions) or sent is not None)
        else None,
        no_save="" if can_write else "Viewers change nothing: a member can save this list as a slice.",
        saved=saved_slice(ws, view.entry.function.name, saved_id),
    )


def save_listed(
    ws: WorkspaceStore, view: SideBySide, keys: Sequence[str], address: ComparisonAddress, sent: SentForm
) -> str | None:
    """Keep a list as a slice; returns where to go, or None if the form has problems.

    Raises:
        PermissionDenied: The actor is a viewer.
    """
    name, n_first = read_save_form(sent)
    if sent.problems:
        return None
    try:
        wanted = wanted_of(address, keys)
        saved = save_beside(ws, view, name, wanted, address.order, candidate=address.candidate, n_first=n_first)
    except InvalidInput as error:
        sent.message = error.message
        return None
    return saved_path(address.text(""), saved.made.id, "items")


def _items(
    services: AppServices,
    ws: WorkspaceStore,
    view: SideBySide,
    candidate: int,
    places: list[int],
    parts: list[float],
    offset: int,
) -> tuple[ComparedItem, ...]:
    items = ws.items_at(view.population, view.ordinals[places])
    added = [0.0 if part != part else part for part in parts]  # where no member has a weight, none adds anything
    weights = view.weights[candidate - 1][places].tolist()
    columns = [column[places].tolist() for column in view.scores]
    bars = signed_bars(added, higher_is_better=view.higher_is_better)
    return tuple(
        ComparedItem(
            rank=offset + i + 1,
            picture=picture(services, item, ws.actor.workspace_id, view.test.slice_id),
            scores=tuple(
                ComparedScore(
                    score=number(column[i]),
                    path=f"{with_query(f'/evaluations/{evaluation.id}', id=item.reference_id)}#items",
                    difference=signed(column[i] - columns[0][i]) if place else "",
                    change=CHANGES[_change(view, columns[0][i], column[i])] if place else None,
                )
                for place, (evaluation, column) in enumerate(zip(view.evaluations, columns, strict=True))
            ),
            weight=f"{weights[i]:.4g}",
            # An item of a million adds little; six decimals still tell which adds most.
            contribution=signed(added[i], 6),
            bar=bars[i],
        )
        for i, item in enumerate(items)
    )


def _change(view: SideBySide, baseline: float, candidate: float) -> Change:
    if candidate == baseline:
        return Change.EQUAL
    return Change.BETTER if (candidate > baseline) is view.higher_is_better else Change.WORSE


def _heading(view: SideBySide, here: ComparisonAddress) -> str:
    kind = here.order.kind
    if kind in (Kind.LOW, Kind.HIGH):
        return f"By the score of {_name(view, here.order.model)}, {'lowest' if kind is Kind.LOW else 'highest'} first"
    return _ORDERS[kind][0]


def _orders(view: SideBySide, here: ComparisonAddress) -> tuple[Choice, ...]:
    is_pair = len(view.evaluations) == 2  # the spread of two models is the size of their difference
    return tuple(
        Choice(replace(here, order=Order(kind), page=1).text(""), short, kind is here.order.kind)
        for kind, (_, short) in _ORDERS.items()
        if not (is_pair and kind is Kind.SPREAD)
    )


def _heads(view: SideBySide, here: ComparisonAddress) -> tuple[SortLink, ...]:
    heads = []
    for place in range(len(view.evaluations)):
        is_here = here.order.model == place and here.order.kind in (Kind.LOW, Kind.HIGH)
        goal = Order(Kind.HIGH if is_here and here.order.kind is Kind.LOW else Kind.LOW, place)
        direction = "none"
        if is_here:
            direction = "ascending" if here.order.kind is Kind.LOW else "descending"
        path = replace(here, order=goal, page=1).text("")
        title = f"{'Highest' if goal.kind is Kind.HIGH else 'Lowest'} first"
        heads.append(SortLink(_name(view, place), path, title, direction, is_number=True))
    return tuple(heads)


def _range_form(view: SideBySide, here: ComparisonAddress) -> RangeForm:
    kept = replace(here, page=1, baseline_scores="", candidate_scores="")
    a, b = _ends(here.baseline_scores), _ends(here.candidate_scores)
    names = _name(view, 0), _name(view, here.candidate)
    return RangeForm(here.path, tuple(kept.query()), *names, a[0], a[1], b[0], b[1])


def _chips(view: SideBySide, here: ComparisonAddress) -> tuple[FilterChip, ...]:
    first = replace(here, page=1)
    found = []
    if here.baseline_scores:
        text = _chip(_name(view, 0), here.baseline_scores)
        found.append(FilterChip(text, replace(first, baseline_scores="").text()))
    if here.candidate_scores:
        text = _chip(_name(view, here.candidate), here.candidate_scores)
        found.append(FilterChip(text, replace(first, candidate_scores="").text()))
    if here.change:
        what = "scored the same" if here.change == Change.EQUAL else f"{here.change} by {_name(view, here.candidate)}"
        found.append(FilterChip(what, replace(first, change="").text()))
    for text in here.where:
        others = tuple(each for each in here.where if each != text)
        found.append(FilterChip(shortened(text), replace(first, where=others).text()))
    return tuple(found)


def _chip(name: str, text: str) -> str:
    low, high, is_open = _ends(text)
    start = f"{low} ≤ {name}" if low else name
    return f"{start} {'<' if is_open else '≤'} {high}" if high else start


def _name(view: SideBySide, place: int) -> str:
    return shortened(view.evaluations[place].model_name)


def _order(text: str) -> Order:
    name, _, place = text.partition("-")
    if name not in list(Kind):
        return Order()
    kind = Kind(name)
    if kind not in (Kind.LOW, Kind.HIGH):
        return Order(kind)
    return Order(kind, int(place)) if place.isdecimal() and len(place) < 4 else Order()


def _typed_range(low: str, high: str) -> str:
    return f"{low}{_RANGE}{high}" if low or high else ""


def _ends(text: str) -> tuple[str, str, bool]:
    low, _, high = text.partition(_RANGE)
    return low.strip(), high.removeprefix("<").strip(), high.startswith("<")


def _score_range(text: str) -> ScoreRange | None:
    if not text:
        return None
    low, high, is_open = _ends(text)
    if _RANGE not in text or not (low or high):
        raise InvalidInput(f"expected a range such as 0.2..0.4, got {shown(text)}", code="invalid_filter")
    return ScoreRange(_end(low), _end(high), is_open)


def _end(text: str) -> float | None:
    if not text:
        return None
    value = to_number(text)
    if value is None:
        raise InvalidInput(
            f"expected a number such as 0.5 at either end of a range of scores, got {shown(text)}",
            code="invalid_filter",
        )
    return value
