// Deadlines and retries of every method, a gRPC service config. Made by `make gen`; edits are overwritten.

export const serviceConfig = {
  "methodConfig": [
    {
      "name": [
        {
          "service": "chartly.api.auth.v1.AuthService",
          "method": "Introspect"
        },
        {
          "service": "chartly.api.gateway.v1.GatewayService",
          "method": "GetHealth"
        },
        {
          "service": "chartly.api.gateway.v1.GatewayService",
          "method": "GetStatus"
        },
        {
          "service": "chartly.api.gateway.v1.GatewayService",
          "method": "GetOpenApi"
        }
      ],
      "timeout": "5s",
      "retryPolicy": {
        "maxAttempts": 5,
        "initialBackoff": "0.1s",
        "maxBackoff": "1s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": [
          "UNAVAILABLE"
        ]
      }
    },
    {
      "name": [
        {
          "service": "chartly.api.auth.v1.AuthService",
          "method": "CreateKey"
        },
        {
          "service": "chartly.api.coordinator.v1.CoordinatorService",
          "method": "RunNow"
        },
        {
          "service": "chartly.api.registry.v1.RegistryService",
          "method": "CreateProfile"
        }
      ],
      "timeout": "30s"
    },
    {
      "name": [
        {
          "service": "chartly.api.aggregator.v1.AggregatorService",
          "method": "ListResults"
        },
        {
          "service": "chartly.api.aggregator.v1.AggregatorService",
          "method": "GetSummary"
        },
        {
          "service": "chartly.api.aggregator.v1.AggregatorService",
          "method": "ListRuns"
        },
        {
          "service": "chartly.api.aggregator.v1.AggregatorService",
          "method": "GetRun"
        },
        {
          "service": "chartly.api.aggregator.v1.AggregatorService",
          "method": "GetRunLogs"
        },
        {
          "service": "chartly.api.aggregator.v1.AggregatorService",
          "method": "ListQuarantine"
        },
        {
          "service": "chartly.api.audit.v1.AuditService",
          "method": "AppendEntries"
        },
        {
          "service": "chartly.api.audit.v1.AuditService",
          "method": "ListEntries"
        },
        {
          "service": "chartly.api.audit.v1.AuditService",
          "method": "GetEntry"
        },
        {
          "service": "chartly.api.audit.v1.AuditService",
          "method": "GetTreeHead"
        },
        {
          "service": "chartly.api.auth.v1.AuthService",
          "method": "ListKeys"
        },
        {
          "service": "chartly.api.auth.v1.AuthService",
          "method": "RevokeKey"
        },
        {
          "service": "chartly.api.coordinator.v1.CoordinatorService",
          "method": "RegisterDrone"
        },
        {
          "service": "chartly.api.coordinator.v1.CoordinatorService",
          "method": "Heartbeat"
        },
        {
          "service": "chartly.api.coordinator.v1.CoordinatorService",
          "method": "ListDrones"
        },
        {
          "service": "chartly.api.coordinator.v1.CoordinatorService",
          "method": "GetDroneStats"
        },
        {
          "service": "chartly.api.coordinator.v1.CoordinatorService",
          "method": "GetDrone"
        },
        {
          "service": "chartly.api.coordinator.v1.CoordinatorService",
          "method": "ListDroneWork"
        },
        {
          "service": "chartly.api.coordinator.v1.CoordinatorService",
          "method": "RenewLease"
        },
        {
          "service": "chartly.api.coordinator.v1.CoordinatorService",
          "method": "CompleteWork"
        },
        {
          "service": "chartly.api.coordinator.v1.CoordinatorService",
          "method": "FailWork"
        },
        {
          "service": "chartly.api.coordinator.v1.CoordinatorService",
          "method": "CompletePreview"
        },
        {
          "service": "chartly.api.coordinator.v1.CoordinatorService",
          "method": "ListWork"
        },
        {
          "service": "chartly.api.coordinator.v1.CoordinatorService",
          "method": "GetWork"
        },
        {
          "service": "chartly.api.coordinator.v1.CoordinatorService",
          "method": "CancelWork"
        },
        {
          "service": "chartly.api.coordinator.v1.CoordinatorService",
          "method": "RedriveWork"
        },
        {
          "service": "chartly.api.registry.v1.RegistryService",
          "method": "UpdateProfile"
        },
        {
          "service": "chartly.api.registry.v1.RegistryService",
          "method": "GetProfile"
        },
        {
          "service": "chartly.api.registry.v1.RegistryService",
          "method": "ListProfiles"
        },
        {
          "service": "chartly.api.registry.v1.RegistryService",
          "method": "DeleteProfile"
        },
        {
          "service": "chartly.api.registry.v1.RegistryService",
          "method": "ListRevisions"
        },
        {
          "service": "chartly.api.registry.v1.RegistryService",
          "method": "GetRevision"
        },
        {
          "service": "chartly.api.registry.v1.RegistryService",
          "method": "ValidateProfile"
        },
        {
          "service": "chartly.api.registry.v1.RegistryService",
          "method": "GetOutputContract"
        },
        {
          "service": "chartly.api.registry.v1.RegistryService",
          "method": "CreateContractRevision"
        },
        {
          "service": "chartly.api.registry.v1.RegistryService",
          "method": "UpdateContract"
        },
        {
          "service": "chartly.api.registry.v1.RegistryService",
          "method": "GetContract"
        },
        {
          "service": "chartly.api.registry.v1.RegistryService",
          "method": "ListContracts"
        },
        {
          "service": "chartly.api.registry.v1.RegistryService",
          "method": "DeleteContract"
        },
        {
          "service": "chartly.api.registry.v1.RegistryService",
          "method": "ListContractRevisions"
        },
        {
          "service": "chartly.api.registry.v1.RegistryService",
          "method": "GetContractRevision"
        },
        {
          "service": "chartly.api.registry.v1.RegistryService",
          "method": "ValidateContract"
        },
        {
          "service": "chartly.api.registry.v1.RegistryService",
          "method": "CheckCompatibility"
        },
        {
          "service": "chartly.api.registry.v1.RegistryService",
          "method": "DiffContractRevisions"
        },
        {
          "service": "chartly.api.registry.v1.RegistryService",
          "method": "ExportContract"
        },
        {
          "service": "chartly.api.reporter.v1.ReporterService",
          "method": "ListReports"
        },
        {
          "service": "chartly.api.reporter.v1.ReporterService",
          "method": "GetReport"
        },
        {
          "service": "chartly.api.reporter.v1.ReporterService",
          "method": "ExportReport"
        },
        {
          "service": "chartly.api.storage.v1.StorageService",
          "method": "CreateStage"
        },
        {
          "service": "chartly.api.storage.v1.StorageService",
          "method": "DiscardStage"
        },
        {
          "service": "chartly.api.storage.v1.StorageService",
          "method": "OpenSnapshot"
        },
        {
          "service": "chartly.api.storage.v1.StorageService",
          "method": "CloseSnapshot"
        },
        {
          "service": "chartly.api.storage.v1.StorageService",
          "method": "ListDatasets"
        },
        {
          "service": "chartly.api.storage.v1.StorageService",
          "method": "ListDatasetVersions"
        }
      ],
      "timeout": "30s",
      "retryPolicy": {
        "maxAttempts": 5,
        "initialBackoff": "0.1s",
        "maxBackoff": "1s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": [
          "UNAVAILABLE"
        ]
      }
    },
    {
      "name": [
        {
          "service": "chartly.api.coordinator.v1.CoordinatorService",
          "method": "PreviewProfile"
        },
        {
          "service": "chartly.api.coordinator.v1.CoordinatorService",
          "method": "LeaseWork"
        }
      ],
      "timeout": "60s"
    },
    {
      "name": [
        {
          "service": "chartly.api.aggregator.v1.AggregatorService",
          "method": "ListRecords"
        }
      ],
      "timeout": "60s",
      "retryPolicy": {
        "maxAttempts": 5,
        "initialBackoff": "0.1s",
        "maxBackoff": "1s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": [
          "UNAVAILABLE"
        ]
      }
    },
    {
      "name": [
        {
          "service": "chartly.api.reporter.v1.ReporterService",
          "method": "CreateReport"
        }
      ],
      "timeout": "300s"
    },
    {
      "name": [
        {
          "service": "chartly.api.aggregator.v1.AggregatorService",
          "method": "SubmitResults"
        },
        {
          "service": "chartly.api.analytics.v1.AnalyticsService",
          "method": "Aggregate"
        },
        {
          "service": "chartly.api.analytics.v1.AnalyticsService",
          "method": "Correlate"
        },
        {
          "service": "chartly.api.storage.v1.StorageService",
          "method": "GetDataset"
        }
      ],
      "timeout": "300s",
      "retryPolicy": {
        "maxAttempts": 5,
        "initialBackoff": "0.1s",
        "maxBackoff": "1s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": [
          "UNAVAILABLE"
        ]
      }
    },
    {
      "name": [
        {
          "service": "chartly.api.aggregator.v1.AggregatorService",
          "method": "ReplayQuarantine"
        },
        {
          "service": "chartly.api.storage.v1.StorageService",
          "method": "CommitRun"
        }
      ],
      "timeout": "600s",
      "retryPolicy": {
        "maxAttempts": 5,
        "initialBackoff": "0.1s",
        "maxBackoff": "1s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": [
          "UNAVAILABLE"
        ]
      }
    },
    {
      "name": [
        {
          "service": "chartly.api.aggregator.v1.AggregatorService",
          "method": "UploadRecords"
        },
        {
          "service": "chartly.api.storage.v1.StorageService",
          "method": "ReadDataset"
        },
        {
          "service": "chartly.api.storage.v1.StorageService",
          "method": "PutArtifact"
        },
        {
          "service": "chartly.api.storage.v1.StorageService",
          "method": "GetArtifact"
        }
      ],
      "timeout": "3600s",
      "retryPolicy": {
        "maxAttempts": 5,
        "initialBackoff": "0.1s",
        "maxBackoff": "1s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": [
          "UNAVAILABLE"
        ]
      }
    },
    {
      "name": [
        {
          "service": "chartly.api.aggregator.v1.AggregatorService",
          "method": "WatchRuns"
        },
        {
          "service": "chartly.api.coordinator.v1.CoordinatorService",
          "method": "WatchWork"
        },
        {
          "service": "chartly.api.gateway.v1.GatewayService",
          "method": "WatchEvents"
        },
        {
          "service": "chartly.api.registry.v1.RegistryService",
          "method": "WatchProfiles"
        },
        {
          "service": "chartly.api.reporter.v1.ReporterService",
          "method": "WatchReports"
        },
        {
          "service": "chartly.api.storage.v1.StorageService",
          "method": "WatchCommits"
        }
      ],
      "timeout": "86400s",
      "retryPolicy": {
        "maxAttempts": 5,
        "initialBackoff": "0.1s",
        "maxBackoff": "1s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": [
          "UNAVAILABLE"
        ]
      }
    }
  ]
} as const;
