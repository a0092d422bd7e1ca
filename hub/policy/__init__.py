"""What may be done, and what has to come first: one policy, behind rules and model alike.

Nothing here guesses, asks a model, or knows who has understood a sentence. `classes` tells what
harm a service can do to a device; `policy` says what has to come before it: nothing, a yes, or a
second factor (`pin`, `approvals`); `audit` keeps each such decision.
"""

from __future__ import annotations

from hub.policy.classes import R0, R1, R2, R3, RISKS, Harm, harm
from hub.policy.policy import Action, Policy, Verdict

__all__ = ["R0", "R1", "R2", "R3", "RISKS", "Action", "Harm", "Policy", "Verdict", "harm"]
