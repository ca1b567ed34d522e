"""Memory of a model that has been let go, given back to the system."""

import ctypes
import gc


def give_memory_back() -> None:
    """Collect what a released model leaves behind, also among objects frozen at the start, and trim the heap.

    A model is large and has few Python objects, so the collector would not look for its cycles by itself for long.
    """
    is_frozen = gc.get_freeze_count() > 0
    gc.unfreeze()
    gc.collect()
    if is_frozen:
        gc.freeze()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's
    if trim is not None:
        trim(0)
