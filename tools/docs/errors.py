"""Every reason that the vault can answer: its code from the program, what to do from here."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import grpc

from vault.access import Reason as Refused
from vault.access.compartments import NotForMembers
from vault.records.reasons import Reason as Wrong
from vault.renditions.problems import Problem
from vault.rpc import errors as mapped
from vault.rpc.unrecognised import UNRECOGNISED, unrecognised
from vault.services import (
    access_errors,
    access_state,
    closed,
    custody,
    decoying,
    filing,
    leaving_keepers,
    replays,
)
from vault.services import errors as refused
from vault.services.compartments import entry as compartments
from vault.services.compartments.entry import ChangeRefused
from vault.services.contents import errors as contents
from vault.services.lending import refused as lending
from vault.services.life import reports
from vault.services.merging import errors as merging
from vault.services.retention import errors as retention
from vault.services.rotation import planning
from vault.services.subjects import errors as subjects
from vault.services.transferring import errors as transferring

VAULT: Final = Path(refused.__file__).parents[1]
_INTRODUCTION: Final = """\
# Errors

Written by `make docs`: the codes are those of the program, and a test fails if a reason that the
code can answer is not on this page.

A failed call is answered with a `google.rpc.Status` in the trailer `grpc-status-details-bin`
(AIP-193):

| detail | holds |
| --- | --- |
| `ErrorInfo` | `reason` (below), `domain` = `recordsvault`, `metadata` such as a record's name |
| `LocalizedMessage` | a sentence in `en` and one in `zh-CN` that says what to do |
| `BadRequest` | with INVALID_ARGUMENT: each wrong field with its path, reason and both languages |
| `ResourceInfo` | with ALREADY_EXISTS: the name of the record that is there |
| `RetryInfo` | with UNAVAILABLE and RESOURCE_EXHAUSTED: how long to wait before trying again |

No sentence, field or metadata holds a value of a record. An item of an import has its own status,
with the same details. The Python clients make typed errors of all this, `vaultctl` a sentence and
an [exit code](cli.md).
"""

# What a caller, or whoever he calls, does about a reason. One row of the page each.
ADVICE: Final = {
    # Who calls
    "CERTIFICATE_WITHOUT_URI": "The client certificate has no URI, or several. Issue one with "
    "exactly one SPIFFE-style URI.",
    "UNKNOWN_PRINCIPAL": "The URI of the certificate is not in `principals.toml`, or past its "
    "`not_after`. An operator adds it; the servers take the change within a second.",
    "CERTIFICATE_REFUSED": "The certificate was revoked, or is not one that its principal is held "
    "to (`revoked_certificates`, `certificates`). Use the principal's present one.",
    "TOKEN_INVALID": "What came as `authorization` is not one bearer token, is longer than 8 KiB, "
    "or is not signed with a published key by an algorithm that is allowed. Send one good token, "
    "or none: a wrong one is never passed over.",
    "TOKEN_KEY_UNKNOWN": "The token's key is not among those that its issuer publishes, or was "
    "added within the last ten seconds. Try again, then fetch a new token.",
    "TOKEN_ISSUER": "The token is of an issuer that `[[tokens]]` does not name.",
    "TOKEN_AUDIENCE": "The token was issued for another service. Have `aud` name this vault.",
    "TOKEN_EXPIRED": "The token is over; an open stream ends with it. Fetch a new one.",
    "TOKEN_NOT_YET_VALID": "The token begins later. Are the issuer's clock and the vault's right?",
    "TOKEN_LIFETIME": "The token is made out for longer than `tokens.longest_seconds`. Have "
    "shorter ones issued.",
    "TOKEN_UNBOUND": "The token is not bound to the client certificate beside it (RFC 8705, "
    "`cnf.x5t#S256`). Fetch it with that certificate.",
    "TOKEN_ISSUER_AWAY": "The issuer's keys could not be read for an hour. Try again; operations "
    "bring the issuer back. Calls without a token go on.",
    "TOKEN_NOT_NEEDED": "The certificate is a person's own. Leave out the token, which is somebody "
    "else's.",
    "TOKEN_OTHER_INSTITUTION": "The token's person and the certificate are of two institutions.",
    "UNKNOWN_ACCOUNT": "No principal has the token's account, or he is past his `not_after`. An "
    "operator adds it to his `accounts`.",
    # May they
    "ROLE_MISSING": "No role of the caller allows the action. Use the profile that does, or the "
    "masked tier; the metadata and the decision matrix say who may.",
    "OTHER_INSTITUTION": "The record is another institution's. Correct the name.",
    "PURPOSE_REQUIRED": "A full read without a purpose. Set `purpose`.",
    "PURPOSE_NOT_ALLOWED": "The caller's roles do not open records for this purpose. Use the true "
    "purpose; if that is it, somebody else has to look.",
    "PERSON_REQUIRED": "A program alone may not do that. Call with a person's certificate, or send "
    "his token with the call.",
    "CHECK_OUT_REQUIRED": "Ask for a check-out (`vaultctl checkout request`), and name it in the "
    "call when it is approved.",
    "CHECK_OUT_NOT_ACTIVE": "The check-out waits for approval, or is over: returned, revoked, used "
    "or expired. See how it stands; ask for another one if it is over.",
    "CHECK_OUT_NEEDS_MORE": "The file, or one of the same customer, has been marked since it was "
    "asked for, or is of somebody under age: others have to agree too, or it is lent for a shorter "
    "time. Ask for another check-out.",
    "CHECK_OUT_OTHER_EXPORT": "The check-out was used up by an export of something else. It goes "
    "on with the same recipient, parts, period and customers, and not in front of where it began. "
    "For anything else ask for another check-out.",
    "CHECK_OUT_OTHER_RECORD": "The check-out is of another record. One of a single record opens no "
    "list and not the customer. Name the one that covers the record.",
    "CHECK_OUT_OTHER_PURPOSE": "The check-out was lent for another purpose. State that one, or ask "
    "for another check-out.",
    "FIELDS_CLOSED": "What was asked for takes fields that are not opened for this purpose, or by "
    "this check-out. Search by others, or ask for a check-out with these fields.",
    "CHECK_OUT_OF_ONE_RECORD": "A transaction is reconstructed with the customer's file, and the "
    "check-out is of one record. Ask for one of the customer.",
    "NOTHING_OPENED": "The table of fields, or the check-out, opens no field of such a record "
    "for this purpose. Ask for a check-out with the fields that are needed.",
    "OWN_FILE": "It is the caller's own file or a declared relative's. Somebody else has to look.",
    "OUTSIDE_SCOPE": "The customer is of another branch, or of a class of files that the caller's "
    "roles do not reach (`branches`, `classes` of his entry, or of the person's whose token came "
    "along). Somebody whose roles do has to look; `vaultctl access explain` says how far they go.",
    "SCOPE_CHANGED": "How far the caller's roles reach was narrowed while the call was under way. "
    "Call again, or open the stream anew.",
    "CASE_REFERENCE_REQUIRED": "An investigation, a regulator's or a court's request. Set "
    "`case_reference`.",
    "POLICY_ERROR": "The policies could not be evaluated, which is no permission. Operations read "
    "the server's log.",
    # The lending register
    "CHECK_OUT_NO_CLASS": "No class of check-outs lends these fields for this purpose. Use the "
    "true purpose, or ask whoever may open the record.",
    "CHECK_OUT_NOT_WAITING": "It was decided, ended or lapsed meanwhile; nothing is to be decided.",
    "CHECK_OUT_OWN_REQUEST": "Nobody decides on his own request, or reviews what he opened "
    "himself, under whichever account. Somebody else must.",
    "CHECK_OUT_OWN_FILE": "It is the caller's own file, or a declared relative's. Somebody else "
    "has to ask or decide.",
    "CHECK_OUT_ROLE_NOT_NEEDED": "None of the caller's roles is one that has still to agree, or to "
    "review.",
    "CHECK_OUT_APPROVED_ALREADY": "The caller has agreed already, perhaps under another account. "
    "Another person must.",
    "CHECK_OUT_NOT_REQUESTER": "Only who asked returns or renews it. An approver may revoke it.",
    "CHECK_OUT_NOT_RENEWABLE": "It was never lent, was revoked, or was opened in an emergency. Ask "
    "for a new one.",
    "CHECK_OUT_NOT_BREAK_GLASS": "It was not opened in an emergency; there is nothing to review.",
    "CHECK_OUT_REVIEWED_ALREADY": "Somebody has reviewed it already.",
    "BREAK_GLASS_SUSPENDED": "An earlier emergency of this person was not reviewed in time: "
    "`metadata.check_out` names it. Have it reviewed; ask for a check-out meanwhile.",
    # The request
    "INVALID_FIELDS": "Several fields are wrong. Mend each field of `BadRequest`. Where only one "
    "is wrong, its own reason (below) stands here.",
    "REQUEST_ID_REUSED": "The `request_id` was used for a different request. Make a new UUID.",
    "REQUEST_IN_PROGRESS": "The same request was being carried out at the same time. Send it again "
    "unchanged: it gets the first answer.",
    # The records
    "NOT_FOUND": "There is no such record, version or service for this caller. Correct the name.",
    "SHREDDED": "The keys of the record no longer exist; it cannot be read again.",
    "IDENTITY_ALREADY_HELD": "Another customer of the institution holds this identity or customer "
    "number: `metadata.existing` names him. Use that customer, or correct the number.",
    "ETAG_MISMATCH": "The record has changed since it was read. Read it again and repeat the "
    "change.",
    # Files for life
    "ELEMENTS_MISSING": "A business rule refuses the file: `metadata.rule` names it, "
    "`metadata.elements` what it lacks. Complete the file, or leave out what the rule is about, "
    "such as its accounts. Rules are data (`life.business`).",
    "NO_CUSTODIAN": "The file names no custodian, and the institution has none for such files: "
    "nobody in `life.custodians`, or somebody who is not in the directory or may keep no files.",
    "TOO_MANY_GROUPS": "The files name more than 10,000 branches or custodians. Ask for one branch "
    "at a time, and have the names looked at.",
    # Policies and principals
    "PROPOSAL_NOT_OPEN": "The proposal was decided, withdrawn, or lapsed after seven days. Make a "
    "new one.",
    "PROPOSAL_OWN": "Nobody decides on his own proposal, under whichever account. Another person "
    "has to.",
    "PROPOSAL_OWN_ENTRY": "The proposal changes an entry of the person who would approve it. "
    "Another person has to.",
    "PROPOSAL_NOT_PROPOSER": "Only the person who made a proposal withdraws it. Reject it instead.",
    "PROPOSAL_PROPOSER_GONE": "Whoever made the proposal has been removed, has lost the right to "
    "make it, or does not reach what it is about any more. Reject it, and have it proposed anew.",
    "POLICY_TESTS_FAILED": "Tests beside the policies fail, or there are none. Mend policies or "
    "tests (`vaultctl policy test`), and propose them anew.",
    "LOCKS_OUT": "After the change nobody could make the next one. Keep a person who proposes and "
    "another one who approves.",
    "CUSTODIAN_KEEPS_FILES": "After the change somebody who keeps files could keep none: "
    "`metadata.files` is how many, `metadata.entries` where the change names him. Hand them over "
    "first, or say `leaves_files` in the change of somebody who has to go at once.",
    "ACCESS_CHANGED": "Policies or principals have changed since the call was let in. Read the "
    "proposal again and repeat.",
    "ACCESS_UNREAD": "The server has started and could not read yet what was approved. Try again; "
    "operations bring the database back.",
    # Compartments
    "COMPARTMENT_CLOSED": "The compartment is closed. Open another one for what is new.",
    "COMPARTMENT_SECOND_PERSON": "Neither who proposes a change of members nor whom it is about "
    "agrees to it. Name another person, of compliance.",
    "COMPARTMENT_MEMBER_ALREADY": "The person is a member already.",
    "COMPARTMENT_NO_MEMBER": "The person is no member.",
    "COMPARTMENT_LAST_MEMBER": "A compartment keeps one member at least. Add another one first.",
    "COMPARTMENT_NOTHING_PROPOSED": "The proposal was agreed to, withdrawn, or fell when its "
    "proposer left. Look at the member again.",
    "COMPARTMENT_OWN_FILE": "Nobody notes anything about himself or a declared relative. Another "
    "member has to.",
    "COMPARTMENT_HOLDS_STAND": "Two members release each hold in it first: `vaultctl hold list`.",
    "HOLD_REFUSED": "The hold was released, nobody has proposed its release, or the caller did so "
    "himself: another member agrees. Look with `vaultctl hold list`.",
    # Retention and disposal
    "RULES_SHORTEN": "By the rule set records may go earlier. If that is meant, propose it with "
    "`shortens`; `vaultctl retention preview` shows which.",
    "RULES_REFUSED": "That version is there already, there is no such rule, or the opposite was "
    "ruled before; the sentence says which. Look with `vaultctl retention rules`.",
    "CUSTOMER_MERGED": "The file points to another, named in `metadata.merged_into`: use that one. "
    "What the old one holds is still read by its own names. Look with `vaultctl merge list`.",
    "MERGE_REFUSED": "A file is not merged into itself, nor one that is merged already or has "
    "ended; the sentence says which. Look with `vaultctl merge list`.",
    # Files to and from other vaults
    "TRANSFER_NOT_PROVED": "Something of the bundle is not as the other vault's log has it, and "
    "nothing was stored. Verify it with `vaultctl bundle verify`; have the file transferred anew.",
    "TRANSFER_OF_LATER_RELEASE": "The other vault is of a later release, and this one would lose "
    "what it does not know. Upgrade, then send the bundle again.",
    "TRANSFER_OUT_OF_ORDER": "The stream is the start, then the parts in order, as many bytes as "
    "the start says. Send the bundle again; `vaultctl transfer in` does.",
    "LOG_NOT_TRUSTED": "The log is none of those in the file of `transfers.trusted_logs`, or its "
    "signature is wrong. Operators compare the key by another way, add it and restart.",
    "FILE_ALREADY_RECEIVED": "The file came by another bundle, under the name in "
    "`metadata.existing`. What was added there since, its back end sends as records.",
    "NEVER_TRANSFERRED": "The acknowledgement is of another file or bundle than has left here. "
    "Look with `vaultctl transfer show`.",
    "RECIPIENT_NOT_AGREED": "Ask for a check-out whose reason has the fingerprint of the "
    "recipient's key, so that who agrees sees to whom the files go.",
    "DISPOSAL_STAGE": "Nothing is due that could go, the plan was not approved or was begun "
    "already, or it is not done yet; the sentence says which. Look with `vaultctl disposal show`.",
    "DISPOSAL_PLAN_CHANGED": "The hash is not the plan's, or its rows are not what was planned. "
    "Look at the plan again, or make a new one; tell a security officer if nobody explains it.",
    "SUBJECT_REQUEST_STAGE": "The request is closed, allows no longer time, is not of that kind, "
    "or does not end so; the sentence says which. Look with `vaultctl subject show`.",
    "SUBJECT_CORRECTION_REFUSED": "The version corrects nothing, is older than the request, or "
    "names no document; the sentence says which. Write one with `correction` and `sources`.",
    "SUBJECT_ERASURE_REFUSED": "The rules of retention say something else: see the grounds with "
    "`vaultctl subject show`, and plan a disposal where nothing is to be kept any more.",
    # Keys
    "KEY_STEP_REFUSED": "That cannot be done with this key as things stand; the sentence says why: "
    "something hangs under the version still, it is the newest, no rewrap was finished, or the "
    "provider cannot. Look with `vaultctl keys list`, and take the step that is missing first.",
    # A log that was set back
    "NOTHING_TO_RECOVER": "The log was not set back; there is nothing to acknowledge.",
    "RECOVERY_ELSEWHERE": "A masked node takes no acknowledgement. Give it on the full tier.",
    "RECOVERY_CHANGED": "The incident is another one by now. Read the recovery again.",
    "SECOND_PERSON_NEEDED": "This person has acknowledged already. The operator or the security "
    "officer who has not must.",
    # Budgets
    "BUDGET_EXHAUSTED": "The caller has looked at as much as his role may in this hour or day; "
    "`metadata.budget` says which budget. Wait until `metadata.room_again`, or have the security "
    "officer look at `tiers.*.budgets`.",
    "TOO_MANY_DECOYS": "An institution has a thousand decoys at most. Take one back first.",
    "SEARCH_BUDGET_EXHAUSTED": "The searches of this person, or of a program that calls for "
    "itself, in this minute are used up (`limits.searches_per_minute`). Wait.",
    "TOO_MANY_STREAMS": "The caller has as many streams open as one may "
    "(`limits.streams_per_caller`). Close one.",
    # Parts that are away
    "STOPPING": "The server is stopping. Open the stream again and go on from where it ended; the "
    "clients do so by themselves.",
    "UNAVAILABLE": "A part that the call needs is away. Try again later with the same "
    "`request_id`.",
    "NOT_YET_PROVABLE": "The entry is newer than the latest checkpoint. Ask again in a second; if "
    "it lasts, operations see `checkpoints` in `vaultctl health`.",
    "BEYOND_LOG": "The log has no such entry, or was never so long. A receipt or checkpoint that "
    "says otherwise is evidence: keep it and tell the security officer.",
    "NO_OBJECT_STORE": "The server has no place for objects. Operations name a folder or a bucket "
    "in the table `blobs` of the configuration.",
    "ARCHIVE_UNAVAILABLE": "Old entries of the log are in the object store, and that is away. New "
    "entries and records are served meanwhile; `vaultctl health` shows the part `blobs`.",
    "KEYS_MOVED": "Keys were rotated under the call, more often than it tries again by itself. "
    "Nothing was stored: send it again.",
    "RENDITIONS_BUSY": "Too many documents are being read for their masked pictures. What was sent "
    "is kept: send `start` from where `GetUpload` says, and `finish`, again in some seconds. "
    "Operations raise `limits.renditions_at_once` where it happens often.",
    "DECODERS_MISSING": "The server cannot start the process that reads documents: it lacks "
    "memory, or the system does not let it confine itself (seccomp). What was sent is kept.",
    "OBJECTS_UNAVAILABLE": "The object store with the contents of documents is away. Try again: an "
    "upload goes on from where `GetUpload` says, a download from the byte behind the last one.",
    "UPLOAD_OVERTAKEN": "Two calls go on with the same upload; one of them may. Ask `GetUpload` "
    "how far it has come.",
    "UPLOAD_UNKNOWN": "The caller has no such upload for this record, or it was forgotten "
    "(`limits.upload_hours`). Begin it anew.",
    "ARCHIVE_DAMAGED": "Archived entries of the log are missing or altered. Keep the object store "
    "as it is, tell the security officer, and see `vaultctl audit verify --live`.",
    "LOG_UNAVAILABLE": "The log cannot be written, so nothing is answered. A write may have been "
    "done: repeat it with its `request_id`. Operations mend the database; `vaultctl health` shows "
    "the part `log`.",
    "LOG_ROLLED_BACK": "The log is older than the checkpoint in the second place or than what this "
    "server has seen in it, or another one, so nothing is answered. An operator and a security "
    "officer see `vaultctl recovery show`.",
    "SECOND_PLACE_AWAY": "Whether the log was set back cannot be told: `log.second_place` cannot "
    "be read. Operations bring it back; the vault looks again by itself.",
    "LOG_NOT_WITNESSED": "Too few witnesses have cosigned the log, and `log.witness_required` asks "
    "for them. `vaultctl health` shows the part `witnesses`.",
    "STORE_UNAVAILABLE": "The database is away, locked or full. Try again; `vaultctl health` shows "
    "the part `database`.",
    "KMS_SEALED": "The node was started and its key-encryption keys are split among custodians. "
    "Too few have given their shares with `vaultctl kms unseal`; `vaultctl health` says how many.",
    "KMS_UNAVAILABLE": "The key-encryption keys cannot be reached and the keys held in memory have "
    "expired. Operations bring them back; `vaultctl health` shows the part `kms`.",
    "ORACLE_UNAVAILABLE": "The masked tier cannot reach the full tier, which answers searches. "
    "Gets and lists go on working. Operations see to the full tier and to `oracle` in "
    "`vault.toml`.",
    "ORACLE_REFUSED": "The full tier refuses this masked node's searches. Operations see to the "
    "node's certificate and to its entry in `principals.toml`; the node's log has the code.",
    # A node that may not
    "KEK_MISSING": "This node was not given the key that the call needs. Call the full tier.",
    "STORE_FORBIDDEN": "This node's database role may not do that. Call the full tier; on the full "
    "tier, operations correct the role.",
    "INSTITUTION_WITHOUT_KEYS": "The institution has no keys here. Operations add it to "
    "`institutions` of the full tier, or restore the key store.",
    # Damage and defects
    "KEY_DAMAGED": "A stored key does not open: it was altered, exchanged or damaged. Tell the "
    "security officer; operations restore the key store.",
    "RECORD_DAMAGED": "A stored row does not open: it was altered, moved or damaged. Tell the "
    "security officer; the row's event in the log holds its hash.",
    "STORE_ALTERED": "A value in the database is none that the vault wrote: it was altered past "
    "the vault. Tell the security officer; `vaultctl audit verify --live` says what was.",
    "STORE_DAMAGED": "The database file is damaged. Operations restore it.",
    "INTERNAL": "A defect of the vault. Give operations `metadata.call_id`; the server's log has "
    "the place.",
    "UNKNOWN_METHOD": "This tier serves no such method. Call the other tier, or a newer vault.",
}
# Reasons of one field. The sentences for people come with the answer.
FIELD_ADVICE: Final = {
    "OF_AN_INSTITUTION": "A customer belongs to an institution: leave out `customer` or "
    "`without_institution`.",
    "CHECK_OUT_NO_DURATION": "A check-out has an end: give a duration of more than zero.",
    "CHECK_OUT_TOO_LONG": "The class of the request allows less; the text says how much. "
    "Ask for a shorter time.",
    "CHECK_OUT_NO_FIELDS": "A check-out names at least one field.",
    "CHECK_OUT_WIDER": "An approver may shorten and narrow, never widen.",
    "FIELD_NEVER_LENT": "No check-out opens this field to the caller's roles for this purpose.",
    "FIELD_OF_OTHER_KIND": "A single document or transaction is asked for, and the field is of "
    "another kind of record. Ask for the customer instead.",
    **{reason.value: reason.en for reason in Wrong},
    "FUTURE_DATE": "The day is still to come; give the day on which the request came in.",
    "NO_RULE": "No rule says until when such a request is answered; see vault/rules/data/subjects.",
    "FILE_GONE": "The file was destroyed, and with it what words are sealed by; leave them out.",
    "IMPOSSIBLE_DATE": "There is no such day; give year, month and day.",
    "IMPOSSIBLE_TIME": "There is no such time.",
    "MESSAGE_TOO_LARGE": "The message is larger than `limits.max_message_bytes`. Send fewer items.",
    "NOT_A_MESSAGE": "The bytes are no message of this method. Generate the client from the same "
    "protos.",
    "PARENT_CHANGED": "`parent` must be the same in every message of a stream.",
    "ETAG_REQUIRED": "An update carries the etag of the version that was read.",
    "RESOURCE_NAME": "The name of the record or of its parent is missing or no name.",
    "PRINCIPAL_NAME": "`on_behalf_of` is no principal's name.",
    "UNKNOWN_FIELD": "A field mask names a field that the record does not have.",
    "TOO_MANY_PATHS": "A field mask names more fields than one may.",
    "PAGE_TOKEN": "Not a page token of this request. Leave it out to start again.",
    "OWNER_NOT_ALLOWED": "An import item with a new customer has no owner.",
    "OWNER_REQUIRED": "An import item with a document or transaction names its customer.",
    "VERSION_OR_TIME": "Name either a version, or the times `as_of` and `known_at`.",
    "NO_SUCH_CUSTODIAN": "Whoever keeps files is a person in the access directory of the "
    "institution whom the policies let hand files over. Name such a person, or have him put there.",
    "SAME_CUSTODIAN": "Files are handed over to somebody else.",
    "OTHER_PARENT": "The owner must belong to the institution of the import.",
    "TARGET_NOT_FOUND": "What is corrected or reversed is not a transaction of this customer.",
    "REQUEST_ID_REUSED": ADVICE["REQUEST_ID_REUSED"],
    "ACCOUNT_SHARED": "The item of an import names its owner by an account that several customers' "
    "files have. Give the customer's number or name instead.",
    "TWICE_IN_REQUEST": "Two customers of one batch have the same identity or customer number.",
    "KEY_OF_VAULT": "KEKs are of the vault as a whole: leave `parent` empty.",
    "KEY_OF_INSTITUTION": "The key is an institution's: name it in `parent`.",
    "ONLY_TO_RETIRE": "A version is given to retire one; a rotation makes the next by itself.",
    "ONLY_TO_REWRAP": "How many keys a second is said of a rewrap only.",
    "ONLY_TO_ROTATE_KEK": "A provider is named where a KEK is rotated only.",
    "IDENTIFIER": "The identifier is none that the vault makes.",
    "RULE_SET_INVALID": "The rule set is not TOML, or has a key or value that cannot be meant; the "
    "sentence says which. The packaged ones under `vault/rules/data/retention` show the form.",
    "POLICY_INVALID": "The policies do not parse or do not fit the schema of this release. Try "
    "`vaultctl policy validate`.",
    "POLICY_TESTS_INVALID": "A file of tests is not of the form that it should have.",
    "PRINCIPALS_INVALID": "The change of principals cannot be made; the description says which "
    "entry, and why.",
    "NO_SUCH_ACTION": "The vault has no such action; the decision matrix lists them.",
    "DUPLICATE": "Two files have one name.",
    "UPLOAD_STEP": "An upload is one `start`, then parts, then one `finish`.",
    "UPLOAD_OFFSET": "An upload goes on from what `GetUpload` says, and begins at 0.",
    "UPLOAD_UNFINISHED": "The stream has ended without `finish`. What has come is kept: go on.",
    "CHUNK_OUT_OF_ORDER": "A part begins where the one before has ended.",
    "PART_SIZE": "A part has 1 byte to 1 MiB.",
    "SIZE_MISMATCH": "More or fewer bytes than `start.size` said.",
    "DIGEST_MISMATCH": "The bytes are not those of the digest. Nothing was stored; begin anew.",
    "CONTENT_TOO_LARGE": "Larger than `limits.max_content_bytes`.",
    "RECIPIENT": "A recipient is an X25519 public key, and for a hybrid one an ML-KEM-768 key "
    "beside it.",
    "RANGE_OUTSIDE": "The range asked for is not within the content.",
    **{f"DOCUMENT_{problem.value}": problem.en for problem in Problem},
}
_RULES: Final = """\
A rule that stands in the contract itself is answered as `RULE_` and the name of the rule, as in
`RULE_STRING_PATTERN` or `RULE_REPEATED_MAX_ITEMS`; [api.md](api.md) has the rules of every field.
"""
# Where errors with a reason of their own are defined.
_ERRORS: Final = frozenset(
    {
        one.__name__
        for one in (
            refused,
            replays,
            closed,
            access_errors,
            access_state,
            contents,
            decoying,
            lending,
            planning,
            compartments,
            retention,
            merging,
            transferring,
            subjects,
            custody,
            filing,
            leaving_keepers,
            reports,
        )
    }
)
_CODES: Final = frozenset(code.name for code in grpc.StatusCode)
# Made by a function that takes the reason: no class, table or literal says their code.
_MADE: Final = {
    **{reason: unrecognised(reason).fault.code.name for reason in UNRECOGNISED},
    "SEARCH_BUDGET_EXHAUSTED": refused.Exhausted.code,
    "ORACLE_UNAVAILABLE": refused.Unavailable.code,
    "ORACLE_REFUSED": refused.Unavailable.code,
}
# In the code, and never answered as they stand: defaults that every subclass replaces, the outcome
# in the event of a call whose caller went away, a rule's name without its prefix, and a name that a
# module exports; what stands in the event of an alert, or of an approval after which an earlier one
# counts no longer.
_NEVER_ANSWERED: Final = frozenset(
    {"RECEIPT", "REFUSED", "DENIED", "CANCELLED", "REPEATED_MAX_ITEMS"}
    # Formats of contents.
    | {"JPEG", "TIFF", "WEBP", "HEIC"}
    | {"DECOY_OPENED", "DECOY_LOOKED_AT", "GLASS_BROKEN", "BULK_EXPORT", "APPROVAL_FELL_AWAY"}
    # What is told of a file that came, and refuses nothing.
    | {"NUMBER_HELD", "RELATED_FILE_UNKNOWN", "NO_PICTURE"}
    # In the event with which the vault ends a step with a key that it could not take.
    | {"KEY_STEP_FAILED"}
    # How far a disposal or a hold is, and what a plan says of an item.
    | {"PLANNED", "EXECUTING", "DONE", "PASSED", "RESERVED", "CONFLICT", "UNREADABLE"}
    | {"REQUEST_OPEN", "CAME_BACK"}
    | {"TRANSACTIONS_REMAIN", "STANDING", "RELEASE_PROPOSED", "RELEASED"}
    # How a person's request has ended.
    | {"OPEN", "ANSWERED", "CORRECTED", "ERASED", "WITHDRAWN"}
)


def page() -> str:
    """The page."""
    known = codes()
    parts = [_INTRODUCTION, "\n## Reasons\n\n| reason | code | what to do |\n| --- | --- | --- |\n"]
    parts += [f"| `{reason}` | {known[reason]} | {what} |\n" for reason, what in ADVICE.items()]
    parts.append("\n## Reasons of a field\n\nAll with INVALID_ARGUMENT.\n\n")
    parts.append("| reason | meaning |\n| --- | --- |\n")
    parts += [f"| `{reason}` | {what} |\n" for reason, what in FIELD_ADVICE.items()]
    return "".join([*parts, "\n", _RULES])


def codes() -> dict[str, str]:
    """The gRPC code of each reason that is not about one field, as the program has it."""
    found = _MADE | _literal_faults()
    found |= {reason.value: "PERMISSION_DENIED" for reason in Refused}
    found |= {reason.value: ChangeRefused.code for reason in NotForMembers}
    found |= {why.value: code for why, code in access_errors.CODES.items()}
    found |= {why.value: code for why, code in lending.CODES.items()}
    found |= {error.reason: error.code for error in _errors(refused.VaultError)}
    found |= {fault.reason: fault.code.name for fault in _faults()}
    return found


def in_code() -> set[str]:
    """Every reason in the rooms that answer calls: of a known error, or a text of that form."""
    texts = {text for tree in _trees() for text in _texts(tree)}
    # What ends in an underscore is the prefix of an enumeration's values.
    texts = {text for text in texts if not text.endswith("_")} - _CODES
    texts |= {f"DOCUMENT_{problem.value}" for problem in Problem}
    return (texts | {reason.value for reason in Wrong} | set(codes())) - _NEVER_ANSWERED


def _trees() -> Iterator[ast.AST]:
    for room in ("rpc", "services"):
        for file in sorted((VAULT / room).rglob("*.py")):
            yield ast.parse(file.read_text(encoding="utf-8"))


def _literal_faults() -> dict[str, str]:
    """Codes where a `Fault` is made with both code and reason written out."""
    found = {}
    for node in (node for tree in _trees() for node in ast.walk(tree)):
        match node:
            case ast.Call(
                func=ast.Name("Fault"),
                args=[ast.Attribute(attr=code), ast.Constant(value=str(reason)), *_],
            ):
                found[reason] = code
    return found


def _texts(tree: ast.AST) -> set[str]:
    constants = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {c for c in constants if isinstance(c, str) and re.fullmatch("[A-Z][A-Z_]{3,}", c)}


def _errors(kind: type[refused.VaultError]) -> Iterator[type[refused.VaultError]]:
    for below in kind.__subclasses__():
        # RequestIdReused and the like take the reason of their one violation.
        if below.__module__ in _ERRORS:
            yield below
        yield from _errors(below)


def _faults() -> Iterator[mapped.Fault]:
    for _, make in mapped._AWAY:
        yield make()
    yield mapped.internal("")
    yield mapped._refused(refused.RequestIdReused())
