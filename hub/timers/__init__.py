"""Timers: how long, until when, and what then. The foundation of everything that is about time."""
