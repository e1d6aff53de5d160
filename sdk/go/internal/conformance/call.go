package main

import (
	"context"
	"encoding/json"
	"io"
	"iter"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	chartly "chartly.dev/sdk-go"
)

// A call is an operation's context, client and arguments.
type call struct {
	ctx    context.Context
	client *chartly.Client
	args   map[string]json.RawMessage
}

// own are the arguments that are no fields of a request.
var own = []string{"document", "media_type", "data", "limit", "wait", "cancel_after_seconds"}

// fill gives a request the arguments that are its fields.
func fill[M proto.Message](c call, request M) (M, error) {
	fields := map[string]json.RawMessage{}
	for name, value := range c.args {
		fields[name] = value
	}
	for _, name := range own {
		delete(fields, name)
	}
	text, err := json.Marshal(fields)
	if err != nil {
		return request, err
	}
	// Into a message of its own: Unmarshal resets what it is given.
	given := request.ProtoReflect().New().Interface()
	if err := protojson.Unmarshal(text, given); err != nil {
		return request, err
	}
	proto.Merge(request, given)
	return request, nil
}

// argument returns an argument, or the zero value without it.
func argument[T any](c call, name string) (T, error) {
	var value T
	text, given := c.args[name]
	if !given {
		return value, nil
	}
	err := json.Unmarshal(text, &value)
	return value, err
}

func (c call) text(name string) string {
	text, err := argument[string](c, name)
	if err != nil {
		panic(name + " is no text: " + err.Error())
	}
	return text
}

func (c call) document() chartly.Document {
	return chartly.Document{MediaType: c.text("media_type"), Text: []byte(c.text("document"))}
}

// body is a file, read.
type body struct {
	MediaType string `json:"media_type"`
	Text      string `json:"text"`
}

func bodyOf(document chartly.Document, err error) (any, error) {
	return body{document.MediaType, string(document.Text)}, err
}

func readAll(file *chartly.Body, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(file)
	return body{file.MediaType, string(text)}, err
}

// collect returns the items of a list, as many as the case wants.
func collect[T any](c call, items iter.Seq2[T, error]) (any, error) {
	limit, err := argument[int](c, "limit")
	if err != nil {
		return nil, err
	}
	collected := []any{}
	for item, err := range items {
		if err != nil {
			return nil, err
		}
		collected = append(collected, item)
		if len(collected) == limit {
			break
		}
	}
	return collected, nil
}

// canonical returns the JSON of a message, a list or a struct.
func canonical(value any) (json.RawMessage, error) {
	switch value := value.(type) {
	case proto.Message:
		return protojson.MarshalOptions{UseProtoNames: true}.Marshal(value)
	case []any:
		texts := make([]json.RawMessage, len(value))
		for index, item := range value {
			text, err := canonical(item)
			if err != nil {
				return nil, err
			}
			texts[index] = text
		}
		return json.Marshal(texts)
	}
	return json.Marshal(value)
}
