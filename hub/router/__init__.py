"""Words to intents: phrases of the skills, shared sentence rules, then a small language model."""

from hub.router.context import Context, Target, Targets
from hub.router.router import Router

__all__ = ["Context", "Router", "Target", "Targets"]
