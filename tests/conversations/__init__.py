"""Conversations with the hub, as readable files; see README.md."""
