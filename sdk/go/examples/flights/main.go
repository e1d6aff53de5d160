// Command flights brings records to a mesh, reads them back, and reports on them: `go run ./examples/flights` beside a running `chartly up`,
// with the key in CHARTLY_API_KEY.
package main

import (
	"context"
	"fmt"
	"log"
	"strings"

	chartly "chartly.dev/sdk-go"
	aggregatorv1 "chartly.dev/sdk-go/gen/aggregator/v1"
	storagev1 "chartly.dev/sdk-go/gen/storage/v1"
)

const (
	profileID = "sdk-go-flights"
	profile   = `
profile_id: sdk-go-flights
description: Flights that this example brings.
source: {file: {path: flights.csv}}
observed_at: {source: time}
dims:
  origin: {type: string, required: true}
measures:
  delay: {type: number, unit: min}
`
	flights = `time,origin,delay
2013-01-01T05:00:00Z,EWR,2
2013-01-01T06:00:00Z,LGA,4
2013-01-01T07:00:00Z,JFK,late
`
	report = `
name: sdk-go-delays
inputs: [{profile_id: sdk-go-flights, measure: delay}]
join: [origin, observed_at]
output: {type: table, statistic: mean}
`
)

func main() {
	if err := bring(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func bring(ctx context.Context) error {
	client, err := chartly.New("")
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()

	if _, err := client.Profiles.Create(ctx, chartly.YAML([]byte(profile))); err != nil {
		return err
	}
	run, err := client.Runs.Upload(ctx, profileID, "text/csv", strings.NewReader(flights))
	if err != nil {
		return err
	}
	receipt := run.GetReceipt()
	fmt.Printf("%d extracted = %d delivered + %d quarantined\n",
		receipt.GetExtracted(), receipt.GetDelivered(), receipt.GetQuarantined())

	for row, err := range client.Datasets.Records(ctx, &storagev1.ReadDatasetRequest{DatasetId: profileID}) {
		if err != nil {
			return err
		}
		fmt.Println(row.Dims["origin"], row.Measures["delay"])
	}
	for kept, err := range client.Quarantine.List(ctx, &aggregatorv1.ListQuarantineRequest{ProfileId: profileID}) {
		if err != nil {
			return err
		}
		fmt.Println("quarantine:", kept.GetErrors()[0].GetMessage())
	}
	made, err := client.Reports.Create(ctx, chartly.YAML([]byte(report)))
	if err != nil {
		return err
	}
	fmt.Println("mean delay:", made.GetTable().GetRows()[0].GetValues()[0].GetNumberValue(), "min")
	return nil
}
