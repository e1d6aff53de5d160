package chartly

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

const schemaURL = "chartly:contract"

// A Validator judges data by a JSON Schema of draft 2020-12, 2019-09 or 7. It loads nothing: a reference leads within the schema. Numbers
// are judged exactly, and format is an annotation. It is safe for concurrent use.
type Validator struct {
	schema *jsonschema.Schema
	wholes map[string]string
}

// A Problem is one way in which data break a schema.
type Problem struct {
	// Path is a JSON Pointer (RFC 6901) to the value that was judged; empty for the whole.
	Path string `json:"path"`
	// Keyword is what it breaks, as in required or maximum.
	Keyword string `json:"keyword"`
}

// NewValidator reads a JSON Schema. It fails where the text is none.
func NewValidator(schema []byte) (*Validator, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return nil, fmt.Errorf("chartly: the schema is no JSON: %w", err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(nothingElse{})
	if err := compiler.AddResource(schemaURL, document); err != nil {
		return nil, fmt.Errorf("chartly: %w", err)
	}
	compiled, err := compiler.Compile(schemaURL)
	if err != nil {
		return nil, fmt.Errorf("chartly: %w", err)
	}
	return &Validator{compiled, thorough(compiled)}, nil
}

// Validate answers every problem of a JSON value, each once, sorted by path, then keyword; none where it meets the schema. It fails
// where the text is no JSON, or has a number with an exponent beyond a million.
func (v *Validator) Validate(data []byte) ([]Problem, error) {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err == nil {
		err = exact(value)
	}
	if err != nil {
		return nil, fmt.Errorf("chartly: the data cannot be judged: %w", err)
	}
	var invalid *jsonschema.ValidationError
	if err := v.schema.Validate(value); !errors.As(err, &invalid) {
		return nil, err
	}
	problems := v.problems(invalid, nil)
	slices.SortFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Keyword, b.Keyword))
	})
	return slices.Compact(problems), nil
}

// exact refuses numbers that cannot be compared exactly: math/big gives up at exponents beyond a million, and the library does not see that.
func exact(value any) error {
	switch value := value.(type) {
	case json.Number:
		if _, ok := new(big.Rat).SetString(string(value)); !ok {
			return fmt.Errorf("the number %.20s… is out of range", value)
		}
	case []any:
		for _, item := range value {
			if err := exact(item); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, member := range value {
			if err := exact(member); err != nil {
				return err
			}
		}
	}
	return nil
}

// problems enters keywords that apply schemas, and names the others.
func (v *Validator) problems(failed *jsonschema.ValidationError, found []Problem) []Problem {
	at, keyword := failed.InstanceLocation, ""
	switch why := failed.ErrorKind.(type) {
	case *kind.Schema, *kind.Group, *kind.AllOf, *kind.Reference:
		for _, cause := range failed.Causes {
			found = v.problems(cause, found)
		}
		return found
	case *kind.Not:
		keyword = "not"
		if whole, ok := v.wholes[failed.SchemaURL]; ok {
			keyword = whole
		}
		if strings.HasPrefix(keyword, "unevaluated") {
			at = at[:len(at)-1] // from the member to the object or array that has it
		}
	case *kind.RefCycle:
		keyword = "$ref"
	case *kind.FalseSchema:
		keyword = "false"
	case *kind.Dependency:
		keyword = "dependencies"
	default:
		keyword = why.KeywordPath()[0]
	}
	return append(found, Problem{pointer(at), keyword})
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

func pointer(tokens []string) string {
	var text strings.Builder
	for _, token := range tokens {
		text.WriteString("/")
		text.WriteString(pointerEscapes.Replace(token))
	}
	return text.String()
}

// nothingElse refuses to load what a schema refers to outside of itself.
type nothingElse struct{}

func (nothingElse) Load(url string) (any, error) {
	return nil, fmt.Errorf("a reference leads outside of the schema, to %s", url)
}
