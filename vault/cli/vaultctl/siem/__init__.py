"""The log's way into a SIEM: `vaultctl audit forward`.

In come entries of the log's stream. Each becomes a record in a published format (OCSF, CEF, ECS: a
file each, pure), and records go to a sink (a file, syslog over TLS, HTTPS: a file each) in batches
of a bounded size. `forwarder` drives it: at least once, in order, the position on disk only after
the sink has confirmed. What comes out is the position to go on from.

It never drops an event, never waits without a bound in time, never holds more than a few messages
in memory, and puts nothing into a record that the log does not say.
"""

from vault.cli.vaultctl.siem.forwarder import Forwarder
from vault.cli.vaultctl.siem.records import FORMATS, Format, Record, make_record
from vault.cli.vaultctl.siem.sinks import Sink, SinkAway

__all__ = ["FORMATS", "Format", "Forwarder", "Record", "Sink", "SinkAway", "make_record"]
