"""Identifiers that check themselves: one file each.

Each module has `problem(text)`, which returns why the text is not such an identifier in its one
stored form (no separators, upper case), or None. They are pure, hold no personal value in a cache
and never repeat the text. The standard that a module follows stands at its head.
"""
