"""Client of the records vault for front ends that show masked data only.

This distribution holds no stub that returns a full record: what is not here cannot be called
by mistake. Back ends install `recordsvault-client`, which builds on this one.
"""
