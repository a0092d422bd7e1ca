"""Routines: what is done when something is said, at a time, at the sun, or when something happens.

`routine` is what one is; `saying` finds the sentences that make and change them; `triggers` and
`making` understand these; `wording` reads them back; `book` keeps them; `keeper` runs them;
`homeassistant` writes them as automations of Home Assistant.
"""
