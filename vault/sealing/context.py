"""Where a sealed value belongs: it opens there and nowhere else."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SealContext:
    """The place of one sealed column of one record version.

    `record` is the path inside the customer ("" for the customer itself, "documents/{id}",
    "transactions/{id}"); `version` counts from 1; `column` is the store's column name.
    """

    institution: str
    customer: str
    record: str
    version: int
    column: str

    def aad(self) -> bytes:
        """Associated data in which each part stands after its length in characters.

        So no two contexts have the same bytes. The number needs no length: it ends at the bar.
        """
        i, c, r, k = self.institution, self.customer, self.record, self.column
        return (
            f"recordsvault/seal/v1|{len(i)}:{i}|{len(c)}:{c}|{len(r)}:{r}|{self.version}|{len(k)}:{k}"
        ).encode()
