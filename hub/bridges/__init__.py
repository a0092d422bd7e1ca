"""Ways to talk with the hub from outside the room: over MQTT, over Wyoming, as tools of others."""
