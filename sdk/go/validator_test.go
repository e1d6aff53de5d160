package chartly_test

import (
	"strings"
	"testing"

	chartly "chartly.dev/sdk-go"
)

func TestValidatorNamesPathAndKeywordOfEachProblem(t *testing.T) {
	for _, test := range []struct{ schema, data, problems string }{
		{`{"type": "object"}`, `{}`, ``},
		{`{"type": "object", "required": ["a", "b"]}`, `{}`, ` required`},
		{`{"type": "string", "enum": ["a"], "const": "a"}`, `5`, ` const, enum, type`},
		{`{"type": "string", "minimum": 9}`, `5`, ` minimum, type`},
		{`{"properties": {"a/b~": {"type": "integer", "maximum": 3}}}`, `{"a/b~": 4.5}`, `/a~1b~0 maximum,/a~1b~0 type`},
		{`{"items": {"$ref": "#/$defs/n"}, "$defs": {"n": {"type": "number"}}}`, `[1, "x", null]`, `/1 type,/2 type`},
		{`{"allOf": [{"minimum": 3}, {"multipleOf": 2}]}`, `1`, ` minimum, multipleOf`},
		{`{"anyOf": [{"type": "string"}, {"minimum": 3}]}`, `1`, ` anyOf`},
		{`{"oneOf": [{"type": "integer"}, {"minimum": 0}]}`, `1`, ` oneOf`},
		{`{"not": {"type": "integer"}}`, `1`, ` not`},
		{`{"if": {"type": "integer"}, "then": {"minimum": 3}, "else": {"maxLength": 1}}`, `1`, ` minimum`},
		{`{"contains": {"type": "string"}}`, `[1]`, ` contains`},
		{`{"properties": {"a": true}, "additionalProperties": false}`, `{"a": 1, "b": 2, "c": 3}`, ` additionalProperties`},
		{`{"additionalProperties": {"type": "string"}}`, `{"b": 2}`, `/b type`},
		{`{"propertyNames": {"maxLength": 1}}`, `{"bb": 2}`, ` propertyNames`},
		{`{"properties": {"o": {"propertyNames": {"maxLength": 1}}, "p": {"type": "string"}}}`, `{"o": {"bb": 2}, "p": 1}`, `/o propertyNames,/p type`},
		{`{"allOf": [{"properties": {"a": true}}], "unevaluatedProperties": false}`, `{"a": 1, "b": 2, "c": 3}`, ` unevaluatedProperties`},
		{`{"unevaluatedProperties": {"properties": {"x": {"type": "string"}}}}`, `{"a": {"x": 1}}`, ` unevaluatedProperties`},
		{`{"prefixItems": [{"type": "string"}], "unevaluatedItems": {"type": "string"}}`, `[1, 2]`, ` unevaluatedItems,/0 type`},
		{`{"dependentRequired": {"a": ["b"]}}`, `{"a": 1}`, ` dependentRequired`},
		{`{"$ref": "#"}`, `1`, ` $ref`},
		{`{"properties": {"a": false}}`, `{"a": 1}`, `/a false`},
		{`{"$schema": "http://json-schema.org/draft-07/schema#", "format": "ipv4", "minLength": 9}`, `"x"`, ` minLength`},
		{`{"format": "date-time"}`, `"x"`, ``},
		{`{"const": 9007199254740992}`, `9007199254740993`, ` const`},
		{`{"maximum": 9007199254740992}`, `9007199254740993`, ` maximum`},
		{`{"multipleOf": 0.01}`, `19.99`, ``},
		{`{"$id": "https://example.com/tree", "$dynamicAnchor": "node", "type": "object",
		   "properties": {"children": {"items": {"$dynamicRef": "#node"}}}}`, `{"children": [{}, {"children": [7]}]}`, `/children/1/children/0 type`},
	} {
		validator, err := chartly.NewValidator([]byte(test.schema))
		if err != nil {
			t.Errorf("%s: %v", test.schema, err)
			continue
		}
		problems, err := validator.Validate([]byte(test.data))
		if err != nil {
			t.Errorf("%s: %v", test.schema, err)
		}
		var found []string
		for _, problem := range problems {
			found = append(found, problem.Path+" "+problem.Keyword)
		}
		if strings.Join(found, ",") != test.problems {
			t.Errorf("%s of %s: %q, not %q", test.schema, test.data, found, test.problems)
		}
	}
}

func TestSchemaThatIsNoneIsRefused(t *testing.T) {
	for _, schema := range []string{
		``, `[`, `5`, `{"type": "text"}`, `{"$ref": "#/$defs/none"}`, `{"$schema": "https://example.com/dialect"}`,
		`{"$ref": "file:///etc/passwd"}`, `{"$ref": "https://example.com/other.json"}`,
	} {
		if _, err := chartly.NewValidator([]byte(schema)); err == nil {
			t.Errorf("%s was taken", schema)
		}
	}
}

func TestDataThatAreNoneAreRefused(t *testing.T) {
	validator, err := chartly.NewValidator([]byte(`{"maximum": 3}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, data := range []string{``, `{`, `1 2`, `[{"a": 1e9999999}]`} {
		if _, err := validator.Validate([]byte(data)); err == nil {
			t.Errorf("%s was taken", data)
		}
	}
}
