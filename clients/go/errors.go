package arcuate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"arcuate.invalid/go/internal/wire"
)

// Code is one of the closed codes of Arcuate's errors. A Code is itself an error, so that it can be asked for:
//
//	if errors.Is(err, arcuate.RemoteError) { ... }
type Code string

// The codes.
const (
	// InvalidArgument: the call itself is wrong: an option, an address, a combination that is not allowed.
	InvalidArgument Code = "INVALID_ARGUMENT"
	// EnvironmentNotFound: the hub has no such environment, or cannot start it.
	EnvironmentNotFound Code = "ENVIRONMENT_NOT_FOUND"
	// NameNotFound: the environment has no such function, variable or package.
	NameNotFound Code = "NAME_NOT_FOUND"
	// RemoteError: the foreign code raised; Class, Stack and Language of the [Error] say more.
	RemoteError Code = "REMOTE_ERROR"
	// Conversion: a value cannot travel without a change; Path says where it stands.
	Conversion Code = "CONVERSION"
	// EnvironmentCrashed: the interpreter ended while it was needed; Output is the last that it printed.
	EnvironmentCrashed Code = "ENVIRONMENT_CRASHED"
	// CallTimeout: the deadline passed. It is also a [context.DeadlineExceeded].
	CallTimeout Code = "CALL_TIMEOUT"
	// CallCancelled: the call was cancelled. It is also a [context.Canceled].
	CallCancelled Code = "CALL_CANCELLED"
	// ConnectionLost: the connection broke, or could not be made.
	ConnectionLost Code = "CONNECTION_LOST"
	// AuthenticationFailed: who we are, or who the hub is, could not be established.
	AuthenticationFailed Code = "AUTHENTICATION_FAILED"
	// PermissionDenied: we may not do that.
	PermissionDenied Code = "PERMISSION_DENIED"
	// RateLimited: too many calls in too short a time.
	RateLimited Code = "RATE_LIMITED"
	// LimitExceeded: a configured limit was met; Setting names it.
	LimitExceeded Code = "LIMIT_EXCEEDED"
	// SessionClosed: the session is over.
	SessionClosed Code = "SESSION_CLOSED"
	// StaleHandle: the object lived in an interpreter that is gone.
	StaleHandle Code = "STALE_HANDLE"
	// Unavailable: the hub is draining or overloaded.
	Unavailable Code = "UNAVAILABLE"
	// Unsupported: this side, or the other, cannot do that.
	Unsupported Code = "UNSUPPORTED"
	// ProtocolError: the other side sent something malformed.
	ProtocolError Code = "PROTOCOL_ERROR"
	// Internal: a defect of Arcuate.
	Internal Code = "INTERNAL"
)

// Codes are all codes, in the order of protos/SEMANTICS.md.
func Codes() []Code {
	return []Code{
		InvalidArgument, EnvironmentNotFound, NameNotFound, RemoteError, Conversion, EnvironmentCrashed, CallTimeout,
		CallCancelled, ConnectionLost, AuthenticationFailed, PermissionDenied, RateLimited, LimitExceeded, SessionClosed,
		StaleHandle, Unavailable, Unsupported, ProtocolError, Internal,
	}
}

// Error makes a code something that errors.Is can be asked for.
func (c Code) Error() string { return string(c) }

// Executed says whether a call that failed was carried out. Only ExecutedNo may be sent again without asking.
type Executed string

// The three answers.
const (
	ExecutedNo    Executed = "no"
	ExecutedMaybe Executed = "maybe"
	ExecutedYes   Executed = "yes"
)

// Error is every error of this package. Use errors.As to get at it, or errors.Is with a [Code].
type Error struct {
	// Code is one of the closed codes.
	Code Code
	// Message says what was found, what is allowed and what to do; of a RemoteError: what the foreign code said.
	Message string
	// Executed says whether the call was carried out.
	Executed Executed
	// WorkspaceLost tells that the variables of the session are gone.
	WorkspaceLost bool
	// Class are the error's classes in its language, most specific first.
	Class []string
	// Stack is the call stack in the environment, outermost first.
	Stack []string
	// Language is the language in which it happened.
	Language string
	// Identifier is what Octave and MATLAB give an error.
	Identifier string
	// Path is where the value stands that is meant, such as $.args[1].weights[3].
	Path string
	// Setting is the configured limit that was met.
	Setting string
	// Output is the last output of an interpreter that ended.
	Output string

	cause error
}

// Error is the code and the message.
func (e *Error) Error() string {
	text := "arcuate: " + string(e.Code) + ": " + e.Message
	if e.Path != "" && !strings.Contains(e.Message, e.Path) {
		text += " - at " + e.Path
	}
	return text
}

// Is makes errors.Is(err, arcuate.RemoteError) work, and has a deadline be a context.DeadlineExceeded.
func (e *Error) Is(target error) bool {
	switch target {
	case context.DeadlineExceeded:
		return e.Code == CallTimeout
	case context.Canceled:
		return e.Code == CallCancelled
	}
	code, found := target.(Code)
	return found && code == e.Code
}

// Unwrap is what caused it: for a RemoteError that a callback of ours began, the callback's own error.
func (e *Error) Unwrap() error { return e.cause }

func newError(code Code, executed Executed, format string, args ...any) *Error {
	return &Error{Code: code, Executed: executed, Message: fmt.Sprintf(format, args...)}
}

// faulty turns what package wire found into an error of this package.
func faulty(err error, executed Executed) error {
	if err == nil {
		return nil
	}
	var fault *wire.Fault
	if errors.As(err, &fault) {
		return &Error{
			Code: Code(fault.Code), Message: fault.Message, Path: fault.Path, Setting: fault.Setting, Executed: executed,
		}
	}
	return err
}

// errorFrom is the error in the fields of a message.
func errorFrom(fields *Map) *Error {
	e := &Error{
		Code: Internal, Message: textOf(fields, "message"), Executed: ExecutedMaybe, Class: textsOf(fields, "class"),
		Stack: textsOf(fields, "stack"), Language: textOf(fields, "language"),
		Identifier: textOf(fields, "identifier"), Path: textOf(fields, "path"), Setting: textOf(fields, "setting"),
		Output: textOf(fields, "output"),
	}
	for _, known := range Codes() {
		if textOf(fields, "code") == string(known) {
			e.Code = known
		}
	}
	switch executed := Executed(textOf(fields, "executed")); executed {
	case ExecutedNo, ExecutedYes:
		e.Executed = executed
	}
	if kept, found := fields.Get("workspace"); found {
		e.WorkspaceLost = kept == false
	}
	return e
}

func textOf(fields *Map, key string) string {
	found, _ := fields.Get(key)
	text, _ := found.(string)
	return text
}

func numberOf(fields *Map, key string) int64 {
	found, _ := fields.Get(key)
	number, _ := found.(int64)
	return number
}

// textsOf are the texts of a field that is a list of texts, or a sequence of them.
func textsOf(fields *Map, key string) []string {
	found, _ := fields.Get(key)
	texts, _ := As[[]string](found)
	return texts
}
