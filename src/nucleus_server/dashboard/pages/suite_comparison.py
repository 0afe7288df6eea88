"""Several candidates against a baseline over a suite of tests, and the items that got worse in several of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import parse_qs, quote, urlencode

import numpy as np

from nucleus_server.dashboard.contexts import (
    Choice,
    Frame,
    ModelChoice,
    Pages,
    Picture,
    Progress,
    SuiteCell,
    SuiteChooser,
    SuiteCount,
    SuiteModel,
    SuitePage,
    SuiteRow,
    Verdict,
    WorseItemRow,
    WorseItems,
    WorseItemsPart,
    WorseWhere,
)
from nucleus_server.dashboard.intervals import interval_text
from nucleus_server.dashboard.pages.pictures import picture
from nucleus_server.dashboard.pages.saved_lists import read_save_form, save_form, saved_path, saved_slice
from nucleus_server.dashboard.pages.shared import UNDEFINED, counted, number, shortened, with_query
from nucleus_server.dashboard.pages.verdict_words import comparison_verdict, delta_text, unit_text
from nucleus_server.dashboard.sent_forms import SentForm
from nucleus_server.dashboard.site import page_number
from nucleus_server.domain import Item, Model, ReportEntry
from nucleus_server.errors import InvalidInput, NotFound
from nucleus_server.services import WorkspaceStore
from nucleus_server.services import worse_items as worse
from nucleus_server.services.app_services import AppServices
from nucleus_server.services.suite_comparison import (
    COMPUTING,
    NOT_COMPARED,
    OWN,
    SuiteComparison,
    SuiteLine,
    compare_suite,
    word_of,
)

_PATIENCE_S = 0.5
_ROWS = 50
_ITEMS = 24
_WHERE = 4
_MOST_LISTED = 40
_WORDS = {
    "better": comparison_verdict("better"),
    "worse": comparison_verdict("worse"),
    "equivalent": comparison_verdict("equivalent"),
    "inconclusive": comparison_verdict("inconclusive"),
    "too few clusters": comparison_verdict("too few clusters"),
    NOT_COMPARED: Verdict(
        "not compared", "○", "none", "One of the two was not evaluated here, or no item has both scores."
    ),
    COMPUTING: Verdict("computing", "…", "busy", "The verdict is being computed."),
}


@dataclass(frozen=True, slots=True)
class SuiteAddress:
    """What the address of the page says.

    Attributes:
        baseline: A model's id, or `own` for each test's own.
        models: The candidates' ids.
        tags, tests: What the suite is limited to; empty for all tests.
        of: The place of the candidate whose items are shown, from 1.
        only: A verdict and the place of a candidate, such as `worse-1`; empty for all rows.
        dataset: Whose items are shown; empty for the dataset with most tests.
        least: In how many tests an item got worse at least.
    """

    baseline: str = ""
    models: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    of: int = 1
    only: str = ""
    rows: int = 1
    page: int = 1
    dataset: str = ""
    least: int = worse.FEWEST_TESTS

    def query(self, *, of_suite: bool = False) -> list[tuple[str, str]]:
        """The parameters that differ from what a plain address means; of the suite alone, without what is shown of it."""
        parts = [("baseline", self.baseline), ("models", ",".join(self.models))]
        parts += [("tag", tag) for tag in self.tags] + [("test", test) for test in self.tests]
        if not of_suite:
            parts += [
                ("of", str(self.of) if self.of > 1 else ""),
                ("only", self.only),
                ("rows", str(self.rows) if self.rows > 1 else ""),
                ("dataset", self.dataset),
                ("least", str(self.least) if self.least != worse.FEWEST_TESTS else ""),
                ("page", str(self.page) if self.page > 1 else ""),
            ]
        return [(name, value) for name, value in parts if value]

    def text(self, path: str = "/compare", fragment: str = "", *, of_suite: bool = False) -> str:
        """The address of a page about this suite."""
        query = urlencode(self.query(of_suite=of_suite), safe=",", quote_via=quote)
        return f"{path}{'?' if query else ''}{query}{'#' if fragment else ''}{fragment}"


def read_suite_address(query: str) -> SuiteAddress:
    """What a query string says; what it cannot mean is passed over."""
    found = parse_qs(query)

    def last(name: str) -> str:
        return found.get(name, [""])[-1].strip()

    def every(name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(text for text in found.get(name, []) if text))

    models = [part.strip() for text in found.get("models", []) for part in text.split(",")]
    return SuiteAddress(
        baseline=last("baseline"),
        models=tuple(dict.fromkeys(model for model in models if model)),
        tags=every("tag"),
        tests=every("test"),
        of=page_number(last("of")),
        only=last("only"),
        rows=page_number(last("rows")),
        page=page_number(last("page")),
        dataset=last("dataset"),
        least=page_number(last("least")) if last("least") else worse.FEWEST_TESTS,
    )


def suite_page(
    services: AppServices,
    ws: WorkspaceStore,
    frame: Frame,
    query: str,
    address_of_server: str,
    *,
    saved_id: str = "",
    sent: SentForm | None = None,
    is_whole: bool = False,
) -> SuitePage:
    """The comparison that the address asks for; without models only the form that chooses them.

    Args:
        is_whole: Whether the items that got worse are in it, for who has no JavaScript, and after a form.
    """
    address = read_suite_address(query)
    found, problem = None, None
    if address.models:
        try:
            found = compare_suite(
                ws,
                address.baseline or OWN,
                address.models,
                tags=address.tags,
                test_ids=address.tests,
                wait_s=_PATIENCE_S,
            )
        except (InvalidInput, NotFound) as error:
            problem = error.message
    elif address.baseline:
        problem = "Expected at least one model beside the baseline, got none: choose one."
    lines: list[SuiteLine] = []
    n_pages, only = 1, ""
    if found is not None:
        address = replace(address, of=min(address.of, len(found.candidates)))
        lines, only = _narrowed(found, address.only)
        n_pages = max(1, -(-len(lines) // _ROWS))
        address = replace(address, rows=min(address.rows, n_pages), only=address.only if only else "")
    first = (address.rows - 1) * _ROWS
    worse_path = None
    shown = None
    if found is not None and _dataset_keys(found, address.of - 1):
        if is_whole:
            shown = _worse_items(services, ws, found, address, saved_id, sent)
        else:
            worse_path = address.text("/compare/worse")
    return SuitePage(
        frame=frame,
        chooser=_chooser(ws, address),
        problem=problem,
        baseline="" if found is None else "each test's own baseline" if found.baseline is None else found.baseline.name,
        models=() if found is None else tuple(_model(found, address, place) for place in range(len(found.candidates))),
        rows=() if found is None else tuple(_row(line, found, address) for line in lines[first : first + _ROWS]),
        pages=Pages(
            number=address.rows,
            n_pages=n_pages,
            n_rows=len(lines),
            previous_path=replace(address, rows=address.rows - 1).text(fragment="suite") if address.rows > 1 else None,
            next_path=replace(address, rows=address.rows + 1).text(fragment="suite")
            if address.rows < n_pages
            else None,
        ),
        only=only,
        all_path=replace(address, only="", rows=1).text(fragment="suite"),
        files=("/compare", address.text("", of_suite=True)),
        progress=None if found is None else _progress(found, address),
        worse=shown,
        worse_path=worse_path,
        code=f"""import nucleus

client = nucleus.NucleusClient("YOUR_KEY", endpoint="{address_of_server}/v1/nucleus")
dataset = client.get_dataset("YOUR_DATASET_ID")
model = client.create_model("my model", "my-model-1")
table = {{"item_ref_id": ["1", "2"], "score": [0.91, 0.78]}}  # or a pandas, polars or pyarrow table
print(dataset.upload_scores({{"YOUR_FUNCTION": "score"}}, model, table))""",
    )


def worse_part(services: AppServices, ws: WorkspaceStore, frame: Frame, query: str) -> WorseItemsPart:
    """The items that got worse alone."""
    found, address = suite_of(ws, query, wait_s=0)
    return WorseItemsPart(frame, _worse_items(services, ws, found, address, "", None), None)


def find_comparing_suite(ws: WorkspaceStore, query: str) -> Progress | None:
    """How far the verdicts are; None if there is nothing to wait for."""
    return _progress(*suite_of(ws, query, wait_s=0))


def suite_of(ws: WorkspaceStore, query: str, *, wait_s: float) -> tuple[SuiteComparison, SuiteAddress]:
    """What an address asks for.

    Raises:
        NotFound: A model or a test does not exist.
        InvalidInput: There is nothing to compare.
    """
    address = read_suite_address(query)
    found = compare_suite(
        ws, address.baseline or OWN, address.models, tags=address.tags, test_ids=address.tests, wait_s=wait_s
    )
    return found, replace(address, of=min(address.of, len(found.candidates)))


def found_worse(ws: WorkspaceStore, query: str) -> worse.WorseItems:
    """The items that got worse, of the candidate and dataset that an address names.

    Raises:
        NotFound: A model or a test does not exist.
        InvalidInput: There is nothing to compare.
    """
    return _found_worse(ws, *suite_of(ws, query, wait_s=0))


def save_worse_items(ws: WorkspaceStore, sent: SentForm) -> str | None:
    """Keep these items as a slice; returns where to go, or None if the form has problems.

    Raises:
        PermissionDenied: The actor is a viewer.
    """
    name, n_first = read_save_form(sent)
    if sent.problems:
        return None
    query = sent.values.get("query", "")
    found = found_worse(ws, query)
    try:
        made = worse.save_worse(ws, found, found.matters[0].test.dataset_id, name, n_first=n_first).made
    except InvalidInput as error:
        sent.message = error.message
        return None
    return saved_path(read_suite_address(query).text(), made.id, "worse")


def _narrowed(found: SuiteComparison, only: str) -> tuple[list[SuiteLine], str]:
    """The lines with this verdict of this candidate, and that in words; all lines if it means nothing."""
    word, _, place = only.rpartition("-")
    if word not in _WORDS or not place.isdecimal() or not 1 <= int(place[:4]) <= len(found.candidates):
        return list(found.lines), ""
    candidate = int(place) - 1
    return (
        [line for line in found.lines if line.words[candidate] == word],
        f"{found.candidates[candidate].name}: {word}",
    )


def _model(found: SuiteComparison, address: SuiteAddress, place: int) -> SuiteModel:
    model = found.candidates[place]
    report = {"model": [model.id], "tag": address.tags, "test": address.tests}
    baseline = {} if found.baseline is None else {"baseline": [found.baseline.id]}
    of_it = replace(address, of=place + 1, page=1, dataset="", rows=1, only="")
    return SuiteModel(
        name=model.name,
        path=f"/models/{model.id}",
        report_path=f"/report?{urlencode({**report, **baseline}, doseq=True)}",
        worse_path=of_it.text(fragment="worse"),
        is_chosen=address.of == place + 1,
        counts=tuple(
            SuiteCount(
                verdict,
                f"{found.count(place, word):,}",
                replace(address, only=f"{word}-{place + 1}", rows=1).text(fragment="suite"),
                address.only == f"{word}-{place + 1}",
            )
            for word, verdict in _WORDS.items()
            if found.count(place, word) or word in ("better", "worse", "equivalent", "inconclusive")
        ),
    )


def _row(line: SuiteLine, found: SuiteComparison, address: SuiteAddress) -> SuiteRow:
    first = next((matter.baseline for matter in line.matters if matter.baseline is not None), None)
    compared = [m.candidate.model_id for m in line.matters if m.candidate is not None]
    compare_path = None
    if first is not None and compared:
        compare_path = (
            f"/tests/{line.test.id}/compare?function={line.entry.function.id}&baseline={first.model_id}"
            f"&models={','.join(compared)}"
        )
    unit = line.entry.function.unit
    return SuiteRow(
        test_name=line.test.name,
        test_path=f"/tests/{line.test.id}",
        is_blocking=line.test.is_blocking,
        function_name=line.entry.function.name,
        baseline_name=UNDEFINED if first is None else first.model_name,
        baseline=UNDEFINED if first is None else f"{number(first.result)}{unit_text(unit)}",
        baseline_path=None if first is None else f"/evaluations/{first.id}",
        compare_path=compare_path,
        cells=tuple(
            _cell(entry, model, is_baseline=matter.is_baseline)
            for entry, model, matter in zip(line.entries, found.candidates, line.matters, strict=True)
        ),
    )


def _cell(entry: ReportEntry, model: Model, *, is_baseline: bool) -> SuiteCell:
    pair, candidate = entry.comparison, entry.candidate
    verdict = _WORDS[word_of(entry)]
    if is_baseline:
        verdict = Verdict("baseline", "◆", "none", "It is what this test compares with.")
    return SuiteCell(
        model_name=model.name,
        path=entry.compare_path,
        verdict=verdict,
        delta="" if pair is None or pair.delta is None else delta_text(pair.delta, entry.unit),
        interval="" if pair is None or pair.delta is None else interval_text(pair.low, pair.high),
        partial=f"{candidate.n_scored:,} of {candidate.n_members:,} scored"
        if candidate is not None and candidate.n_scored < candidate.n_members
        else "",
    )


def _dataset_keys(found: SuiteComparison, place: int) -> list[int]:
    """Datasets with a test on which the candidate can be compared, those with most tests first."""
    tests: dict[int, set[int]] = {}
    for line in found.lines:
        matter = line.matters[place]
        if matter.baseline is not None and matter.candidate is not None:
            tests.setdefault(line.test.dataset_key, set()).add(line.test.key)
    return sorted(tests, key=lambda key: (-len(tests[key]), key))


def _found_worse(ws: WorkspaceStore, found: SuiteComparison, address: SuiteAddress) -> worse.WorseItems:
    place = address.of - 1
    keys = _dataset_keys(found, place)
    if not keys:
        raise InvalidInput(
            "expected a test on which the candidate and the baseline were both evaluated, got none",
            code="no_evaluation",
        )
    by_id = {line.test.dataset_id: line.test.dataset_key for line in found.lines}
    key = by_id.get(address.dataset, keys[0])
    matters = [line.matters[place] for line in found.lines]
    return worse.worse_items(ws, matters, key if key in keys else keys[0], least=address.least)


def _worse_items(
    services: AppServices,
    ws: WorkspaceStore,
    found: SuiteComparison,
    address: SuiteAddress,
    saved_id: str,
    sent: SentForm | None,
) -> WorseItems:
    place = address.of - 1
    keys, shown = _dataset_keys(found, place), _found_worse(ws, found, address)
    datasets = {dataset.key: dataset for dataset in ws.list_datasets()}
    n_items = len(shown.ordinals)
    n_pages = max(1, -(-n_items // _ITEMS))
    here = replace(address, page=min(address.page, n_pages))
    offset = (here.page - 1) * _ITEMS
    ordinals = shown.ordinals[offset : offset + _ITEMS]
    items = ws.items_at(shown.dataset_key, ordinals)
    where = worse.where_worse(ws, shown, np.asarray(ordinals, dtype=np.int64))
    n_tests = shown.n_tests_compared
    can_write = ws.actor.can_write
    functions = [matter.entry.function.name for matter in shown.matters]
    return WorseItems(
        model_name=found.candidates[place].name,
        dataset_name=datasets[shown.dataset_key].name,
        datasets=tuple(
            Choice(
                replace(here, dataset=datasets[key].id, page=1).text(fragment="worse"),
                datasets[key].name,
                key == shown.dataset_key,
            )
            for key in (keys if len(keys) > 1 else ())
        ),
        rows=tuple(
            _worse_row(services, ws, item, offset + i, int(shown.n_tests[offset + i]), shown, losses)
            for i, (item, losses) in enumerate(zip(items, where, strict=True))
        ),
        pages=Pages(
            number=here.page,
            n_pages=n_pages,
            n_rows=n_items,
            previous_path=replace(here, page=here.page - 1).text(fragment="worse") if here.page > 1 else None,
            next_path=replace(here, page=here.page + 1).text(fragment="worse") if here.page < n_pages else None,
        ),
        n_tests=n_tests,
        least=here.least,
        leasts=tuple(
            Choice(replace(here, least=least, page=1).text(fragment="worse"), f"{least:,}", least == here.least)
            for least in sorted({*range(1, min(n_tests, 5) + 1), n_tests, here.least})
        ),
        files=("/compare/worse", here.text("")),
        save=save_form("/compare/worse/slice", urlencode(here.query()), n_items, sent)
        if can_write and (n_items or sent is not None)
        else None,
        no_save="" if can_write else "Viewers change nothing: a member can save these items as a slice.",
        saved=saved_slice(ws, functions[0] if functions else "YOUR_FUNCTION", saved_id),
    )


def _worse_row(
    services: AppServices,
    ws: WorkspaceStore,
    item: Item,
    place: int,
    n_tests: int,
    shown: worse.WorseItems,
    losses: list[worse.Loss],
) -> WorseItemRow:
    image: Picture = picture(services, item, ws.actor.workspace_id, None)
    return WorseItemRow(
        rank=place + 1,
        picture=image,
        n_tests=counted(n_tests, "test"),
        loss=f"{float(shown.losses[place]):.4f}",
        where=tuple(_where(each) for each in losses[:_WHERE]),
        n_more=max(0, len(losses) - _WHERE),
    )


def _where(each: worse.Loss) -> WorseWhere:
    matter = each.matter
    assert matter.baseline is not None and matter.candidate is not None
    function = matter.entry.function
    return WorseWhere(
        text=f"{shortened(function.name)} on {shortened(matter.test.name)}",
        path=f"{with_query(f'/compare/{matter.baseline.id}/{matter.candidate.id}', sort='against', only='worse')}#items",
        scores=f"{number(each.baseline)} → {number(each.candidate)}{unit_text(function.unit)}",
    )


def _chooser(ws: WorkspaceStore, address: SuiteAddress) -> SuiteChooser:
    models = ws.list_models()[::-1]
    chosen = set(address.models)
    listed = [
        model
        for place, model in enumerate(models)
        if place < _MOST_LISTED or model.id in chosen or model.id == address.baseline
    ]
    tags = sorted({tag for test in ws.list_scenario_tests() for tag in test.tags} | set(address.tags))
    baseline = address.baseline or OWN
    return SuiteChooser(
        baselines=(
            Choice(OWN, "each test's own", baseline == OWN),
            *(Choice(model.id, model.name, model.id == baseline) for model in listed),
        ),
        models=tuple(ModelChoice(model.id, model.name, model.id in chosen, ", ".join(model.tags)) for model in listed),
        n_more=len(models) - len(listed),
        tags=(Choice("", "all tests", not address.tags), *(Choice(tag, tag, tag in address.tags) for tag in tags)),
        tests=address.tests,
    )


def _progress(found: SuiteComparison, address: SuiteAddress) -> Progress | None:
    if found.n_computed >= found.n_comparisons:
        return None
    text = f"{found.n_computed:,} of {counted(found.n_comparisons, 'verdict')} computed."
    return Progress(
        text, 100 * found.n_computed / found.n_comparisons, address.text("/compare/progress"), address.text()
    )
