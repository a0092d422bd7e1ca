"""Where devices come from: the simulated home, MQTT, Home Assistant."""
