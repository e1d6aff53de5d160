package chartly

import (
	"context"
	"iter"

	registryv1 "chartly.dev/sdk-go/gen/registry/v1"
)

// Profiles describe sources. Each change is a revision that stays.
type Profiles struct {
	stub registryv1.RegistryServiceClient
}

// Create saves the first revision of a profile. Edits change the request before it is sent, as in a request_id of one's own; without
// one, each call has a new one.
func (p *Profiles) Create(
	ctx context.Context, document Document, edits ...func(*registryv1.CreateProfileRequest),
) (*registryv1.Revision, error) {
	answer, err := p.stub.CreateProfile(ctx, edited(&registryv1.CreateProfileRequest{
		Document:  &registryv1.CreateProfileRequest_Body{Body: document.body()},
		RequestId: newRequestID(),
	}, edits))
	return answer.GetRevision(), err
}

// Update saves the next revision of a profile; a base_revision in an edit refuses to overwrite what another has saved since.
func (p *Profiles) Update(
	ctx context.Context, profileID string, document Document, edits ...func(*registryv1.UpdateProfileRequest),
) (*registryv1.Revision, error) {
	answer, err := p.stub.UpdateProfile(ctx, edited(&registryv1.UpdateProfileRequest{
		ProfileId: profileID,
		Document:  &registryv1.UpdateProfileRequest_Body{Body: document.body()},
		RequestId: newRequestID(),
	}, edits))
	return answer.GetRevision(), err
}

// Get answers the latest revision of a profile.
func (p *Profiles) Get(ctx context.Context, profileID string) (*registryv1.Revision, error) {
	answer, err := p.stub.GetProfile(ctx, &registryv1.GetProfileRequest{ProfileId: profileID})
	return answer.GetRevision(), err
}

// List iterates the latest revision of each profile, by name, without the documents. The request may be nil.
func (p *Profiles) List(
	ctx context.Context, request *registryv1.ListProfilesRequest,
) iter.Seq2[*registryv1.Revision, error] {
	return list(ctx, request, p.stub.ListProfiles, (*registryv1.ListProfilesResponse).GetProfiles)
}

// Delete ends a profile: it runs no more, and its revisions and its dataset stay.
func (p *Profiles) Delete(ctx context.Context, profileID string) error {
	_, err := p.stub.DeleteProfile(ctx, &registryv1.DeleteProfileRequest{ProfileId: profileID})
	return err
}

// Revisions iterates the revisions of a profile, newest first, without the documents.
func (p *Profiles) Revisions(
	ctx context.Context, request *registryv1.ListRevisionsRequest,
) iter.Seq2[*registryv1.Revision, error] {
	return list(ctx, request, p.stub.ListRevisions, (*registryv1.ListRevisionsResponse).GetRevisions)
}

// Revision answers one revision, by its version, as in 1.1.0, or its number.
func (p *Profiles) Revision(ctx context.Context, profileID, version string) (*registryv1.Revision, error) {
	answer, err := p.stub.GetRevision(ctx, &registryv1.GetRevisionRequest{ProfileId: profileID, Version: version})
	return answer.GetRevision(), err
}

// Validate says all that is wrong with a profile, and what would change if it were saved. A profile with problems is an answer, no error.
func (p *Profiles) Validate(ctx context.Context, document Document) (*registryv1.ValidateProfileResponse, error) {
	return p.stub.ValidateProfile(ctx, &registryv1.ValidateProfileRequest{
		Document: &registryv1.ValidateProfileRequest_Body{Body: document.body()},
	})
}

// Contract answers what the records of a profile meet, as json_schema (also for an empty format), odcs, avro or proto.
func (p *Profiles) Contract(ctx context.Context, profileID, format string) (Document, error) {
	body, err := p.stub.GetOutputContract(ctx, &registryv1.GetOutputContractRequest{ProfileId: profileID, Format: format})
	return documentOf(body), err
}
