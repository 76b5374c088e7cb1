"""What a caller can ask of the vault. Every RPC has one action; policies speak of actions only."""

from enum import StrEnum


class ActionClass(StrEnum):
    """Class of an action: what a policy grants as one. The Cedar schema has a group for each."""

    WRITE = "write"
    FULL_READ = "full_read"
    BULK_READ = "bulk_read"
    """To open the files of all customers at once: never by a role alone."""
    MASKED_READ = "masked_read"
    REPORT = "report"
    """To see how files stand, by name and without a value of any."""
    CUSTODY = "custody"
    """To say who keeps a file, and which files are one."""
    SUBJECT = "subject"
    """To keep the register of what persons ask about their own data, and to answer them."""
    AUDIT_READ = "audit_read"
    PROOF = "proof"
    """Of the log as a whole, by hashes alone: it shows nothing of an event."""
    LOG_EXPORT = "log_export"
    LOG_ARCHIVE = "log_archive"
    LENDING = "lending"
    """To ask for check-outs, and to see and return one's own."""
    LENDING_DECISION = "lending_decision"
    BREAK_GLASS = "break_glass"
    COMPARTMENT = "compartment"
    """To open compartments, and to see and change those that one is a member of."""
    COMPARTMENT_AGREEMENT = "compartment_agreement"
    """To agree to what a member has proposed, as the person that he named for it."""
    ACCESS_VIEW = "access_view"
    """To see policies, principals and proposals, and to have a decision explained."""
    ACCESS_ADMIN = "access_admin"
    """To propose other policies or principals, and to withdraw what one has proposed."""
    ACCESS_DECISION = "access_decision"
    KEYS_VIEW = "keys_view"
    """To see versions of keys, and what is being done with them."""
    KEYS_ADMIN = "keys_admin"
    """To propose that a key be rotated, rewrapped or retired."""
    DISPOSAL_VIEW = "disposal_view"
    """To see rules of retention, plans of disposal and certificates."""
    DISPOSAL = "disposal"
    """To propose rules, plan disposals and have approved ones carried out."""
    DISPOSAL_DECISION = "disposal_decision"
    """To agree to rules and to plans of disposal, as a second person."""
    WATCH = "watch"
    """To say who is a decoy, and to see it."""
    ADMIN = "admin"
    ORACLE = "oracle"
    SERVICE = "service"
    """What every gRPC server is expected to answer: its health and its contract."""
    NONE = "none"
    """Of `rpc.unknown`, and of what the vault itself notices: belongs to no group, so that no grant
    of a group reaches it."""


class ResourceKind(StrEnum):
    """Kind of the thing that is acted upon; an entity type of the Cedar schema for each."""

    CUSTOMER = "Customer"
    DOCUMENT = "Document"
    TRANSACTION = "Transaction"
    CONTENT = "Content"
    IMPORT = "Import"
    LOG = "Log"
    INDEX = "Index"
    CHECK_OUT = "CheckOut"
    COMPARTMENT = "Compartment"
    VAULT = "Vault"

    # Enum hashes by name in Python code; as a key of the decision cache the C hash is wanted.
    __hash__ = str.__hash__


class Action(StrEnum):
    """An action. The value is what the log and the policies call it."""

    CUSTOMERS_CREATE = "records.customers.create"
    CUSTOMERS_BATCH_CREATE = "records.customers.batch_create"
    CUSTOMERS_GET = "records.customers.get"
    CUSTOMERS_LIST = "records.customers.list"
    CUSTOMERS_UPDATE = "records.customers.update"
    CUSTOMERS_VERSIONS = "records.customers.versions"
    CUSTOMERS_DIFF = "records.customers.diff"
    CUSTOMERS_EXPORT = "records.customers.export"
    FILES_EXPORT = "records.files.export"
    """To take the files of many customers out of the vault, sealed to a recipient."""
    FILES_TRANSFER = "records.files.transfer"
    """To hand the files of many customers to another vault, with history and proofs."""
    FILES_PRODUCE = "records.files.produce"
    """To take a customer's file out of the vault, sealed to a recipient."""
    DOCUMENTS_CREATE = "records.documents.create"
    DOCUMENTS_BATCH_CREATE = "records.documents.batch_create"
    DOCUMENTS_GET = "records.documents.get"
    DOCUMENTS_LIST = "records.documents.list"
    DOCUMENTS_UPDATE = "records.documents.update"
    DOCUMENTS_VERSIONS = "records.documents.versions"
    CONTENTS_UPLOAD = "records.contents.upload"
    CONTENTS_PROGRESS = "records.contents.progress"
    CONTENTS_DOWNLOAD = "records.contents.download"
    CONTENTS_LIST = "records.contents.list"
    TRANSACTIONS_CREATE = "records.transactions.create"
    TRANSACTIONS_BATCH_CREATE = "records.transactions.batch_create"
    TRANSACTIONS_GET = "records.transactions.get"
    TRANSACTIONS_LIST = "records.transactions.list"
    TRANSACTIONS_SEARCH = "records.transactions.search"
    TRANSACTIONS_RECONSTRUCT = "records.transactions.reconstruct"
    """To take a transaction out of the vault with all that it takes to prove it."""
    ACCOUNTS_CHECK = "records.accounts.check"
    IMPORT = "records.import"
    MASKED_CUSTOMERS_GET = "masked.customers.get"
    MASKED_CUSTOMERS_LIST = "masked.customers.list"
    MASKED_CUSTOMERS_SEARCH = "masked.customers.search"
    MASKED_DOCUMENTS_GET = "masked.documents.get"
    MASKED_DOCUMENTS_LIST = "masked.documents.list"
    MASKED_CONTENTS_VIEW = "masked.contents.view"
    MASKED_TRANSACTIONS_GET = "masked.transactions.get"
    MASKED_TRANSACTIONS_LIST = "masked.transactions.list"
    FILES_COMPLETENESS = "life.files.completeness"
    FILES_DUE = "life.files.due"
    FILES_CUSTODIANS = "life.files.custodians"
    FILES_HAND_OVER = "life.files.hand_over"
    MERGES_PROPOSE = "life.merges.propose"
    MERGES_PROPOSE_APART = "life.merges.propose_apart"
    MERGES_APPROVE = "life.merges.approve"
    MERGES_LIST = "life.merges.list"
    TRANSFERS_RECEIVE = "life.transfers.receive"
    """To take a customer's file of another vault in."""
    TRANSFERS_ACKNOWLEDGE = "life.transfers.acknowledge"
    """To take another vault's word that it has received a file."""
    TRANSFERS_GET = "life.transfers.get"
    SUBJECTS_FILE = "life.subject_requests.file"
    SUBJECTS_GET = "life.subject_requests.get"
    SUBJECTS_LIST = "life.subject_requests.list"
    SUBJECTS_EXTEND = "life.subject_requests.extend"
    SUBJECTS_CLOSE = "life.subject_requests.close"
    SUBJECTS_USE = "life.subject_requests.use"
    """To tell a person who has used his data, as far as he may know."""
    CHANGES_WATCH = "life.changes.watch"
    REMINDER = "life.reminders.due"
    """Something of a file falls due, as the vault itself notices; nobody calls it."""
    AUDIT_STREAM = "audit.events.stream"
    AUDIT_QUERY = "audit.events.query"
    AUDIT_REPORT = "audit.access.report"
    PROOFS_GET = "audit.proofs.get"
    CHECKPOINTS_GET = "audit.checkpoints.get"
    TILES_EXPORT = "audit.tiles.export"
    LOG_ARCHIVE = "audit.archive.write"
    CHECK_OUTS_REQUEST = "lending.check_outs.request"
    CHECK_OUTS_RENEW = "lending.check_outs.renew"
    CHECK_OUTS_RETURN = "lending.check_outs.return"
    CHECK_OUTS_GET = "lending.check_outs.get"
    CHECK_OUTS_LIST = "lending.check_outs.list"
    CHECK_OUTS_WATCH = "lending.check_outs.watch"
    CHECK_OUTS_APPROVE = "lending.check_outs.approve"
    CHECK_OUTS_DENY = "lending.check_outs.deny"
    CHECK_OUTS_REVOKE = "lending.check_outs.revoke"
    BREAK_GLASS = "lending.break_glass.open"
    BREAK_GLASS_REVIEW = "lending.break_glass.review"
    COMPARTMENTS_CREATE = "compartments.cases.create"
    COMPARTMENTS_GET = "compartments.cases.get"
    COMPARTMENTS_LIST = "compartments.cases.list"
    COMPARTMENTS_CLOSE = "compartments.cases.close"
    MEMBERS_ADD = "compartments.members.add"
    MEMBERS_REMOVE = "compartments.members.remove"
    MEMBERS_GET = "compartments.members.get"
    MEMBERS_AGREE = "compartments.members.agree"
    ITEMS_ADD = "compartments.items.add"
    ITEMS_LIST = "compartments.items.list"
    HOLDS_PLACE = "compartments.holds.place"
    HOLDS_LIST = "compartments.holds.list"
    HOLDS_PROPOSE_RELEASE = "compartments.holds.propose_release"
    HOLDS_AGREE_RELEASE = "compartments.holds.agree_release"
    POLICIES_GET = "access.policies.get"
    POLICIES_TEST = "access.policies.test"
    POLICIES_PROPOSE = "access.policies.propose"
    PRINCIPALS_LIST = "access.principals.list"
    PRINCIPALS_PROPOSE = "access.principals.propose"
    PROPOSALS_GET = "access.proposals.get"
    PROPOSALS_LIST = "access.proposals.list"
    PROPOSALS_WITHDRAW = "access.proposals.withdraw"
    PROPOSALS_APPROVE = "access.proposals.approve"
    PROPOSALS_REJECT = "access.proposals.reject"
    DECISIONS_EXPLAIN = "access.decisions.explain"
    DECISIONS_WHO_CAN = "access.decisions.who_can"
    KEYS_LIST = "keys.versions.list"
    KEYS_STATUS = "keys.steps.list"
    KEYS_GET = "keys.steps.get"
    KEYS_PROPOSE = "keys.steps.propose"
    KEYS_WITHDRAW = "keys.steps.withdraw"
    KEYS_BEGIN = "keys.work.begin"
    """The vault begins to carry out what two persons have agreed to; nobody calls it."""
    KEYS_END = "keys.work.end"
    """It has done so, or cannot."""
    KEYS_RESEAL = "keys.work.reseal"
    """It has sealed rows anew, whose hashes the event has; they take the place of earlier ones."""
    KEYS_UNSEALED = "keys.shares.unsealed"
    """Custodians have opened the key-encryption keys at a start, on the vault's own machine."""
    KEYS_BACKED_UP = "keys.backup.made"
    """The key store was backed up for its recovery custodians, on the vault's own machine."""
    KEYS_RESTORED = "keys.backup.restored"
    """Custodians have restored the key store from a backup."""
    RULE_SETS_LIST = "retention.rule_sets.list"
    RULE_SETS_PREVIEW = "retention.rule_sets.preview"
    RULE_SETS_PROPOSE = "retention.rule_sets.propose"
    RULINGS_PROPOSE = "retention.rulings.propose"
    RULES_APPROVE = "retention.rule_sets.approve"
    DISPOSALS_PLAN = "retention.disposals.plan"
    DISPOSALS_GET = "retention.disposals.get"
    DISPOSALS_LIST = "retention.disposals.list"
    DISPOSALS_ITEMS = "retention.disposals.items"
    DISPOSALS_APPROVE = "retention.disposals.approve"
    DISPOSALS_EXECUTE = "retention.disposals.execute"
    DISPOSALS_CERTIFICATE = "retention.disposals.certificate"
    DISPOSALS_GIVE_UP = "retention.work.give_up"
    """The vault gives up a scope for good, as two persons have agreed; nobody calls it."""
    DISPOSALS_PASS_OVER = "retention.work.pass_over"  # noqa: S105  # it passes over an item
    """It is not due any more, or kept, when its turn comes."""
    DISPOSALS_TAKE = "retention.work.take"
    """Rows are taken away, whose hashes the event has."""
    DISPOSALS_CERTIFY = "retention.work.certify"
    """The event names the digest of the certificate."""
    DISPOSALS_END = "retention.work.end"
    DECOYS_SET = "watch.decoys.set"
    DECOYS_LIST = "watch.decoys.list"
    WATCH_ALERT = "watch.alert"
    """What the vault itself notices of a call, for the security officer; nobody calls it."""
    WATCH_WARNING = "watch.warning"
    """The same, of less weight."""
    HEALTH_CHECK = "admin.health.check"
    RECOVERY_GET = "admin.recovery.get"
    RECOVERY_ACKNOWLEDGE = "admin.recovery.acknowledge"
    INDEX_LOOKUP = "internal.index.lookup"
    GRPC_HEALTH = "grpc.health"
    GRPC_REFLECTION = "grpc.reflection"
    RPC_UNKNOWN = "rpc.unknown"
    """A method that does not exist: nobody may, and the attempt is in the log."""

    __hash__ = str.__hash__

    @property
    def action_class(self) -> ActionClass:
        """The class that policies grant it by."""
        return _CLASS[self]

    @property
    def kind(self) -> ResourceKind:
        """The kind of resource that it acts upon."""
        return _KIND[self]


_OF_THE_LOG = {
    "proofs": ActionClass.PROOF,
    "checkpoints": ActionClass.PROOF,
    "tiles": ActionClass.LOG_EXPORT,
    "archive": ActionClass.LOG_ARCHIVE,
}
_OF_LENDING = {
    "check_outs.approve": ActionClass.LENDING_DECISION,
    "check_outs.deny": ActionClass.LENDING_DECISION,
    "check_outs.revoke": ActionClass.LENDING_DECISION,
    "break_glass.review": ActionClass.LENDING_DECISION,
    "break_glass.open": ActionClass.BREAK_GLASS,
}
_OF_ACCESS = {
    "propose": ActionClass.ACCESS_ADMIN,
    "withdraw": ActionClass.ACCESS_ADMIN,
    "approve": ActionClass.ACCESS_DECISION,
    "reject": ActionClass.ACCESS_DECISION,
}
_OF_KEYS = {
    "propose": ActionClass.KEYS_ADMIN,
    "withdraw": ActionClass.KEYS_ADMIN,
    "begin": ActionClass.NONE,
    "end": ActionClass.NONE,
    "reseal": ActionClass.NONE,
    "unsealed": ActionClass.NONE,
    "made": ActionClass.NONE,
    "restored": ActionClass.NONE,
}
_OF_LIFE = {
    "files.hand_over": ActionClass.CUSTODY,
    "merges.propose": ActionClass.CUSTODY,
    "merges.propose_apart": ActionClass.CUSTODY,
    "merges.approve": ActionClass.CUSTODY,
    "transfers.receive": ActionClass.CUSTODY,
    "transfers.acknowledge": ActionClass.CUSTODY,
    "reminders.due": ActionClass.NONE,
}
_OF_RETENTION = {
    "plan": ActionClass.DISPOSAL,
    "execute": ActionClass.DISPOSAL,
    "propose": ActionClass.DISPOSAL,
    "approve": ActionClass.DISPOSAL_DECISION,
    "give_up": ActionClass.NONE,
    "pass_over": ActionClass.NONE,
    "take": ActionClass.NONE,
    "certify": ActionClass.NONE,
    "end": ActionClass.NONE,
}
_OF_RECORDS = {
    "create": ActionClass.WRITE,
    "batch_create": ActionClass.WRITE,
    "update": ActionClass.WRITE,
    "import": ActionClass.WRITE,
    "upload": ActionClass.WRITE,
    "progress": ActionClass.WRITE,
    "export": ActionClass.BULK_READ,
    "transfer": ActionClass.BULK_READ,
}


def _class_of(action: Action) -> ActionClass:
    area, _, rest = action.value.partition(".")
    match area:
        case "records":
            return _OF_RECORDS.get(rest.rpartition(".")[2], ActionClass.FULL_READ)
        case "masked":
            return ActionClass.MASKED_READ
        case "life":
            if rest.startswith("subject_requests."):
                return ActionClass.SUBJECT
            return _OF_LIFE.get(rest, ActionClass.REPORT)
        case "audit":
            return _OF_THE_LOG.get(rest.partition(".")[0], ActionClass.AUDIT_READ)
        case "lending":
            return _OF_LENDING.get(rest, ActionClass.LENDING)
        case "compartments":
            agrees = rest == "members.agree"
            return ActionClass.COMPARTMENT_AGREEMENT if agrees else ActionClass.COMPARTMENT
        case "access":
            return _OF_ACCESS.get(rest.rpartition(".")[2], ActionClass.ACCESS_VIEW)
        case "keys":
            return _OF_KEYS.get(rest.rpartition(".")[2], ActionClass.KEYS_VIEW)
        case "retention":
            return _OF_RETENTION.get(rest.rpartition(".")[2], ActionClass.DISPOSAL_VIEW)
        case "watch":
            return ActionClass.WATCH if rest.startswith("decoys.") else ActionClass.NONE
        case "admin":
            return ActionClass.ADMIN
        case "internal":
            return ActionClass.ORACLE
        case "grpc":
            return ActionClass.SERVICE
        case _:
            return ActionClass.NONE


_KINDS = {
    "customers": ResourceKind.CUSTOMER,
    "documents": ResourceKind.DOCUMENT,
    "transactions": ResourceKind.TRANSACTION,
    "accounts": ResourceKind.TRANSACTION,
    "contents": ResourceKind.CONTENT,
    "import": ResourceKind.IMPORT,
    "files": ResourceKind.CUSTOMER,
    "changes": ResourceKind.CUSTOMER,
    "transfers": ResourceKind.CUSTOMER,
    "reminders": ResourceKind.CUSTOMER,
    "events": ResourceKind.LOG,
    "access": ResourceKind.LOG,
    # The log is one for all institutions, and so are its proofs.
    "proofs": ResourceKind.VAULT,
    "checkpoints": ResourceKind.VAULT,
    "tiles": ResourceKind.VAULT,
    "archive": ResourceKind.VAULT,
    "check_outs": ResourceKind.CHECK_OUT,
    "break_glass": ResourceKind.CHECK_OUT,
    "cases": ResourceKind.COMPARTMENT,
    "members": ResourceKind.COMPARTMENT,
    "items": ResourceKind.COMPARTMENT,
    "holds": ResourceKind.COMPARTMENT,
    # Of an institution, or of the vault as a whole.
    "policies": ResourceKind.VAULT,
    "principals": ResourceKind.VAULT,
    "proposals": ResourceKind.VAULT,
    "decisions": ResourceKind.VAULT,
    "versions": ResourceKind.VAULT,
    "steps": ResourceKind.VAULT,
    "work": ResourceKind.VAULT,
    "shares": ResourceKind.VAULT,
    "backup": ResourceKind.VAULT,
    "rule_sets": ResourceKind.VAULT,
    "rulings": ResourceKind.VAULT,
    "disposals": ResourceKind.VAULT,
    # Two of an institution's files, and a proposal.
    "merges": ResourceKind.VAULT,
    "subject_requests": ResourceKind.CUSTOMER,
    "decoys": ResourceKind.CUSTOMER,
    "alert": ResourceKind.VAULT,
    "warning": ResourceKind.VAULT,
    "index": ResourceKind.INDEX,
    "health": ResourceKind.VAULT,
    "recovery": ResourceKind.VAULT,
    "reflection": ResourceKind.VAULT,
    "unknown": ResourceKind.VAULT,
}

_CLASS = {action: _class_of(action) for action in Action}
_KIND = {action: _KINDS[action.value.split(".")[1]] for action in Action}
