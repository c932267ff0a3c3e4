// Package arcuate calls R, Octave, Python and other languages from Go, through a hub of Arcuate, over gRPC.
//
//	session, err := arcuate.Dial(ctx, "grpc://127.0.0.1:50051/r", arcuate.WithToken(token))
//	if err != nil { ... }
//	defer session.Close()
//	q, err := arcuate.Call[[]float64](ctx, session, "quantile", []float64{1, 2, 3}, arcuate.Named("probs", []float64{0.1, 0.9}))
//
// # Values
//
// A value arrives equal, or the call fails with the code [Conversion] and the path of the value. Go's own values travel
// as they are: nil, bool, int, int64, uint64, float64, complex128, string and []byte; narrower numbers such as int32
// are numbers of that class there. Slices of numbers and texts are arrays, [][]float64 is a matrix, a []any is a list, a
// map with string keys is a mapping in the order of its sorted keys, a time.Time is an instant, a time.Duration a
// duration. What Go has no type for, this package has: [Array] with dimensions, order and missing elements,
// [LabelledArray], [Dataset], [Table], [Categorical], [Sparse], [List], [StructArray], [Map] (whose order is kept),
// [Missing], [Datetime], [Date], [Duration], [Typed], [Float16], [Handle] and [Function].
//
// What arrives is one of: nil, bool, int64 (uint64 beyond it), float64, complex128, string, []byte, the narrower
// numbers, and pointers to the types of this package. [As] turns it into the type that is wanted, if that loses nothing.
//
// # Errors
//
// Every error is an [*Error] with one of the closed codes: errors.Is(err, arcuate.RemoteError) asks for a code,
// errors.As gets at the foreign class, stack and path. A deadline of the context is the deadline of the call there, and
// its error is a context.DeadlineExceeded too.
//
// # Goroutines
//
// Sessions, hubs and publishers may be used by any number of goroutines at the same time. Nothing here starts a
// goroutine that Close does not end.
package arcuate

// Version is the version of this client.
const Version = "0.1.0"
