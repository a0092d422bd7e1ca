"""Models: what there is, where it comes from, fetching it, and finding it again."""
