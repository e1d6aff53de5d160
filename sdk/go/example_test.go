package chartly_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"testing"

	chartly "chartly.dev/sdk-go"
	coordinatorv1 "chartly.dev/sdk-go/gen/coordinator/v1"
	errorsv1 "chartly.dev/sdk-go/gen/errors/v1"
	storagev1 "chartly.dev/sdk-go/gen/storage/v1"
)

func Example() {
	if err := session(context.Background()); err != nil {
		log.Fatal(err)
	}
}

// session is what the README shows.
func session(ctx context.Context) error {
	client, err := chartly.New("http://localhost:8090", chartly.WithAPIKey("chk_…"))
	if err != nil {
		return err
	}
	defer client.Close()

	run, err := client.Runs.Run(ctx, "nyc-flights", func(work *coordinatorv1.Work) {
		fmt.Println(work.GetProgress().GetMessage())
	})
	if err != nil {
		return err
	}
	fmt.Println(run.GetReceipt().GetDelivered(), "records delivered")

	for row, err := range client.Datasets.Records(ctx, &storagev1.ReadDatasetRequest{DatasetId: "nyc-flights"}) {
		if err != nil {
			return err
		}
		fmt.Println(row.ObservedAt, row.Dims["origin"], row.Measures["dep_delay"])
	}

	_, err = client.Profiles.Get(ctx, "nothing")
	var failure *chartly.Error
	if errors.As(err, &failure) && failure.Reason == errorsv1.ErrorReason_ERROR_REASON_PROFILE_NOT_FOUND {
		fmt.Println(failure.Metadata["profile_id"], failure.RequestID)
	}
	return nil
}

func ExampleRuns_Start() {
	start := func(ctx context.Context, client *chartly.Client) {
		client.Runs.Start(ctx, "nyc-flights", func(request *coordinatorv1.RunNowRequest) { request.RequestId = "load-2026-11-23" })
	}
	_ = start
}

func TestCodeOfTheReadmeStandsInTheExamples(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	examples, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(readme), "```go\n")[1:]
	for _, block := range blocks {
		code, _, _ := strings.Cut(block, "```")
		if !strings.Contains(flat(string(examples)), flat(code)) {
			t.Errorf("no example has\n%s", code)
		}
	}
	if len(blocks) != 2 {
		t.Errorf("%d blocks of code", len(blocks))
	}
}

// flat returns code without its indentation.
func flat(code string) string {
	lines := strings.Split(code, "\n")
	for index, line := range lines {
		lines[index] = strings.TrimSpace(line)
	}
	return strings.Join(lines, "\n")
}
