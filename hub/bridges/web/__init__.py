"""A small page for phones and browsers in the house: rooms, history with why, timers, lists,
skills, routines, privacy. There is none before somebody has set a password; see `docs/web.md`.

`door` opens and closes it, `site` says what is where, `gate` who gets in, `acts` what is done and
`views` what is shown. What is done there goes through the same turn as what is said.
"""
