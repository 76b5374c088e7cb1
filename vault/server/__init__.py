"""The assembly: settings in, a serving tier out.

`settings` reads the configuration file, `parts` builds what both tiers stand on, `tiers` says which
services each tier has, `run` serves one until it is told to stop; `dev` lays out a whole vault for
one machine. This is the only place that knows every room; it decides nothing about records or
callers.
"""
