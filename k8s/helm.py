"""Does `helm lint`, `helm template` and `helm package` by Helm's own library, for machines without a helm."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import helm_python
import yaml

HERE: Final = Path(__file__).parent
CHART: Final = HERE / "chart"
ERROR: Final = 3
"""The severity of a finding of `lint` that makes it fail."""
DOCUMENT: Final = "---\n# Source: {path}\n{text}\n"


def command() -> list[str]:
    """The helm of this machine, else this program."""
    installed = shutil.which("helm")
    return [installed] if installed else [sys.executable, __file__]


def main() -> int:
    """Carry out one command, as helm words it."""
    asked = _parser().parse_args()
    try:
        return int(asked.run(asked))
    except helm_python.HelmError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1


def _lint(asked: argparse.Namespace) -> int:
    report = helm_python.lint(asked.chart, _values(asked), strict=asked.strict)
    for found in report["messages"]:
        sys.stdout.write(f"[{found['severity']}] {found['path']}: {found['error']}\n")
    failed = report["errors"] or [each for each in report["messages"] if each["severity"] >= ERROR]
    sys.stdout.write(f"{report['total_charts_linted']} chart(s) linted, {len(failed)} failed\n")
    return int(bool(failed))


def _template(asked: argparse.Namespace) -> int:
    values = _values(asked)
    with helm_python.Chart.load(asked.chart) as chart:
        chart.validate_schema(values)
        rendered = chart.render(values, name=asked.release, namespace=asked.namespace)
    for path, text in sorted(rendered.items()):
        if not path.endswith("NOTES.txt") and text.strip():
            sys.stdout.write(DOCUMENT.format(path=path, text=text.strip("\n")))
    return 0


def _package(asked: argparse.Namespace) -> int:
    Path(asked.destination).mkdir(parents=True, exist_ok=True)
    archive = helm_python.package(asked.chart, destination=asked.destination)
    sys.stdout.write(f"Successfully packaged chart and saved it to: {archive}\n")
    return 0


def _values(asked: argparse.Namespace) -> dict[str, Any]:
    """What the files and expressions of a command line say, the later ones before the earlier ones."""
    values: dict[str, Any] = {}
    for file in asked.values:
        values = _merged(values, yaml.safe_load(Path(file).read_text(encoding="utf-8")) or {})
    for expression in asked.set:
        values = _merged(values, helm_python.parse_set_string(expression))
    return values


def _merged(values: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    deeper = {
        name: _merged(values[name], value)
        for name, value in more.items()
        if isinstance(value, Mapping) and isinstance(values.get(name), Mapping)
    }
    return {**values, **more, **deeper}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="helm", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    lint = commands.add_parser("lint", help="look for what is wrong with a chart")
    lint.add_argument("--strict", action="store_true", help="warnings are errors")
    lint.set_defaults(run=_lint)
    template = commands.add_parser("template", help="print the objects of a chart")
    template.add_argument("release")
    template.add_argument("-n", "--namespace", default="default")
    template.set_defaults(run=_template)
    package = commands.add_parser("package", help="pack a chart into an archive")
    package.add_argument("-d", "--destination", default=".")
    package.set_defaults(run=_package)
    for each in (lint, template, package):
        each.add_argument("chart")
    for each in (lint, template):
        each.add_argument("-f", "--values", action="append", default=[], metavar="FILE")
        each.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    return parser


if __name__ == "__main__":
    sys.exit(main())
