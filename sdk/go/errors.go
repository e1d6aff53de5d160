package chartly

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	errorsv1 "chartly.dev/sdk-go/gen/errors/v1"
)

const errorDomain = "chartly.dev"

// An Error says why a call failed. Programs decide by Code and Reason and never read Message:
//
//	var failure *chartly.Error
//	if errors.As(err, &failure) && failure.Reason == errorsv1.ErrorReason_ERROR_REASON_PROFILE_NOT_FOUND { … }
//
// [errors.Is] takes it for [context.Canceled] or [context.DeadlineExceeded] where its code says so.
type Error struct {
	// Code is the gRPC code.
	Code codes.Code
	// Reason is why; ERROR_REASON_UNSPECIFIED where the error came from the network or from a newer server with a reason unknown here.
	Reason errorsv1.ErrorReason
	// Message says what happened and what to do next, for people.
	Message string
	// Metadata holds the values of the message by name.
	Metadata map[string]string
	// Violations name each field that breaks a rule.
	Violations []Violation
	// RequestID is what the call was known by, also in the logs of the services and in the ledger.
	RequestID string

	status *status.Status
}

// A Violation is one problem of one field.
type Violation struct {
	// Field is its path in the request, as in profile.limits.max_pages.
	Field string `json:"field"`
	// Description says what is wrong, and what is right.
	Description string `json:"description"`
	// Reason is a word for programs, as in string.min_len; empty if there is none.
	Reason string `json:"reason"`
}

// Error returns the code, the message and the reason.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %s", code.Code(e.Code), e.Message)
	if e.Reason != errorsv1.ErrorReason_ERROR_REASON_UNSPECIFIED {
		text += fmt.Sprintf(" (%s)", e.Reason)
	}
	return text
}

// GRPCStatus returns the status as it came, for [status.Code] and [status.FromError].
func (e *Error) GRPCStatus() *status.Status { return e.status }

// Is reports whether the error is that of a context that ended.
func (e *Error) Is(target error) bool {
	return target == context.Canceled && e.Code == codes.Canceled ||
		target == context.DeadlineExceeded && e.Code == codes.DeadlineExceeded
}

// errorOf returns what gRPC or a context said as an *Error, and nil for nil.
func errorOf(err error, requestID string) error {
	if err == nil {
		return nil
	}
	var known *Error
	if errors.As(err, &known) {
		return err
	}
	from, ok := status.FromError(err)
	if !ok {
		from = status.FromContextError(err)
	}
	failure := &Error{Code: from.Code(), Message: from.Message(), Metadata: map[string]string{}, RequestID: requestID, status: from}
	for _, detail := range from.Details() {
		failure.add(detail)
	}
	return failure
}

func (e *Error) add(detail any) {
	switch detail := detail.(type) {
	case *errdetails.ErrorInfo:
		if detail.GetDomain() == errorDomain {
			e.Reason = errorsv1.ErrorReason(errorsv1.ErrorReason_value[detail.GetReason()])
			maps.Copy(e.Metadata, detail.GetMetadata())
		}
	case *errdetails.BadRequest:
		for _, violation := range detail.GetFieldViolations() {
			e.Violations = append(e.Violations, Violation{violation.GetField(), violation.GetDescription(), violation.GetReason()})
		}
	}
}
