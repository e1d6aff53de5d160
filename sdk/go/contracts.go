package chartly

import (
	"context"
	"iter"

	registryv1 "chartly.dev/sdk-go/gen/registry/v1"
)

// Contracts say what records and messages have to look like. Each change is a revision that stays.
type Contracts struct {
	stub registryv1.RegistryServiceClient
}

// Create saves a document as the next revision of a contract, or as the first one. Edits change the request before it is sent.
func (c *Contracts) Create(
	ctx context.Context, contractID string, document Document, edits ...func(*registryv1.CreateContractRevisionRequest),
) (*registryv1.ContractRevision, error) {
	answer, err := c.stub.CreateContractRevision(ctx, edited(&registryv1.CreateContractRevisionRequest{
		ContractId: contractID,
		Source:     &registryv1.CreateContractRevisionRequest_Body{Body: document.body()},
		RequestId:  newRequestID(),
	}, edits))
	return answer.GetRevision(), err
}

// Update changes what is said about a contract: the fields that the request's update_mask names, or those that are set.
func (c *Contracts) Update(ctx context.Context, request *registryv1.UpdateContractRequest) (*registryv1.Contract, error) {
	answer, err := c.stub.UpdateContract(ctx, request)
	return answer.GetContract(), err
}

// Get answers a contract with its latest revision.
func (c *Contracts) Get(ctx context.Context, contractID string) (*registryv1.Contract, error) {
	answer, err := c.stub.GetContract(ctx, &registryv1.GetContractRequest{ContractId: contractID})
	return answer.GetContract(), err
}

// List iterates contracts by name. The request may be nil.
func (c *Contracts) List(
	ctx context.Context, request *registryv1.ListContractsRequest,
) iter.Seq2[*registryv1.Contract, error] {
	return list(ctx, request, c.stub.ListContracts, (*registryv1.ListContractsResponse).GetContracts)
}

// Delete removes a contract that nothing refers to, with its revisions.
func (c *Contracts) Delete(ctx context.Context, contractID string) error {
	_, err := c.stub.DeleteContract(ctx, &registryv1.DeleteContractRequest{ContractId: contractID})
	return err
}

// Revisions iterates the revisions of a contract, newest first, without the documents.
func (c *Contracts) Revisions(
	ctx context.Context, request *registryv1.ListContractRevisionsRequest,
) iter.Seq2[*registryv1.ContractRevision, error] {
	return list(ctx, request, c.stub.ListContractRevisions, (*registryv1.ListContractRevisionsResponse).GetRevisions)
}

// Revision answers one revision with its document, by its version, a tag (latest, 1, 1.2) or its digest.
func (c *Contracts) Revision(ctx context.Context, contractID, version string) (*registryv1.ContractRevision, error) {
	answer, err := c.stub.GetContractRevision(ctx, &registryv1.GetContractRevisionRequest{ContractId: contractID, Version: version})
	return answer.GetRevision(), err
}

// Check says what a document would change as the next revision, and whether the contract's mode, or that of an edit, allows it.
func (c *Contracts) Check(
	ctx context.Context, contractID string, document Document, edits ...func(*registryv1.CheckCompatibilityRequest),
) (*registryv1.CompatibilityReport, error) {
	answer, err := c.stub.CheckCompatibility(ctx, edited(&registryv1.CheckCompatibilityRequest{
		ContractId: contractID,
		Source:     &registryv1.CheckCompatibilityRequest_Body{Body: document.body()},
	}, edits))
	return answer.GetReport(), err
}

// Diff says what changed from one revision to another; an empty target is the latest.
func (c *Contracts) Diff(ctx context.Context, contractID, base, target string) (*registryv1.CompatibilityReport, error) {
	answer, err := c.stub.DiffContractRevisions(ctx, &registryv1.DiffContractRevisionsRequest{
		ContractId: contractID, Base: base, Target: target,
	})
	return answer.GetReport(), err
}

// Export answers a revision as json_schema (also for an empty format), avro, proto or odcs.
func (c *Contracts) Export(ctx context.Context, contractID, version, format string) (Document, error) {
	body, err := c.stub.ExportContract(ctx, &registryv1.ExportContractRequest{
		ContractId: contractID, Version: version, Format: format,
	})
	return documentOf(body), err
}

// Validator fetches a revision as a JSON Schema, to judge data with it here.
func (c *Contracts) Validator(ctx context.Context, contractID, version string) (*Validator, error) {
	schema, err := c.Export(ctx, contractID, version, "json_schema")
	if err != nil {
		return nil, err
	}
	return NewValidator(schema.Text)
}
