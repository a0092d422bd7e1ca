"""Hearth: a voice-first hub for one home, on one small machine, with nothing leaving the house."""

__version__ = "0.1.0"
