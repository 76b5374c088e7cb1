"""What the law asks of records: rules that are data, and what they say of a record.

Readers of the TOML files under `data/`, each rule with its legal source, and pure evaluators: facts
of a record and a day go in, an assessment comes out. Nothing here reads a clock, a store or a key,
and no rule stands in code.
"""
