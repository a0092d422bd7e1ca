"""What people told the hub to remember: facts, places of things, what they like, and their names.

Facts are told, never obeyed: nothing of them reaches a router, its prompt or a tool, other than as
the text of a reply and the numbers of a preference.
"""

from hub.memory.facts import Fact, Facts, Kind
from hub.memory.recall import Recall

__all__ = ["Fact", "Facts", "Kind", "Recall"]
