"""Reads a page of metrics with prometheus_client, the reference parser, and prints what it understood.

Usage: parse_exposition.py openmetrics|text < PAGE
"""

import json
import sys

from prometheus_client import parser as text
from prometheus_client.openmetrics import parser as openmetrics


def name_of(family, is_text: bool) -> str:
    """The name as the page has it: the parser of the text format takes the suffix of a counter away."""
    return family.name + "_total" if is_text and family.type == "counter" else family.name


def series(sample) -> str:
    def value(label: str, text: str) -> str:
        return repr(float(text)) if label == "le" else text

    labels = ",".join(f'{label}="{value(label, text)}"' for label, text in sorted(sample.labels.items()))
    return f"{sample.name}{{{labels}}}" if labels else sample.name


def read(page: str, is_text: bool) -> dict:
    parser = text if is_text else openmetrics
    families = list(parser.text_string_to_metric_families(page))
    samples = [sample for family in families for sample in family.samples]
    understood = {series(it): it.value for it in samples}
    assert len(understood) == len(samples), "a series is there twice"
    return {
        "families": {
            name_of(it, is_text): {"type": it.type, "help": it.documentation, "unit": it.unit} for it in families
        },
        "samples": understood,
    }


if __name__ == "__main__":
    print(json.dumps(read(sys.stdin.read(), sys.argv[1] == "text")))
