"""What was said before, what was asked, and how to word what happened."""
