"""Rooms elsewhere: satellites with a microphone and a loudspeaker, each a room of its own."""
