"""Readers of test sets: what each says, in which home, and what is right."""
