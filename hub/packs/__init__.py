"""Skills of others: described, signed, fetched, kept, and run apart from the hub."""
