// Command conformance carries out the cases of tests/contract/sdk: one on each line of its standard input, its answer on each line of
// its standard output.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"

	chartly "chartly.dev/sdk-go"
	errorsv1 "chartly.dev/sdk-go/gen/errors/v1"
)

// A testCase is what to do.
type testCase struct {
	Case           string                     `json:"case"`
	Do             string                     `json:"do"`
	Args           map[string]json.RawMessage `json:"args"`
	Client         json.RawMessage            `json:"client"`
	TimeoutSeconds float64                    `json:"timeout_seconds"`
}

// An answer is what came of it: one of the three.
type answer struct {
	Case  string          `json:"case"`
	OK    json.RawMessage `json:"ok,omitempty"`
	Error *failure        `json:"error,omitempty"`
	Crash string          `json:"crash,omitempty"`
}

type failure struct {
	Code       string              `json:"code"`
	Reason     string              `json:"reason"`
	Metadata   map[string]string   `json:"metadata"`
	Violations []chartly.Violation `json:"violations"`
	RequestID  string              `json:"request_id"`
}

func main() {
	if err := drive(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func drive(cases io.Reader, answers io.Writer) error {
	clients := clients{}
	defer clients.close()
	written := json.NewEncoder(answers)
	lines := bufio.NewReader(cases)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := written.Encode(clients.answer(line)); err != nil {
			return err
		}
	}
}

// clients are those that cases have asked for, by how they connect.
type clients map[string]*chartly.Client

func (c clients) answer(line []byte) answer {
	var asked testCase
	if err := json.Unmarshal(line, &asked); err != nil {
		return answer{Crash: err.Error()}
	}
	result, err := c.carryOut(asked)
	var failed *chartly.Error
	switch {
	case errors.As(err, &failed):
		return answer{Case: asked.Case, Error: said(failed)}
	case err != nil:
		return answer{Case: asked.Case, Crash: err.Error()}
	}
	text, err := canonical(result)
	if err != nil {
		return answer{Case: asked.Case, Crash: err.Error()}
	}
	return answer{Case: asked.Case, OK: text}
}

func (c clients) carryOut(asked testCase) (any, error) {
	operation, known := operations[asked.Do]
	if !known {
		return nil, fmt.Errorf("no operation %q", asked.Do)
	}
	client, err := c.client(asked.Client)
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	if asked.TimeoutSeconds > 0 {
		bounded, cancel := context.WithTimeout(ctx, time.Duration(asked.TimeoutSeconds*float64(time.Second)))
		defer cancel()
		ctx = bounded
	}
	return operation(call{ctx, client, asked.Args})
}

func (c clients) client(how json.RawMessage) (*chartly.Client, error) {
	if known := c[string(how)]; known != nil {
		return known, nil
	}
	var connect struct {
		URL    string  `json:"url"`
		APIKey *string `json:"api_key"`
		Token  *string `json:"token"`
	}
	if len(how) > 0 {
		if err := json.Unmarshal(how, &connect); err != nil {
			return nil, err
		}
	}
	var options []chartly.Option
	if connect.APIKey != nil {
		options = append(options, chartly.WithAPIKey(*connect.APIKey))
	}
	if connect.Token != nil {
		options = append(options, chartly.WithToken(*connect.Token))
	}
	client, err := chartly.New(connect.URL, options...)
	if err == nil {
		c[string(how)] = client
	}
	return client, err
}

func (c clients) close() {
	for _, client := range c {
		_ = client.Close()
	}
}

func said(failed *chartly.Error) *failure {
	reason := ""
	if failed.Reason != errorsv1.ErrorReason_ERROR_REASON_UNSPECIFIED {
		reason = failed.Reason.String()
	}
	return &failure{
		Code: code.Code(failed.Code).String(), Reason: reason, Metadata: failed.Metadata,
		Violations: append([]chartly.Violation{}, failed.Violations...), RequestID: failed.RequestID,
	}
}
