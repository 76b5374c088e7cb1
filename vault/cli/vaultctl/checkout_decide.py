"""`vaultctl checkout approve|deny|revoke`: deciding, after a look at what exactly is decided."""

from __future__ import annotations

import typer

from recordsvault.access.v1 import access_pb2 as pb
from vault.cli.vaultctl import checkout_options as given
from vault.cli.vaultctl import lent_fields, options
from vault.cli.vaultctl.checkout_show import done, tell, tell_decision
from vault.cli.vaultctl.durations import span
from vault.cli.vaultctl.output import as_dict, console, write_json
from vault.cli.vaultctl.session import session


def approve(
    context: typer.Context,
    name: given.Name,
    field: given.Field = None,
    duration: given.Duration = "",
    yes: given.Yes = False,
    etag: given.Etag = "",
    as_json: options.Json = False,
) -> None:
    """Agree, to all that is asked or to fewer fields and a shorter time.

    What exactly is agreed to is shown first, and asked about unless --yes is given. If the request
    changes after it was shown, nothing is agreed to: exit code 8.
    """
    client = session(context).client()
    shorter = span(duration, "--for") if duration else None
    seen = given.unchanged(client.access.get(options.check_out_name(name, client.profile)), etag)
    fewer = lent_fields.within(field or (), list(seen.fields), seen.subject)
    tell_decision(seen, fewer, shorter, console(stderr=as_json))
    if not yes:
        given.sure("Do you agree to exactly this?", "您是否同意以上内容？")
    _tell(client.access.approve(seen.name, etag=seen.etag, fields=fewer, duration=shorter), as_json)


def deny(
    context: typer.Context,
    name: given.Name,
    yes: given.Yes = False,
    etag: given.Etag = "",
    as_json: options.Json = False,
) -> None:
    """Refuse what is asked, after it was shown."""
    client = session(context).client()
    seen = given.unchanged(client.access.get(options.check_out_name(name, client.profile)), etag)
    tell(seen, console(stderr=as_json))
    if not yes:
        given.sure("Do you refuse this?", "您是否拒绝该申请？")
    _tell(client.access.deny(seen.name, etag=seen.etag), as_json)


def revoke(context: typer.Context, name: given.Name, as_json: options.Json = False) -> None:
    """Take back what is lent, at once."""
    client = session(context).client()
    _tell(client.access.revoke(options.check_out_name(name, client.profile)), as_json)


def _tell(made: pb.CheckOut, as_json: bool) -> None:
    if as_json:
        write_json(as_dict(made))
    else:
        console().print(done(made))
