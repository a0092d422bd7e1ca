"""Accuracy and latency, measured against data that nobody here wrote."""
