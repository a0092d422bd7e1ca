"""What time it is in a city: asked of `mcp-server-time`, and put into a sentence.

That server wants names of time zones and answers in JSON, for a language model. People say cities
and want to hear a time."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from zoneinfo import available_timezones

from mcp.server.mcpserver import MCPServer
from mcp_server_time.server import create_server

WRAPPED = create_server("UTC")
ZONES = {
    zone.rpartition("/")[2].replace("_", " ").casefold(): zone
    for zone in sorted(available_timezones())
}
"""City -> name of its time zone."""

server = MCPServer("world-clock")


@server.tool()
async def time_in(city: str) -> str:
    """What time it is in a city."""
    zone = ZONES.get(city.casefold())
    if zone is None:
        return f"I do not know the time in {city}."
    answer = await WRAPPED.call_tool("get_current_time", {"timezone": zone})
    told = json.loads(answer.content[0].text)
    now = datetime.fromisoformat(told["datetime"])
    return f"In {city.title()} it is {now:%H:%M}, {told['day_of_week']}."


if __name__ == "__main__":
    asyncio.run(server.run_stdio_async())
