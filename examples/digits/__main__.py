"""The demo: starts a server on SQLite, trains two classifiers, evaluates them, prints the results and the link."""

from __future__ import annotations

import argparse
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from examples.digits import classifiers, scenarios
from nucleus import NucleusClient
from nucleus.validate import ExternalEvalFunction, ScenarioTest, ScenarioTestEvaluation

_out = Console()
_LOGIN_LINK = re.compile(r"http://\S+/login/\S+")


def main() -> int:
    """Run the demo; 0 if all of it worked."""
    options = _options()
    with _server(options.data_dir, options.port) as (address, login_link):
        key = os.environ.get("NUCLEUS_BOOTSTRAP_KEY") or (options.data_dir / "admin.key").read_text().strip()
        client = NucleusClient(key, endpoint=f"{address}/v1/nucleus")
        _out.print("Training two classifiers on scikit-learn's digits …")
        train, digits, images = classifiers.held_out_images()
        trained = classifiers.train_classifiers(train, digits, images)
        _out.print(f"Uploading {len(images)} held-out images and the scores of {len(trained)} models …")
        dataset = scenarios.upload_images(client, images, options.data_dir / "digits")
        functions = scenarios.make_functions(client)
        tests = scenarios.make_tests(client, dataset, images, functions)
        baseline, candidate = scenarios.upload_results(client, tests, functions, images, trained)
        _out.print(_results_table(tests, functions))
        verdicts = scenarios.compare(tests, baseline, candidate)
        _out.print(f"More than chance? {candidate.name} beside the baseline, {baseline.name}:", soft_wrap=True)
        for verdict in verdicts:
            _out.print(f"  {verdict}", highlight=False, markup=False, soft_wrap=True)
        _out.print(f"Dashboard, logged in: {login_link}", highlight=False, soft_wrap=True)
        _out.print(f"The last comparison, and why: {verdicts[-1].url}", highlight=False, soft_wrap=True)
        if not options.exit:
            _out.print("The server runs until you press Ctrl-C.")
            try:
                signal.pause()
            except KeyboardInterrupt:
                _out.print("Stopped. Run again to go on with the same data.")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--data-dir", type=Path, default=Path("nucleus-data"), help="folder of the server's data")
    parser.add_argument(
        "--port", type=int, default=8000, help="port of the server; another one is taken if it is in use"
    )
    parser.add_argument("--exit", action="store_true", help="stop the server after printing the results")
    return parser.parse_args()


@contextmanager
def _server(data_dir: Path, port: int) -> Iterator[tuple[str, str]]:
    """A server of our own, and the link it prints that logs in once."""
    port = port if _is_free(port) else 0
    nucleus = Path(sys.executable).with_name("nucleus")
    process = subprocess.Popen(
        [nucleus, "serve", "--port", str(port), "--data-dir", data_dir], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        link = None
        for line in process.stdout:
            link = _LOGIN_LINK.search(line)
            if link:
                break
        if link is None:
            raise SystemExit("The server did not start; its message is above.")
        yield link[0].partition("/login/")[0], link[0]
    finally:
        process.terminate()
        process.wait(timeout=30)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _results_table(tests: dict[str, ScenarioTest], functions: dict[str, ExternalEvalFunction]) -> Table:
    """Tests x models: the newest result of each function against its criterion, and the coverage."""
    names = {function.id: name for name, function in functions.items()}
    newest = {
        (name, e.eval_function_id, e.model_name): e for name, test in tests.items() for e in test.get_eval_history()
    }
    models = list(dict.fromkeys(model for _, _, model in newest))
    table = Table("Test", "Function", *models, show_lines=True)
    for name in tests:
        for function_id, function in names.items():
            cells = [_cell(newest.get((name, function_id, model))) for model in models]
            table.add_row(name, function, *cells)
    return table


def _cell(evaluation: ScenarioTestEvaluation | None) -> str:
    if evaluation is None or evaluation.result is None:
        return "–"
    scored = f"{evaluation.n_scored}/{evaluation.n_members} scored"
    criterion = evaluation.criterion
    if criterion is None:
        return f"{evaluation.result:.4f} – no criterion\n{scored}"
    verdict = "[cyan]✓ passed[/]" if evaluation.passed else "[bold red]✗ failed[/]"
    source = "baseline" if criterion["source"] == "baseline" else "threshold"
    return f"{evaluation.result:.4f} {verdict}\n{source} {criterion['threshold']:.4f}, {scored}"


if __name__ == "__main__":
    sys.exit(main())
