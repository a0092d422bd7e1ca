"""The home: its floors, areas and entities, made of what one or more device sources announce."""

from hub.home.model import Area, Entity, Floor, Home, State

__all__ = ["Area", "Entity", "Floor", "Home", "State"]
