"""The home: its floors, areas and entities, made of what one or more device sources announce.

It imports nothing: what skills need of it (`things`) is loaded in small processes.
"""
