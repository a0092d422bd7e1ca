"""What runs in the sandbox of a pack, before and around its code.

Nothing here is trusted by the hub: once a pack's code runs, it may have changed any of it.
"""
