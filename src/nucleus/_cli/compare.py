"""`nucleus compare`: two files of scores, without a server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nucleus._cli.outcomes import DONE, INCONCLUSIVE, REFUSED, fail
from nucleus._cli.output import AsJson, examples, plain, print_fields, print_json, print_line, print_table

if TYPE_CHECKING:
    from nucleus.gate import FileComparison, ItemContribution

_EXIT_CODES = {"passed": DONE, "failed": REFUSED, "inconclusive": INCONCLUSIVE}
_SHOWN_MISSING = 3


def register(app: typer.Typer) -> None:
    """Add `nucleus compare`."""
    app.command(
        epilog=examples(
            "nucleus compare base.csv cand.csv --cluster log_id",
            "nucleus compare base.parquet cand.parquet --margin 0.01 --markdown",
            "nucleus compare scores.csv scores.csv --score model_a --candidate-score model_b",
            "nucleus compare base.jsonl cand.jsonl --id question --score seconds --lower-is-better --json",
        )
    )(compare)


def compare(
    base: Annotated[
        Path, typer.Argument(metavar="BASE", help="The baseline's scores: .csv, .jsonl, .ndjson or .parquet.")
    ],
    cand: Annotated[Path, typer.Argument(metavar="CAND", help="The candidate's scores, of the same items.")],
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Column, in either file, whose equal values are items that depend on each other: a log, a drive, a patient. "
            r"\[default: each item is its own]",
        ),
    ] = None,
    margin: Annotated[
        float, typer.Option(metavar="X", min=0, help="Differences up to it are of no importance, in the scores' unit.")
    ] = 0.0,
    id_column: Annotated[
        str | None,
        typer.Option(
            "--id", metavar="COLUMN", help=r"Column of item ids. \[default: reference_id, item_ref_id, item_id or id]"
        ),
    ] = None,
    score: Annotated[str | None, typer.Option(metavar="COLUMN", help=r"Column of scores. \[default: score]")] = None,
    candidate_score: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of scores in CAND, if it is another one there.")
    ] = None,
    weight: Annotated[
        str | None, typer.Option(metavar="COLUMN", help=r"Column of weights. \[default: weight, if there is one]")
    ] = None,
    lower_is_better: Annotated[bool, typer.Option("--lower-is-better", help="Smaller scores are better.")] = False,
    score_range: Annotated[
        tuple[float, float] | None,
        typer.Option(
            metavar="LOW HIGH",
            help=r"What scores can be, for the worst case of missing items. \[default: 0 1, if all scores are in it]",
        ),
    ] = None,
    effect: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            help=r"Say how many clusters would show a difference of X. \[default: the margin, else the difference found]",
        ),
    ] = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Items that the candidate leaves out do not matter.")
    ] = False,
    seed: Annotated[
        int | None, typer.Option(min=0, help=r"Of the random signs. \[default: always the same one]")
    ] = None,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown, for a comment.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare two models by files of scores, without a server: verdict, interval, and the items that weigh most.

    Exit code 0: the candidate is better, equivalent, or certainly not worse by the margin; 1: it is worse; 2: the data cannot
    tell; 3: wrong usage, or a file that is not as it must be. An empty cell is no score; items with a score in one file only
    are left out and counted, and if the candidate leaves items out, the worst case decides.
    """
    try:
        from nucleus import gate
    except ModuleNotFoundError as error:
        if error.name != "numpy":
            raise
        fail(str(error))
    found = gate.compare_files(
        base,
        cand,
        id=id_column,
        score=score,
        weight=weight,
        cluster=cluster,
        margin=margin,
        lower_is_better=lower_is_better,
        candidate_score=candidate_score,
        score_range=score_range,
        effect=effect,
        allow_missing=allow_missing,
        **({} if seed is None else {"seed": seed}),
    )
    if as_json:
        print_json(found.to_dict())
    elif as_markdown:
        typer.echo(markdown_of(found))
    else:
        _print(found)
    raise typer.Exit(_EXIT_CODES[found.outcome])


def markdown_of(found: FileComparison) -> str:
    """The comparison as a comment in Markdown."""
    lines = [f"**{found.outcome}**: {sentence_of(found)}", ""]
    lines += [f"* {name.replace('_', ' ')}: {text}" for name, text in _facts(found).items()]
    lines += [f"* ⚠ {warning}" for warning in found.warnings]
    if found.top_items:
        lines += ["", "| item | contribution | baseline | candidate | weight |", "|---|--:|--:|--:|--:|"]
        lines += [f"| {' | '.join(map(_escaped, row))} |" for row in map(_row, found.top_items)]
    return "\n".join(lines)


def sentence_of(found: FileComparison) -> str:
    """The verdict in one sentence."""
    side = "above" if found.delta > 0 else "below"
    difference = f"{abs(found.delta):.4g} {side} the baseline" if found.delta else "level with the baseline"
    sentence = (
        f"{found.verdict}: the candidate is {difference}, 95 % interval {_interval(found.interval)}, p = {_p(found)}"
    )
    if found.verdict in ("inconclusive", "too few clusters") and found.is_non_inferior:
        sentence += f"; certainly not worse by {found.margin:g} or more"
    return sentence


def _print(found: FileComparison) -> None:
    color = {"passed": "bold green", "failed": "bold red"}.get(found.outcome, "bold yellow")
    text = plain(sentence_of(found))
    text.stylize(color, 0, len(found.verdict))
    print_fields({"verdict": text, **_facts(found)})
    if found.top_items:
        print_table(
            ["item", "contribution", "baseline", "candidate", "weight"],
            map(_row, found.top_items),
            title=f"The {len(found.top_items)} items that weigh most",
        )
    for warning in found.warnings:
        print_line(f"! {warning}")


def _facts(found: FileComparison) -> dict[str, str]:
    base, cand = found.baseline, found.candidate
    facts = {
        "baseline": f"{base.result:.6g} ({base.path}, {base.score_column}: {base.n_scored:,} scores)",
        "candidate": f"{cand.result:.6g} ({cand.path}, {cand.score_column}: {cand.n_scored:,} scores)",
        "compared": _compared(found),
    }
    if found.minimum_detectable_effect:
        facts["could_have_been_seen"] = (
            f"a true difference of {found.minimum_detectable_effect:.4g}, with 80 % probability"
        )
    if found.clusters_needed is not None and found.effect is not None:
        facts["clusters_needed"] = f"{found.clusters_needed:,} to see a difference of {found.effect:.4g}"
    if found.missing.n:
        facts["missing_in_candidate"] = _missing(found)
    if found.n_only_in_candidate:
        facts["missing_in_baseline"] = f"{_items(found.n_only_in_candidate)}, left out"
    return facts


def _compared(found: FileComparison) -> str:
    unit = "each its own cluster" if found.cluster is None else f"{found.n_clusters:,} clusters by {found.cluster}"
    parts = [f"{_items(found.n)}, {unit}"]
    if found.n_without_cluster_value:
        parts.append(f"{found.n_without_cluster_value:,} of them without a value of it, each its own")
    if round(found.n_effective) < found.n:
        parts.append(f"the weights are worth {found.n_effective:,.0f} items of equal weight")
    return "; ".join(parts)


def _missing(found: FileComparison) -> str:
    missing = found.missing
    shown = ", ".join(missing.examples[:_SHOWN_MISSING]) + (", …" if missing.n > _SHOWN_MISSING else "")
    text = f"{_items(missing.n)} ({shown})"
    if missing.worst_case is None:
        return text
    worst = missing.worst_case
    return f"{text}; with them at the worst score: {worst.verdict}, {worst.delta:+.4g}, {_interval(worst.interval)}"


def _row(item: ItemContribution) -> list[str]:
    return [
        item.reference_id,
        f"{item.contribution:+.3g}",
        f"{item.baseline_score:.4g}",
        f"{item.candidate_score:.4g}",
        f"{item.weight:.4g}",
    ]


def _items(n: int) -> str:
    return f"{n:,} item{'' if n == 1 else 's'}"


def _interval(ends: tuple[float | None, float | None]) -> str:
    low, high = ("unbounded" if end is None else f"{end:+.4g}" for end in ends)
    return f"{low} to {high}"


def _p(found: FileComparison) -> str:
    return f"{found.p_value:.2g}"


def _escaped(text: str) -> str:
    return text.replace("|", r"\|").replace("\n", " ")
