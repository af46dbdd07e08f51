"""Validates what `topple check` writes against the published schemas of SARIF and JUnit.

    python3 -m venv venv && venv/bin/pip install -r tests/schemas/requirements.txt
    topple check traces/ -o gate.sarif -o gate.xml
    venv/bin/python tests/schemas/validate.py gate.sarif gate.xml [--schemas FOLDER]

A snapshot of the tests (`*.snap`) is read like the report that it holds. The schemas are the documents of their
owners, so they are downloaded and not kept here; `--schemas` names a folder that has them already, under the last part
of their addresses. What the tests of the project check without them is written from the specifications.
"""

import argparse
import io
import json
import pathlib
import sys
import urllib.request

SARIF = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
JUNIT = "https://raw.githubusercontent.com/jenkinsci/xunit-plugin/master/src/main/resources/org/jenkinsci/plugins/xunit/types/model/xsd/junit-10.xsd"


def fetched(address, folder):
    """Returns the text of a schema."""
    if folder:
        name = address.rsplit("/", 1)[1]
        return (pathlib.Path(folder) / name).read_text(encoding="utf-8")
    with urllib.request.urlopen(address, timeout=60) as answer:
        return answer.read().decode("utf-8")


def sarif_errors(report, schema):
    import jsonschema

    schema = json.loads(schema)
    validator = jsonschema.validators.validator_for(schema)
    validator = validator(schema, format_checker=jsonschema.FormatChecker())
    for error in validator.iter_errors(json.loads(report)):
        yield f"{error.json_path}: {error.message}"


def junit_errors(report, schema):
    import xmlschema

    for error in xmlschema.XMLSchema(schema).iter_errors(io.StringIO(report)):
        yield f"{error.path}: {error.reason}"


def main():
    arguments = argparse.ArgumentParser(description="Validates SARIF and JUnit against their published schemas.")
    arguments.add_argument("reports", nargs="+", metavar="REPORT")
    arguments.add_argument("--schemas", metavar="FOLDER")
    arguments = arguments.parse_args()
    wrong = 0
    for name in arguments.reports:
        report = pathlib.Path(name).read_text(encoding="utf-8")
        if name.endswith(".snap"):
            report = report.split("---\n", 2)[2]
        if report.lstrip().startswith("{"):
            errors = list(sarif_errors(report, fetched(SARIF, arguments.schemas)))
        else:
            errors = list(junit_errors(report, fetched(JUNIT, arguments.schemas)))
        wrong += len(errors)
        print(f"{name}: {'valid' if not errors else 'not valid'}")
        for error in errors:
            print(f"  {error}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
