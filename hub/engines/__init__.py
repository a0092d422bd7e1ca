"""Native engines, one heavy dependency each, every one in a worker process of its own."""
