// Package chartly is the Go client of Chartly, which turns outside sources into trusted, queryable datasets and reports.
//
//	client, err := chartly.New("http://localhost:8090", chartly.WithAPIKey(key))
//	if err != nil {
//		return err
//	}
//	defer client.Close()
//	for run, err := range client.Runs.List(ctx, nil) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(run.GetRunId(), run.GetState())
//	}
//
// Requests and answers are the generated messages below chartly.dev/sdk-go/gen; a list takes its request and an iterator follows
// its pages. Deadlines and retries follow from the contracts: only methods that are safe to repeat are, and only after
// UNAVAILABLE. Every error of a call is an [*Error].
package chartly
