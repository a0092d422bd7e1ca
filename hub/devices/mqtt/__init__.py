"""Devices that announce themselves on an MQTT broker, by Home Assistant's MQTT discovery."""
