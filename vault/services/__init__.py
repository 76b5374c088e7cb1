"""The use cases: store, read, change, search, follow the log, look at the vault's health.

In come a `Call` that policy has allowed and domain records; out go domain records, names and
outcomes. One file a family. Each makes sure that the call's grant is for what it does, seals before
it stores, and commits its event with its write; reads leave it to the pipeline to make their event
durable before the answer. What is refused is a `VaultError`, which says what is wrong and how to
mend it without a value of a record. Nothing here knows of gRPC or protobuf, and nothing here runs
without a grant.
"""
