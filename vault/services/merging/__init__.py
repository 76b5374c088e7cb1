"""Files of customers that are one: one file points to another, as two persons have agreed.

Nothing is moved: every record stays sealed where it is, under the keys of its own file, and its
history with it. What is merged is told from the signed proposals alone (vault.services.merging.
standing), so that a row which somebody puts into the database points nobody to another's file.
"""
