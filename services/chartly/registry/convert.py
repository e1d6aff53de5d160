"""Messages of the registry to domain values and back."""

from __future__ import annotations

import json
from collections.abc import Sequence

from chartly import engine
from chartly.api.errors.v1.error_reason_pb2 import ErrorReason
from chartly.api.registry.v1 import registry_pb2 as pb
from chartly.contracts.errors import NotExportable
from chartly.contracts.rows.columns import row_of_profile
from chartly.contracts.rows.exports import FORMATS, export_row
from chartly.registry.contract_errors import ContractNotExportable, UnknownFormat
from chartly.registry.errors import InvalidProfile, RevisionRefused
from chartly.registry.evolution import Revision
from chartly.runtime import ChartlyError
from chartly.runtime.pages import decode_page_token, encode_page_token
from google.api.httpbody_pb2 import HttpBody

_PROFILES = "registry.profiles"


def revision_message(revision: Revision, *, document: bool = True) -> pb.Revision:
    """Return a revision as its message, with the profile itself if wanted."""
    profile = revision.profile
    message = pb.Revision(
        profile_id=profile.profile_id,
        name=profile.name or profile.profile_id,
        version=revision.version,
        digest=revision.digest,
        enabled=profile.enabled if profile.HasField("enabled") else True,
        revision=revision.revision,
        owner=profile.owner,
        tags=profile.tags,
        every=profile.schedule.every,
        deleted=revision.deleted,
        changes=revision.changes,
        profile=profile if document else None,
        contract_digest=revision.contract_digest,
    )
    message.create_time.FromDatetime(revision.create_time)
    return message


def problems_message(refusal: InvalidProfile) -> pb.ValidateProfileResponse:
    """Return what is wrong with a profile."""
    problems = [
        pb.Problem(
            line=problem.line,
            column=problem.column,
            path=problem.path,
            message=problem.message,
            rule=problem.reason,
        )
        for problem in refusal.problems
    ]
    return pb.ValidateProfileResponse(problems=problems)


def refusal_message(refusal: RevisionRefused, latest: Revision | None) -> pb.ValidateProfileResponse:
    """Return why a profile cannot follow its latest revision."""
    rule = ErrorReason.Name(refusal.reason).removeprefix("ERROR_REASON_")
    problem = pb.Problem(path=refusal.path, message=refusal.message, rule=rule)
    return pb.ValidateProfileResponse(problems=[problem], latest_revision=_number(latest))


def unmet_message(refusal: ChartlyError, latest: Revision | None) -> pb.ValidateProfileResponse:
    """Return why a profile's records do not meet the contract that it names."""
    rule = ErrorReason.Name(refusal.reason).removeprefix("ERROR_REASON_")
    problems = [pb.Problem(path=each.field, message=each.description, rule=each.reason) for each in refusal.violations]
    problems = problems or [pb.Problem(path="contract", message=refusal.message, rule=rule)]
    return pb.ValidateProfileResponse(problems=problems, latest_revision=_number(latest))


def preview_message(
    revision: Revision, latest: Revision | None, warnings: Sequence[str] = ()
) -> pb.ValidateProfileResponse:
    """Return what saving would make, and what the author should know of it."""
    answer = pb.ValidateProfileResponse(
        revision=revision_message(revision), latest_revision=_number(latest), warnings=warnings
    )
    if latest is None or revision.revision != latest.revision:
        answer.revision.ClearField("create_time")
        answer.changes.extend(revision.changes)
    return answer


def profile_after(page_token: str) -> str:
    """Return the profile_id after which a list of profiles goes on; empty for its start.

    Raises:
        InvalidPageToken: the token is not of this list.
    """
    after: str = decode_page_token(page_token, of=_PROFILES).get("after", "")
    return after


def profiles_page(found: Sequence[Revision], limit: int) -> pb.ListProfilesResponse:
    """Return a page of at most `limit` profiles; that there are more, one more tells."""
    page = pb.ListProfilesResponse(profiles=[revision_message(each, document=False) for each in found[:limit]])
    if len(found) > limit:
        page.next_page_token = encode_page_token({"after": found[limit - 1].profile_id}, of=_PROFILES)
    return page


def revision_before(request: pb.ListRevisionsRequest) -> int | None:
    """Return the number below which a list of revisions goes on; None for its start.

    Raises:
        InvalidPageToken: the token is not of this profile's list.
    """
    number: int | None = decode_page_token(request.page_token, of=request.profile_id).get("before")
    return number


def revisions_page(found: Sequence[Revision], limit: int) -> pb.ListRevisionsResponse:
    """Return a page of at most `limit` revisions; that there are more, one more tells."""
    page = pb.ListRevisionsResponse(revisions=[revision_message(each, document=False) for each in found[:limit]])
    if len(found) > limit:
        last = found[limit - 1]
        page.next_page_token = encode_page_token({"before": last.revision}, of=last.profile_id)
    return page


def contract_body(revision: Revision, wanted: str) -> HttpBody:
    """Return the contract of a profile: the JSON Schema of its records, or that of its rows in another format.

    Raises:
        UnknownFormat: there is no such format.
        ContractNotExportable: the profile has what that format cannot carry.
    """
    if wanted in ("", "json_schema"):
        schema = engine.compile_profile(revision.profile).json_schema
        data = json.dumps(schema, ensure_ascii=False, indent=2).encode()
        return HttpBody(content_type="application/schema+json", data=data)
    if wanted not in FORMATS:
        raise UnknownFormat(wanted, FORMATS)
    try:
        content_type, data = export_row(row_of_profile(revision.profile), wanted)
    except NotExportable as error:
        raise ContractNotExportable(revision.profile_id, form=wanted, path=error.path, problem=error.message) from None
    return HttpBody(content_type=content_type, data=data)


def _number(latest: Revision | None) -> int:
    return 0 if latest is None or latest.deleted else latest.revision
