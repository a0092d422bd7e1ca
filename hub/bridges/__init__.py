"""Ways to talk with the hub that are not in the room: what others run, on their side of the wire."""
