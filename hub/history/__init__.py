"""What was said and what was done: kept on this machine, for as long as `[privacy]` says.

`History` is an onlooker of the assistant and of the home. Turns (the words of people) are kept for
hours, deeds (what devices did, and who or what caused it) for a year; sound never.
"""

from hub.history.book import Deed, History, Turn

__all__ = ["Deed", "History", "Turn"]
