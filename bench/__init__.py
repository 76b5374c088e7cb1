"""Measures the vault's main job: `python -m bench`, or `make bench` (`make bench BENCH=quick`).

In: nothing but this repository; the records come from the seeded generator of `clients/examples`.
Out: a table, and `.bench/latest.json` with everything that the table is made from.

Both tiers run as processes of their own with mutual TLS and a durable log, as in operation. The
load comes from a small Go program (`load/`) that sends prepared bytes, so that neither it nor
Python's own encoding is what is measured; how busy it was, and how busy other processes kept the
machine, stands beside each figure. Reads are compared with a bare gRPC handler (`bare.py`) of the
same transport that answers as many bytes, import with a plain SQLAlchemy bulk insert of the same
rows into the same database.

The log has a scene of its own (`log_scene.py`, `--only log`): events through the log alone and over
the wire, to the commit and to a signed checkpoint; from answer to proof; an exported log verified;
the stream; what a receipt costs, by a tier of this package that signs none; bytes an event on disk.

It never asserts: it prints the aims and whether they were met. `decision_commit.py` is the
measurement behind docs/decisions/0001, `sealing_micro.py` that of the cryptography alone.
"""
