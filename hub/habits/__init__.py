"""Habits: what a household does again and again, found in its own history, and offered as routines.

`mining` finds them, `chance` tells them from accident, `offers` makes a suggestion of one, and
`suggestions` says it once in a good moment. Nothing is ever done unasked.
"""
