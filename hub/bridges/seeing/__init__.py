"""How the hub is, for people and programs that look at it: `hearth status`, MQTT, Prometheus, and
the page (`hub/bridges/web`). Nothing here runs while nobody looks."""
