"""Routines: what is done when something is said, at a time, at the sun, or when something happens.

`routine` is what one is; `saying` finds the sentences that make them, and `claims` those that the
router leaves to them; `making` understands these, and `rehearsal` judges what they would do;
`wording` reads them back; `routines` keeps and runs them, by the `times` of the clock and the sun;
`homeassistant` writes them as automations of Home Assistant. `desk` is for the skills, `door` for
the command line, and `household` puts it all together.
"""
