"""The edge: gRPC in, gRPC out.

`Pipeline` is the walk of every call and the only way in; `methods` the table that each service
declares; `servicers` one file a service; `translate` between messages and domain types; `errors`
the one place where what went wrong becomes a status. Nothing here decides about records, touches a
key or a row.
"""
