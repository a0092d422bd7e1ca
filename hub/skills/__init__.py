"""What the hub does for skills while and after their tools run: it asks for them, keeps their
things, runs them at events and by the clock, and undoes what they did."""
