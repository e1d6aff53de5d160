package chartly

import (
	"reflect"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// thorough changes a compiled schema, and all that it applies, so that the library names every keyword that fails and none inside of a
// keyword that is judged as a whole. It returns the keywords of the latter by the location of their schemas.
//
//   - The library leaves a value alone after a wrong type, const or enum. A schema of its own for each of them, in allOf, keeps the others going.
//   - It asserts formats in older drafts, where the contracts of Chartly never do.
//   - It reports what fails inside of unevaluatedProperties and unevaluatedItems, at each member, and names a wrong place for propertyNames.
//     Two negations around them make it report one failure, in the right place.
func thorough(root *jsonschema.Schema) map[string]string {
	wholes := map[string]string{}
	seen := map[*jsonschema.Schema]bool{}
	var visit func(*jsonschema.Schema)
	visit = func(schema *jsonschema.Schema) {
		if seen[schema] {
			return
		}
		seen[schema] = true
		for _, applied := range appliedBy(schema) {
			visit(applied)
		}
		schema.Format = nil
		separate(schema)
		if names := schema.PropertyNames; names != nil {
			judged := &jsonschema.Schema{DraftVersion: schema.DraftVersion, Location: names.Location, PropertyNames: names}
			schema.PropertyNames, schema.AllOf = nil, append(schema.AllOf, negated(negated(judged)))
			wholes[names.Location] = "propertyNames"
		}
		if members := schema.UnevaluatedProperties; members != nil {
			schema.UnevaluatedProperties = negated(negated(members))
			wholes[members.Location] = "unevaluatedProperties"
		}
		if items := schema.UnevaluatedItems; items != nil {
			schema.UnevaluatedItems = negated(negated(items))
			wholes[items.Location] = "unevaluatedItems"
		}
	}
	visit(root)
	return wholes
}

func separate(schema *jsonschema.Schema) {
	like := func(own jsonschema.Schema) {
		own.DraftVersion, own.Location = schema.DraftVersion, schema.Location
		schema.AllOf = append(schema.AllOf, &own)
	}
	if schema.Types != nil {
		like(jsonschema.Schema{Types: schema.Types})
	}
	if schema.Const != nil {
		like(jsonschema.Schema{Const: schema.Const})
	}
	if schema.Enum != nil {
		like(jsonschema.Schema{Enum: schema.Enum})
	}
	schema.Types, schema.Const, schema.Enum = nil, nil, nil
}

func negated(schema *jsonschema.Schema) *jsonschema.Schema {
	return &jsonschema.Schema{DraftVersion: schema.DraftVersion, Location: schema.Location, Not: schema}
}

// appliedBy returns the schemas in the exported fields of a schema: *Schema, lists and maps of them, and the any that hold one of these.
func appliedBy(schema *jsonschema.Schema) []*jsonschema.Schema {
	var applied []*jsonschema.Schema
	var collect func(reflect.Value)
	collect = func(value reflect.Value) {
		switch value.Kind() {
		case reflect.Interface:
			collect(value.Elem())
		case reflect.Slice:
			for index := range value.Len() {
				collect(value.Index(index))
			}
		case reflect.Map:
			for entries := value.MapRange(); entries.Next(); {
				collect(entries.Value())
			}
		case reflect.Pointer:
			switch pointed := value.Interface().(type) {
			case *jsonschema.Schema:
				if pointed != nil {
					applied = append(applied, pointed)
				}
			case *jsonschema.DynamicRef:
				if pointed != nil {
					applied = append(applied, pointed.Ref)
				}
			}
		}
	}
	fields := reflect.ValueOf(schema).Elem()
	for index := range fields.NumField() {
		if fields.Type().Field(index).IsExported() {
			collect(fields.Field(index))
		}
	}
	return applied
}
