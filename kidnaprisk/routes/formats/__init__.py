"""Readers of route files, one module for each family of formats.

Each takes the bytes of a file and gives a :class:`kidnaprisk.routes.found.Found`. None of them
opens another file, follows a link, or runs anything.
"""
