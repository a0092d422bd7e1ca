"""Notices: what is worth saying although nobody has asked, of the kinds that were wanted.

Each is said once, through `hub/skills/aloud.py`: while nobody is talked with, and not in quiet
hours unless it is dangerous. Missed timers and alarms tell of themselves (`hub/timers`).
"""

from hub.notices.notices import KINDS, Notices

__all__ = ["KINDS", "Notices"]
