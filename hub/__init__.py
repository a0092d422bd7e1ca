"""Hearth: a voice-first hub for one home, on one small machine, with nothing leaving the house."""

import os

__version__ = "0.1.0"

# Libraries that tell their makers how they are used, unless they are told not to before they load.
# onnxruntime does so from native code, and puts an id of the machine into ~/.cache/Microsoft.
QUIET = ("ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK")
os.environ.update(dict.fromkeys(QUIET, "1"))
