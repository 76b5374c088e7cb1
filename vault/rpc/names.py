"""Resource names in requests. A name that is no name has been refused by the contract's own rules;
here it becomes an empty target, so that the refusal can still be logged."""

from __future__ import annotations

from vault.records import (
    ContentName,
    CustomerName,
    InstitutionName,
    InvalidName,
    SubjectRequestName,
    parse_record_name,
)
from vault.rpc.methods import Target


def target_of(text: str) -> Target:
    """What a resource name is about."""
    try:
        name = parse_record_name(text)
    except InvalidName:
        return Target()
    return Target(institution=name.institution, customer=name.customer, resource=text)


def target_of_content(text: str) -> Target:
    """What the name of a content is about."""
    try:
        name = ContentName.parse(text)
    except InvalidName:
        return Target()
    return Target(institution=name.institution, customer=name.customer, resource=text)


def target_of_subject_request(text: str) -> Target:
    """What the name of a request of a person is about."""
    try:
        name = SubjectRequestName.parse(text)
    except InvalidName:
        return Target()
    return Target(institution=name.institution, customer=name.customer, resource=text)


def target_of_parent(text: str) -> Target:
    """What the parent of a list, a batch or a new record is about: an institution or a customer."""
    try:
        return Target(institution=InstitutionName.parse(text).institution, resource=text)
    except InvalidName:
        pass
    try:
        name = CustomerName.parse(text)
    except InvalidName:
        return Target()
    return Target(institution=name.institution, customer=name.customer, resource=text)
