package chartly

import (
	"context"
	"iter"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A listRequest is a message that asks for a page.
type listRequest[M any] interface {
	*M
	proto.Message
}

// A listAnswer is a page.
type listAnswer interface{ GetNextPageToken() string }

// list returns the items of every page. The request stays as it is, so the sequence can be iterated again, from the start.
// After an error, which comes without an item, the sequence ends.
func list[M any, Q listRequest[M], A listAnswer, T any](
	ctx context.Context, request Q, call func(context.Context, Q, ...grpc.CallOption) (A, error), items func(A) []T,
) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		next := Q(new(M))
		if request != nil {
			proto.Merge(next, request)
		}
		message := next.ProtoReflect()
		token := message.Descriptor().Fields().ByName("page_token")
		for more := true; more; more = message.Has(token) {
			page, err := call(ctx, next)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range items(page) {
				if !yield(item, nil) {
					return
				}
			}
			message.Set(token, protoreflect.ValueOfString(page.GetNextPageToken()))
		}
	}
}
