"""Reads a dashboard as a version of Grafana does, by the types of grafana-foundation-sdk, and prints what is lost on the way.

Usage: read_dashboard.py VERSION < DASHBOARD

VERSION is a folder of the environment's folder `grafana`. What is printed is a JSON array of paths, each once, without
the places in lists.
"""

import json
import sys
from pathlib import Path


def lost(given, understood, path: str = "") -> set[str]:
    """The paths of what is in `given` and not the same in `understood`, which may have more."""
    if isinstance(given, dict) and isinstance(understood, dict):
        found = (lost(value, understood.get(name), f"{path}/{name}") for name, value in given.items())
        return set().union(*found)
    if isinstance(given, list) and isinstance(understood, list) and len(given) == len(understood):
        return set().union(*(lost(*pair, path) for pair in zip(given, understood)))
    return set() if given == understood else {path}


if __name__ == "__main__":
    sys.path.insert(0, str(Path(sys.prefix, "grafana", sys.argv[1])))
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.cog.plugins import register_default_plugins
    from grafana_foundation_sdk.models.dashboard import Dashboard

    register_default_plugins()
    dashboard = json.load(sys.stdin)
    understood = json.loads(JSONEncoder().encode(Dashboard.from_json(dashboard)))
    json.dump(sorted(lost(dashboard, understood)), sys.stdout)
