"""What daily things need of the world outside: local lists, calendar files and CalDAV, the person's
own documents, and a language model that can write. The skills in `skills/` are given these as
services (`hub/skill/services.py`); heavy libraries are loaded where they are used first.
"""
