package chartly

import (
	"context"
	"iter"

	auditv1 "chartly.dev/sdk-go/gen/audit/v1"
	authv1 "chartly.dev/sdk-go/gen/auth/v1"
	coordinatorv1 "chartly.dev/sdk-go/gen/coordinator/v1"
	gatewayv1 "chartly.dev/sdk-go/gen/gateway/v1"
)

// Drones carry runs out.
type Drones struct {
	stub coordinatorv1.CoordinatorServiceClient
}

// List iterates drones by name. The request may be nil.
func (d *Drones) List(ctx context.Context, request *coordinatorv1.ListDronesRequest) iter.Seq2[*coordinatorv1.Drone, error] {
	return list(ctx, request, d.stub.ListDrones, (*coordinatorv1.ListDronesResponse).GetDrones)
}

// Get answers one drone.
func (d *Drones) Get(ctx context.Context, droneID string) (*coordinatorv1.Drone, error) {
	answer, err := d.stub.GetDrone(ctx, &coordinatorv1.GetDroneRequest{DroneId: droneID})
	return answer.GetDrone(), err
}

// Stats counts drones and work by state.
func (d *Drones) Stats(ctx context.Context) (*coordinatorv1.GetDroneStatsResponse, error) {
	return d.stub.GetDroneStats(ctx, &coordinatorv1.GetDroneStatsRequest{})
}

// Work iterates what a drone holds or has held, newest first.
func (d *Drones) Work(
	ctx context.Context, request *coordinatorv1.ListDroneWorkRequest,
) iter.Seq2[*coordinatorv1.Work, error] {
	return list(ctx, request, d.stub.ListDroneWork, (*coordinatorv1.ListDroneWorkResponse).GetWork)
}

// Work waits, is under way or has ended.
type Work struct {
	stub coordinatorv1.CoordinatorServiceClient
}

// List iterates work items, newest first. The request may be nil.
func (w *Work) List(ctx context.Context, request *coordinatorv1.ListWorkRequest) iter.Seq2[*coordinatorv1.Work, error] {
	return list(ctx, request, w.stub.ListWork, (*coordinatorv1.ListWorkResponse).GetWork)
}

// Get answers one work item.
func (w *Work) Get(ctx context.Context, workID string) (*coordinatorv1.Work, error) {
	answer, err := w.stub.GetWork(ctx, &coordinatorv1.GetWorkRequest{WorkId: workID})
	return answer.GetWork(), err
}

// Cancel ends a work item; a run that commits before its drone hears of it has succeeded after all.
func (w *Work) Cancel(ctx context.Context, workID string) (*coordinatorv1.Work, error) {
	answer, err := w.stub.CancelWork(ctx, &coordinatorv1.CancelWorkRequest{WorkId: workID})
	return answer.GetWork(), err
}

// Redrive queues dead or cancelled work again, with fresh attempts.
func (w *Work) Redrive(ctx context.Context, workID string) (*coordinatorv1.Work, error) {
	answer, err := w.stub.RedriveWork(ctx, &coordinatorv1.RedriveWorkRequest{WorkId: workID})
	return answer.GetWork(), err
}

// Keys identify callers.
type Keys struct{ stub authv1.AuthServiceClient }

// Create makes a key and answers its secret, which nobody can see again. A request without a request_id gets a new one.
func (k *Keys) Create(ctx context.Context, request *authv1.CreateKeyRequest) (*authv1.CreateKeyResponse, error) {
	if request.GetRequestId() == "" {
		request = &authv1.CreateKeyRequest{
			Name: request.GetName(), Roles: request.GetRoles(), ExpireTime: request.GetExpireTime(), RequestId: newRequestID(),
		}
	}
	return k.stub.CreateKey(ctx, request)
}

// List iterates keys, newest first, without their secrets. The request may be nil.
func (k *Keys) List(ctx context.Context, request *authv1.ListKeysRequest) iter.Seq2[*authv1.Key, error] {
	return list(ctx, request, k.stub.ListKeys, (*authv1.ListKeysResponse).GetKeys)
}

// Revoke ends a key for good.
func (k *Keys) Revoke(ctx context.Context, keyID string) (*authv1.Key, error) {
	answer, err := k.stub.RevokeKey(ctx, &authv1.RevokeKeyRequest{KeyId: keyID})
	return answer.GetKey(), err
}

// Audit is the ledger: who did what.
type Audit struct{ stub auditv1.AuditServiceClient }

// List iterates entries in the order of the log. The request may be nil.
func (a *Audit) List(ctx context.Context, request *auditv1.ListEntriesRequest) iter.Seq2[*auditv1.Entry, error] {
	return list(ctx, request, a.stub.ListEntries, (*auditv1.ListEntriesResponse).GetEntries)
}

// Get answers one entry, by its index from 0.
func (a *Audit) Get(ctx context.Context, index int64) (*auditv1.Entry, error) {
	answer, err := a.stub.GetEntry(ctx, &auditv1.GetEntryRequest{Index: index})
	return answer.GetEntry(), err
}

// Status says how the mesh is.
type Status struct {
	stub gatewayv1.GatewayServiceClient
}

// Health answers healthy while all services serve, and fails with UNAVAILABLE otherwise.
func (s *Status) Health(ctx context.Context) (*gatewayv1.GetHealthResponse, error) {
	return s.stub.GetHealth(ctx, &gatewayv1.GetHealthRequest{})
}

// Get answers how each of the services is.
func (s *Status) Get(ctx context.Context) (*gatewayv1.GetStatusResponse, error) {
	return s.stub.GetStatus(ctx, &gatewayv1.GetStatusRequest{})
}
