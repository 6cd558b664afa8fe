"""Reads the simulated Withings cloud with aiowithings, the library of Home Assistant, and prints what it understood.

Usage: read_simulator.py URL ACCESS_TOKEN START END

URL is the address of the simulator, START and END (Unix seconds) are the span of the sleep segments.
"""

import asyncio
import json
import sys
from dataclasses import fields
from datetime import date, datetime, timezone

from aiohttp import ClientSession
from aiowithings import (
    ActivityDataFields,
    SleepDataFields,
    SleepSummaryDataFields,
    WithingsClient,
    WorkoutDataFields,
)
from yarl import URL


class Redirected:
    """A session that sends to the simulator what the library addresses to Withings over HTTPS."""

    def __init__(self, session: ClientSession, base: URL) -> None:
        self.session = session
        self.base = base

    async def request(self, method: str, url: URL, **options):
        return await self.session.request(method, self.base.join(url.relative()), **options)


def unix(time: datetime) -> int:
    return int(time.timestamp())


def group(it) -> dict:
    measures = [[int(m.measurement_type), m.value, m.position] for m in it.measurements]
    times = [unix(it.taken_at), unix(it.stored_at), unix(it.updated_at)]
    category = int(it.category)
    return {"id": it.group_id, "times": times, "category": category, "device": it.device_id, "measures": measures}


def plain(it) -> dict:
    """The fields of one of the library's records by their names, times in Unix seconds."""
    return {field.name: simple(getattr(it, field.name)) for field in fields(it)}


def simple(value):
    if isinstance(value, datetime):
        return unix(value)
    return value.isoformat() if isinstance(value, date) else value


def segment(it) -> dict:
    def curve(points) -> list:
        return [[unix(point.time), point.value] for point in points or []]

    return {
        "start": unix(it.start_date),
        "end": unix(it.end_date),
        "state": int(it.state),
        "hr": curve(it.heart_rate),
        "rr": curve(it.respiration_rate),
        "rmssd": curve(it.heart_rate_variability_2),
    }


async def read(url: str, token: str, start: int, end: int) -> dict:
    beginning = datetime.fromtimestamp(0, tz=timezone.utc)
    span = [datetime.fromtimestamp(time, tz=timezone.utc) for time in (start, end)]
    async with ClientSession() as session:
        client = WithingsClient(session=Redirected(session, URL(url)))
        client.authenticate(token)
        nights = await client.get_sleep_summary_since(beginning, list(SleepSummaryDataFields))
        activities = await client.get_activities_since(beginning, list(ActivityDataFields))
        workouts = await client.get_workouts_since(beginning, list(WorkoutDataFields))
        return {
            "groups": [group(it) for it in await client.get_measurement_since(beginning)],
            "nights": [plain(it) for it in nights],
            "activities": [plain(it) for it in activities],
            "workouts": [plain(it) for it in workouts],
            "segments": [segment(it) for it in await client.get_sleep(*span, list(SleepDataFields))],
            "devices": [plain(it) for it in await client.get_devices()],
            "goals": plain(await client.get_goals()),
        }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(read(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))))
