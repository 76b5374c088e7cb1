"""Client of the records vault for back ends: full records, the audit stream, administration.

It installs without the server. The masked views come from `recordsvault_masked`, which this
distribution depends on; a front end that only shows masked data installs that one alone.
"""
