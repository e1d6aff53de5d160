package chartly

import (
	"context"
	"io"
	"iter"

	storagev1 "chartly.dev/sdk-go/gen/storage/v1"
)

// Datasets are what runs fill, version by version.
type Datasets struct {
	stub storagev1.StorageServiceClient
}

// List iterates datasets by name, without digests. The request may be nil.
func (d *Datasets) List(ctx context.Context, request *storagev1.ListDatasetsRequest) iter.Seq2[*storagev1.Dataset, error] {
	return list(ctx, request, d.stub.ListDatasets, (*storagev1.ListDatasetsResponse).GetDatasets)
}

// Get answers a dataset, with the digest of its latest version.
func (d *Datasets) Get(ctx context.Context, datasetID string) (*storagev1.Dataset, error) {
	answer, err := d.stub.GetDataset(ctx, &storagev1.GetDatasetRequest{DatasetId: datasetID})
	return answer.GetDataset(), err
}

// Versions iterates the versions of a dataset, newest first, each a commit.
func (d *Datasets) Versions(
	ctx context.Context, request *storagev1.ListDatasetVersionsRequest,
) iter.Seq2[*storagev1.Commit, error] {
	return list(ctx, request, d.stub.ListDatasetVersions, (*storagev1.ListDatasetVersionsResponse).GetVersions)
}

// Read opens a version of a dataset as a file: ndjson (also for an empty format), arrow (an IPC stream), csv or parquet. A stream that breaks
// off ends with the error of its call, never with io.EOF. The mark at its end, the last line of ndjson and the metadata of the last
// batch of arrow, which has no rows, is part of the bytes; [Datasets.Records] takes it out.
func (d *Datasets) Read(ctx context.Context, request *storagev1.ReadDatasetRequest) (*Body, error) {
	return download(ctx, request, d.stub.ReadDataset)
}

// Artifacts are bytes under their digest.
type Artifacts struct {
	stub storagev1.StorageServiceClient
}

// Put keeps bytes under their digest; up to 8 MiB are retried by themselves.
func (a *Artifacts) Put(ctx context.Context, mediaType string, content io.Reader) (*storagev1.Artifact, error) {
	answer, err := upload(ctx, a.stub.PutArtifact, Document{MediaType: mediaType}, content,
		func(part Document) *storagev1.PutArtifactRequest {
			return &storagev1.PutArtifactRequest{Body: part.body()}
		})
	return answer.GetArtifact(), err
}

// Get opens an artifact. Its service checks the bytes against the digest.
func (a *Artifacts) Get(ctx context.Context, digest string) (*Body, error) {
	return download(ctx, &storagev1.GetArtifactRequest{Digest: digest}, a.stub.GetArtifact)
}
