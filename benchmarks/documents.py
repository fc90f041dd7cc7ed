"""Nested documents: 100,000 records of a Smart Data Model, SQL beside the record engine.

    python benchmarks/documents.py SCHEMA EXAMPLE REGISTRY_PREFIX=DIR [RECORDS]

SCHEMA is the model's schema.json, EXAMPLE one of its records. Every tenth record gets a wrong
member. Prints seconds (user time of this process and its threads) for reading alone and for each engine.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
from pathlib import Path

import cimkit
from cimkit.formats import open as open_source
from cimkit.formats import stage


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(schema: str, example: str, registry: str, records: str = "100000") -> None:
    prefix, _, folder = registry.partition("=")
    record = json.loads(Path(example).read_text("utf-8"))
    with tempfile.TemporaryDirectory() as work:
        data = Path(work) / "records.jsonl"
        with data.open("w", encoding="utf-8") as out:
            for number in range(int(records)):
                wrong = {"type": "Nothing"} if number % 10 == 0 else {}
                out.write(json.dumps({**record, "id": f"{record['id']}:{number}", **wrong}, ensure_ascii=False) + "\n")
        start = cpu()
        stage(open_source(data, records=True).layers[0], Path(work))
        print(f"{'reading':8} {cpu() - start:8.2f} s")
        for engine in ("auto", "record"):
            start = cpu()
            report = cimkit.check(data, schema=schema, registry={prefix: Path(folder)}, engine=engine, samples=100)
            failed = sum(rule.failed for rule in report.rules if rule.severity == "error")
            rules = report.coverage.rules
            print(
                f"{engine:8} {cpu() - start:8.2f} s   {failed} failures, {rules.sql} rules in SQL, {rules.record} not"
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
