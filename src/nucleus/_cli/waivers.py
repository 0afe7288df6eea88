"""`nucleus waivers`: known regressions that somebody accepted until a date."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timezone
from typing import Annotated, Any

import typer

from nucleus._cli.finding import find_function, find_model, find_test
from nucleus._cli.outcomes import fail
from nucleus._cli.output import AsJson, Yes, confirm, examples, print_fields, print_json, print_line, print_table, when
from nucleus._cli.session import client_of
from nucleus.validate.waivers import Waiver

app = typer.Typer(no_args_is_help=True, help="Waivers: known regressions that are accepted until a date.")

_DATE = re.compile(r"\d{4}-\d\d-\d\d")


@app.command("list", epilog=examples("nucleus waivers list", "nucleus waivers list --all"))
def list_waivers(
    context: typer.Context,
    all_: Annotated[bool, typer.Option("--all", help="Also those that expired or were revoked.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the waivers in force, newest first."""
    found = client_of(context).validate.waivers(active=not all_)
    if as_json:
        print_json(list(map(_row, found)))
        return
    print_table(
        ["id", "test", "function", "model", "status", "owner", "expires", "reason"],
        [
            [
                w.id,
                w.scenario_test_name,
                w.eval_function_name,
                w.model_name or w.model_id or "any",
                w.status,
                w.owner,
                w.expires_at,
                w.reason,
            ]
            for w in found
        ],
    )


@app.command(
    epilog=examples(
        "nucleus waivers create 'night, pedestrians' custom_mAP --model detector-v4 --owner maria --expires 2025-12-31 "
        "--reason 'labels of May are wrong, new ones come in December'"
    )
)
def create(
    context: typer.Context,
    test: Annotated[str, typer.Argument(metavar="TEST", help="Id or name of the test.")],
    function: Annotated[str, typer.Argument(metavar="FUNCTION", help="Id or name of a function of the test.")],
    reason: Annotated[str, typer.Option(help="Why it is accepted.")],
    owner: Annotated[str, typer.Option(help="Who answers for it.")],
    expires: Annotated[
        str,
        typer.Option(
            metavar="WHEN",
            help="A date, which still counts (in UTC), or a moment in ISO 8601 with its zone. From then on it is red again.",
        ),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL", help=r"The only candidate it holds for: id, reference id or name. \[default: any]"
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Accept that a model fails a function of a test, or that nobody can tell; every report shows it."""
    expires_at = _moment(expires)
    client = client_of(context)
    made = client.validate.create_waiver(
        find_test(client, test),
        find_function(client, function),
        model=None if model is None else find_model(client, model),
        reason=reason,
        owner=owner,
        expires_at=expires_at,
    )
    _print(made, as_json)


@app.command(epilog=examples("nucleus waivers revoke wv_…"))
def revoke(
    context: typer.Context,
    waiver: Annotated[str, typer.Argument(metavar="WAIVER", help="Its id, wv_….")],
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """End a waiver now: what it covers counts again."""
    found = next((w for w in client_of(context).validate.waivers(active=False) if w.id == waiver), None)
    if found is None:
        fail(f"no waiver has the id {waiver!r}: see nucleus waivers list --all")
    covered = f"{found.scenario_test_name} / {found.eval_function_name}"
    confirm(f"Revoke the waiver {found.id} of {covered}?", is_sure=yes)
    found.revoke()
    if as_json:
        print_json(_row(found))
    else:
        print_line(f"Revoked the waiver {found.id}: {covered} counts again.")


def _moment(text: str) -> datetime:
    """The moment that the text says; of a date, its end in UTC."""
    try:
        if _DATE.fullmatch(text):
            return datetime.combine(date.fromisoformat(text), time.max, timezone.utc)
        moment = when(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        fail(f"expected --expires as 2025-12-31 or as 2025-12-31T18:00:00+01:00, got {text!r}")
    return moment


def _row(waiver: Waiver) -> dict[str, Any]:
    return {
        "id": waiver.id,
        "scenario_test_id": waiver.scenario_test_id,
        "scenario_test_name": waiver.scenario_test_name,
        "eval_function_id": waiver.eval_function_id,
        "eval_function_name": waiver.eval_function_name,
        "model_id": waiver.model_id,
        "model_name": waiver.model_name,
        "reason": waiver.reason,
        "owner": waiver.owner,
        "expires_at": waiver.expires_at,
        "status": waiver.status,
        "created_at": waiver.created_at,
        "user_name": waiver.user_name,
    }


def _print(waiver: Waiver, as_json: bool) -> None:
    row = _row(waiver)
    if as_json:
        print_json(row)
        return
    hidden = ("scenario_test_id", "eval_function_id", "model_id")
    print_fields(
        {name: value for name, value in row.items() if name not in hidden} | {"model_name": waiver.model_name or "any"}
    )
