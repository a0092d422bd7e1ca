"""Sound in and out: microphones, loudspeakers, files, raw streams, satellites."""
