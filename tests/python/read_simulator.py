"""Reads the simulated Withings cloud with aiowithings, the library of Home Assistant, and prints what it understood.

Usage: read_simulator.py URL ACCESS_TOKEN START END

URL is the address of the simulator, START and END (Unix seconds) are the span of the sleep segments.
"""

import asyncio
import json
import sys
from datetime import datetime, timezone

from aiohttp import ClientSession
from aiowithings import SleepDataFields, SleepSummaryDataFields, WithingsClient
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


def night(it) -> dict:
    return {
        "start": unix(it.start_date),
        "end": unix(it.end_date),
        "date": it.date.isoformat(),
        "device": it.hashed_device_id,
        "light": it.light_sleep_duration,
        "deep": it.deep_sleep_duration,
        "rem": it.rem_sleep_duration,
        "asleep": it.total_sleep_time,
        "efficiency": it.sleep_efficiency,
        "heart": [it.min_heart_rate, it.average_heart_rate, it.max_heart_rate],
        "score": it.sleep_score,
    }


def segment(it) -> dict:
    heart = [[unix(point.time), point.value] for point in it.heart_rate or []]
    return {"start": unix(it.start_date), "end": unix(it.end_date), "state": int(it.state), "heart": heart}


def device(it) -> dict:
    last = it.last_session_date and unix(it.last_session_date)
    return {"id": it.device_id, "type": str(it.device_type), "model": int(it.model), "last": last}


async def read(url: str, token: str, start: int, end: int) -> dict:
    beginning = datetime.fromtimestamp(0, tz=timezone.utc)
    span = [datetime.fromtimestamp(time, tz=timezone.utc) for time in (start, end)]
    async with ClientSession() as session:
        client = WithingsClient(session=Redirected(session, URL(url)))
        client.authenticate(token)
        goals = await client.get_goals()
        nights = await client.get_sleep_summary_since(beginning, list(SleepSummaryDataFields))
        return {
            "groups": [group(it) for it in await client.get_measurement_since(beginning)],
            "nights": [night(it) for it in nights],
            "segments": [segment(it) for it in await client.get_sleep(*span, list(SleepDataFields))],
            "devices": [device(it) for it in await client.get_devices()],
            "goals": {"steps": goals.steps, "sleep": goals.sleep, "weight": goals.weight},
        }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(read(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))))
