"""Reads a page of figures from standard input as Prometheus' own library does, and prints it as JSON."""

import json
import sys

from prometheus_client.parser import text_string_to_metric_families

families = {}
for family in text_string_to_metric_families(sys.stdin.read()):
    samples = families.setdefault(family.name, {"type": family.type, "samples": {}})["samples"]
    for sample in family.samples:
        labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
        key = sample.name + "{" + labels + "}"
        assert key not in samples, f"{key} stands there twice"
        samples[key] = sample.value
print(json.dumps(families))
