package chartly

import "google.golang.org/genproto/googleapis/api/httpbody"

// A Document is a text with its media type, such as a profile as people write it.
type Document struct {
	// MediaType says what the text is, as in application/yaml.
	MediaType string
	// Text is the document.
	Text []byte
}

// YAML returns a document of type application/yaml.
func YAML(text []byte) Document { return Document{"application/yaml", text} }

// JSON returns a document of type application/json.
func JSON(text []byte) Document { return Document{"application/json", text} }

func (d Document) body() *httpbody.HttpBody {
	return &httpbody.HttpBody{ContentType: d.MediaType, Data: d.Text}
}

func documentOf(body *httpbody.HttpBody) Document {
	return Document{body.GetContentType(), body.GetData()}
}

// edited returns a request after what the caller changes about it.
func edited[M any](request *M, edits []func(*M)) *M {
	for _, edit := range edits {
		edit(request)
	}
	return request
}
