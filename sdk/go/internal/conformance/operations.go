package main

import (
	"context"
	"errors"
	"iter"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	aggregatorv1 "chartly.dev/sdk-go/gen/aggregator/v1"
	analyticsv1 "chartly.dev/sdk-go/gen/analytics/v1"
	auditv1 "chartly.dev/sdk-go/gen/audit/v1"
	authv1 "chartly.dev/sdk-go/gen/auth/v1"
	coordinatorv1 "chartly.dev/sdk-go/gen/coordinator/v1"
	registryv1 "chartly.dev/sdk-go/gen/registry/v1"
	reporterv1 "chartly.dev/sdk-go/gen/reporter/v1"
	storagev1 "chartly.dev/sdk-go/gen/storage/v1"
)

var nothing = map[string]any{}

// operations are the table of tests/contract/sdk/README.md.
var operations = map[string]func(call) (any, error){
	"status.health": func(c call) (any, error) { return c.client.Status.Health(c.ctx) },
	"status.get":    func(c call) (any, error) { return c.client.Status.Get(c.ctx) },

	"profiles.create": func(c call) (any, error) {
		return c.client.Profiles.Create(c.ctx, c.document(), edit[registryv1.CreateProfileRequest](c))
	},
	"profiles.update": func(c call) (any, error) {
		return c.client.Profiles.Update(
			c.ctx, c.text("profile_id"), c.document(), edit[registryv1.UpdateProfileRequest](c))
	},
	"profiles.get":  func(c call) (any, error) { return c.client.Profiles.Get(c.ctx, c.text("profile_id")) },
	"profiles.list": func(c call) (any, error) { return listed[registryv1.ListProfilesRequest](c, c.client.Profiles.List) },
	"profiles.delete": func(c call) (any, error) {
		return nothing, c.client.Profiles.Delete(c.ctx, c.text("profile_id"))
	},
	"profiles.revisions": func(c call) (any, error) {
		return listed[registryv1.ListRevisionsRequest](c, c.client.Profiles.Revisions)
	},
	"profiles.revision": func(c call) (any, error) {
		return c.client.Profiles.Revision(c.ctx, c.text("profile_id"), c.text("version"))
	},
	"profiles.validate": func(c call) (any, error) { return c.client.Profiles.Validate(c.ctx, c.document()) },
	"profiles.contract": func(c call) (any, error) {
		return bodyOf(c.client.Profiles.Contract(c.ctx, c.text("profile_id"), c.text("format")))
	},

	"contracts.create": func(c call) (any, error) {
		return c.client.Contracts.Create(
			c.ctx, c.text("contract_id"), c.document(), edit[registryv1.CreateContractRevisionRequest](c))
	},
	"contracts.update": func(c call) (any, error) { return asked(c, c.client.Contracts.Update) },
	"contracts.get":    func(c call) (any, error) { return c.client.Contracts.Get(c.ctx, c.text("contract_id")) },
	"contracts.list": func(c call) (any, error) {
		return listed[registryv1.ListContractsRequest](c, c.client.Contracts.List)
	},
	"contracts.delete": func(c call) (any, error) {
		return nothing, c.client.Contracts.Delete(c.ctx, c.text("contract_id"))
	},
	"contracts.revisions": func(c call) (any, error) {
		return listed[registryv1.ListContractRevisionsRequest](c, c.client.Contracts.Revisions)
	},
	"contracts.revision": func(c call) (any, error) {
		return c.client.Contracts.Revision(c.ctx, c.text("contract_id"), c.text("version"))
	},
	"contracts.check": func(c call) (any, error) {
		return c.client.Contracts.Check(
			c.ctx, c.text("contract_id"), c.document(), edit[registryv1.CheckCompatibilityRequest](c))
	},
	"contracts.diff": func(c call) (any, error) {
		return c.client.Contracts.Diff(c.ctx, c.text("contract_id"), c.text("base"), c.text("target"))
	},
	"contracts.export": func(c call) (any, error) {
		return bodyOf(c.client.Contracts.Export(c.ctx, c.text("contract_id"), c.text("version"), c.text("format")))
	},
	"contracts.validate": func(c call) (any, error) {
		validator, err := c.client.Contracts.Validator(c.ctx, c.text("contract_id"), c.text("version"))
		if err != nil {
			return nil, err
		}
		problems, err := validator.Validate([]byte(c.text("data")))
		return anyOf(problems), err
	},

	"runs.run": run,
	"runs.get": func(c call) (any, error) { return c.client.Runs.Get(c.ctx, c.text("run_id")) },
	"runs.list": func(c call) (any, error) {
		return listed[aggregatorv1.ListRunsRequest](c, c.client.Runs.List)
	},
	"runs.logs": func(c call) (any, error) { return bodyOf(c.client.Runs.Logs(c.ctx, c.text("run_id"))) },
	"runs.upload": func(c call) (any, error) {
		return c.client.Runs.Upload(c.ctx, c.text("profile_id"), c.text("media_type"), strings.NewReader(c.text("data")),
			edit[aggregatorv1.UploadRecordsRequest](c))
	},
	"runs.submit": submit,
	"runs.watch":  watch,

	"results.list": func(c call) (any, error) {
		return listed[aggregatorv1.ListResultsRequest](c, c.client.Results.List)
	},
	"results.summary": func(c call) (any, error) { return c.client.Results.Summary(c.ctx) },
	"records.list": func(c call) (any, error) {
		return listed[aggregatorv1.ListRecordsRequest](c, c.client.Records.List)
	},
	"quarantine.list": func(c call) (any, error) {
		return listed[aggregatorv1.ListQuarantineRequest](c, c.client.Quarantine.List)
	},
	"quarantine.replay": func(c call) (any, error) {
		return c.client.Quarantine.Replay(c.ctx, c.text("profile_id"), c.text("run_id"))
	},

	"datasets.list": func(c call) (any, error) {
		return listed[storagev1.ListDatasetsRequest](c, c.client.Datasets.List)
	},
	"datasets.get": func(c call) (any, error) { return c.client.Datasets.Get(c.ctx, c.text("dataset_id")) },
	"datasets.versions": func(c call) (any, error) {
		return listed[storagev1.ListDatasetVersionsRequest](c, c.client.Datasets.Versions)
	},
	"datasets.records": func(c call) (any, error) {
		return listed[storagev1.ReadDatasetRequest](c, c.client.Datasets.Records)
	},
	"datasets.read": func(c call) (any, error) {
		request, err := fill(c, &storagev1.ReadDatasetRequest{})
		if err != nil {
			return nil, err
		}
		return readAll(c.client.Datasets.Read(c.ctx, request))
	},
	"artifacts.put": func(c call) (any, error) {
		return c.client.Artifacts.Put(c.ctx, c.text("media_type"), strings.NewReader(c.text("data")))
	},
	"artifacts.get": func(c call) (any, error) { return readAll(c.client.Artifacts.Get(c.ctx, c.text("digest"))) },

	"reports.create": func(c call) (any, error) {
		return c.client.Reports.Create(c.ctx, c.document(), edit[reporterv1.CreateReportRequest](c))
	},
	"reports.list": func(c call) (any, error) { return listed[reporterv1.ListReportsRequest](c, c.client.Reports.List) },
	"reports.get":  func(c call) (any, error) { return c.client.Reports.Get(c.ctx, c.text("report_id")) },
	"reports.export": func(c call) (any, error) {
		return bodyOf(c.client.Reports.Export(c.ctx, c.text("report_id"), c.text("format")))
	},
	"analytics.aggregate": func(c call) (any, error) {
		return asked[analyticsv1.AggregateRequest](c, c.client.Analytics.Aggregate)
	},
	"analytics.correlate": func(c call) (any, error) {
		return asked[analyticsv1.CorrelateRequest](c, c.client.Analytics.Correlate)
	},

	"drones.list":  func(c call) (any, error) { return listed[coordinatorv1.ListDronesRequest](c, c.client.Drones.List) },
	"drones.get":   func(c call) (any, error) { return c.client.Drones.Get(c.ctx, c.text("drone_id")) },
	"drones.stats": func(c call) (any, error) { return c.client.Drones.Stats(c.ctx) },
	"drones.work": func(c call) (any, error) {
		return listed[coordinatorv1.ListDroneWorkRequest](c, c.client.Drones.Work)
	},
	"work.list":    func(c call) (any, error) { return listed[coordinatorv1.ListWorkRequest](c, c.client.Work.List) },
	"work.get":     func(c call) (any, error) { return c.client.Work.Get(c.ctx, c.text("work_id")) },
	"work.cancel":  func(c call) (any, error) { return c.client.Work.Cancel(c.ctx, c.text("work_id")) },
	"work.redrive": func(c call) (any, error) { return c.client.Work.Redrive(c.ctx, c.text("work_id")) },

	"keys.create": func(c call) (any, error) { return asked[authv1.CreateKeyRequest](c, c.client.Keys.Create) },
	"keys.list":   func(c call) (any, error) { return listed[authv1.ListKeysRequest](c, c.client.Keys.List) },
	"keys.revoke": func(c call) (any, error) { return c.client.Keys.Revoke(c.ctx, c.text("key_id")) },
	"audit.list":  func(c call) (any, error) { return listed[auditv1.ListEntriesRequest](c, c.client.Audit.List) },
	"audit.get": func(c call) (any, error) {
		request, err := fill(c, &auditv1.GetEntryRequest{})
		if err != nil {
			return nil, err
		}
		return c.client.Audit.Get(c.ctx, request.GetIndex())
	},
}

// A message is a request of type M.
type message[M any] interface {
	*M
	proto.Message
}

// listed lists what the arguments ask for.
func listed[M any, Q message[M], T any](c call, list func(context.Context, Q) iter.Seq2[T, error]) (any, error) {
	request, err := fill(c, Q(new(M)))
	if err != nil {
		return nil, err
	}
	return collect(c, list(c.ctx, request))
}

// asked calls a method with the arguments as its request.
func asked[M any, Q message[M], A any](c call, method func(context.Context, Q) (A, error)) (any, error) {
	request, err := fill(c, Q(new(M)))
	if err != nil {
		return nil, err
	}
	return method(c.ctx, request)
}

// edit changes a request to the arguments.
func edit[M any, Q message[M]](c call) func(Q) {
	return func(request Q) {
		if _, err := fill(c, request); err != nil {
			panic(err)
		}
	}
}

func anyOf[T any](items []T) []any {
	list := make([]any, len(items))
	for index, item := range items {
		list[index] = item
	}
	return list
}

func run(c call) (any, error) {
	profileID, request := c.text("profile_id"), edit[coordinatorv1.RunNowRequest](c)
	wait, err := argument[bool](c, "wait")
	if err != nil {
		return nil, err
	}
	if wait {
		return c.client.Runs.Run(c.ctx, profileID, nil, request)
	}
	return c.client.Runs.Start(c.ctx, profileID, request)
}

func submit(c call) (any, error) {
	data, err := argument[[]string](c, "data")
	if err != nil {
		return nil, err
	}
	submission := &aggregatorv1.Submission{
		DroneId: c.text("drone_id"), ProfileId: c.text("profile_id"), RunId: c.text("run_id"), Data: data,
	}
	return c.client.Runs.Submit(c.ctx, submission, func(request *aggregatorv1.SubmitResultsRequest) {
		request.RequestId = c.text("request_id")
	})
}

func watch(c call) (any, error) {
	seconds, err := argument[float64](c, "cancel_after_seconds")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	defer time.AfterFunc(time.Duration(seconds*float64(time.Second)), cancel).Stop()
	for _, err := range c.client.Runs.Watch(ctx) {
		if errors.Is(err, context.Canceled) && ctx.Err() != nil {
			return map[string]bool{"cancelled": true}, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, errors.New("the watch ended without an error")
}
