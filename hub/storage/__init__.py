"""What must survive: TinyDB on a storage that a power cut cannot break."""

from hub.storage.atomic import AtomicStorage
from hub.storage.documents import Documents
from hub.storage.journal import Journal

__all__ = ["AtomicStorage", "Documents", "Journal"]
