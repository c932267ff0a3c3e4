package arcuate

import (
	"context"
	"io"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"arcuate.invalid/go/internal/arcuatev1"
	"arcuate.invalid/go/internal/clock"
	"arcuate.invalid/go/internal/wire"
)

const (
	// pieceBytes bounds one message of gRPC: a chunk and what stands around it. What they add up to is counted above.
	pieceBytes = 2 * wire.Chunk
	// window is how much may be under way before it was read: several chunks, so that a line is never idle.
	flowWindow = 8 << 20
)

// conn is one connection: a stream Attach on a channel of its own.
type conn struct {
	where  string
	cc     *grpc.ClientConn
	stream grpc.ClientStream
	cancel context.CancelFunc
	lock   chan struct{} // held by who sends: the pieces of a message stand together
	reader receiver
}

// open connects; nothing was said yet.
func open(ctx context.Context, to address, s *settings) (*conn, error) {
	security, err := s.credentials(to)
	if err != nil {
		return nil, err
	}
	cc, err := grpc.NewClient("passthrough:///"+to.host,
		grpc.WithTransportCredentials(security),
		grpc.WithUserAgent("arcuate-go"),
		grpc.WithDisableRetry(), // sending again is decided above, by ids
		grpc.WithDisableServiceConfig(),
		grpc.WithNoProxy(),
		grpc.WithInitialWindowSize(flowWindow),
		grpc.WithInitialConnWindowSize(flowWindow),
		grpc.WithReadBufferSize(256<<10),
		grpc.WithWriteBufferSize(256<<10),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: 20 * time.Second, Timeout: 20 * time.Second, PermitWithoutStream: true,
		}),
	)
	if err != nil {
		return nil, newError(InvalidArgument, ExecutedNo, "%s: %v", to, err)
	}
	c := &conn{where: to.String(), cc: cc, lock: make(chan struct{}, 1)}
	c.reader.assembler.Limits = s.limits
	var life context.Context
	life, c.cancel = context.WithCancel(context.Background())
	if s.token != "" {
		life = metadata.AppendToOutgoingContext(life, "authorization", "Bearer "+s.token)
	}
	stop := context.AfterFunc(ctx, c.cancel)
	defer stop()
	stream, err := arcuatev1.NewSessionServiceClient(cc).Attach(life,
		grpc.ForceCodecV2(pieceCodec{}), grpc.MaxCallRecvMsgSize(pieceBytes), grpc.MaxCallSendMsgSize(pieceBytes))
	if err != nil {
		c.close()
		return nil, c.failure(ctx, err)
	}
	c.stream = stream
	return c, nil
}

// close ends the connection. What waits on it ends too.
func (c *conn) close() {
	c.cancel()
	_ = c.cc.Close()
}

// send sends a message. If the context ends meanwhile, the pieces that are left have a moment to go; then the
// connection is given up, since a message that is half there cannot be taken back.
func (c *conn) send(ctx context.Context, n *wire.Nodes) error {
	ended := clock.Own()
	pieces, err := wire.Pack(n)
	ended()
	if err != nil {
		return faulty(err, ExecutedNo)
	}
	select {
	case c.lock <- struct{}{}:
	case <-ctx.Done():
		return stopped(ctx, ExecutedNo, "while it waited for others to send")
	}
	defer func() { <-c.lock }()
	return c.sendLocked(ctx, pieces)
}

func (c *conn) sendLocked(ctx context.Context, pieces []wire.Piece) error {
	if ctx.Done() != nil {
		sent := make(chan struct{})
		stop := context.AfterFunc(ctx, func() {
			patience := time.NewTimer(2 * time.Second)
			defer patience.Stop()
			select {
			case <-sent:
			case <-patience.C:
				c.cancel()
			}
		})
		defer stop()
		defer close(sent)
	}
	for i := range pieces {
		if err := c.stream.SendMsg(&pieces[i]); err != nil {
			return newError(ConnectionLost, ExecutedMaybe, "%s: the connection broke while sending", c.where)
		}
	}
	return nil
}

// receive waits for the next message. A refused message is an error with its id; the connection goes on.
func (c *conn) receive() (*wire.Nodes, *refusal, error) {
	for {
		c.reader.message, c.reader.err = nil, nil
		if err := c.stream.RecvMsg(&c.reader); err != nil {
			return nil, nil, c.failure(context.Background(), err)
		}
		if c.reader.err != nil {
			var refused *refusal
			if refused = refusalOf(c.reader.err, c.reader.assembler.Refused); refused == nil {
				return nil, nil, faulty(c.reader.err, ExecutedMaybe)
			}
			return nil, refused, nil
		}
		if c.reader.message != nil {
			return c.reader.message, nil, nil
		}
	}
}

// refusal is a message that was too large: its id, and why.
type refusal struct {
	id  uint64
	err error
}

func refusalOf(err error, id uint64) *refusal {
	fault, found := err.(*wire.Fault)
	if !found || fault.Code != string(LimitExceeded) && fault.Code != string(Unsupported) && fault.Code != string(Conversion) {
		return nil
	}
	return &refusal{id, faulty(err, ExecutedYes)}
}

// failure is what the end of a stream means.
func (c *conn) failure(ctx context.Context, err error) error {
	if err == io.EOF {
		return newError(ConnectionLost, ExecutedMaybe, "%s: the hub closed the connection", c.where)
	}
	said := status.Convert(err)
	text := said.Message()
	refuses := func(code Code) error { return newError(code, ExecutedNo, "%s refuses: %s", c.where, text) }
	switch said.Code() {
	case codes.Unauthenticated:
		return refuses(AuthenticationFailed)
	case codes.PermissionDenied:
		return refuses(PermissionDenied)
	case codes.ResourceExhausted:
		if strings.Contains(text, "received message larger than max") {
			return newError(ProtocolError, ExecutedMaybe, "%s sent a piece of more than %d bytes", c.where, pieceBytes)
		}
		err := newError(LimitExceeded, ExecutedNo, "%s refuses: %s", c.where, text)
		if _, setting, found := strings.Cut(text, "(setting '"); found {
			err.Setting, _, _ = strings.Cut(setting, "'")
		}
		return err
	case codes.Unimplemented:
		return newError(ProtocolError, ExecutedNo, "%s is a gRPC server, but no hub of Arcuate: %s", c.where, text)
	case codes.Internal:
		if !strings.Contains(text, "RST_STREAM") && !strings.Contains(text, "transport") {
			return garbled(c.where, text)
		}
	case codes.Canceled:
		if ctx.Err() != nil {
			return stopped(ctx, ExecutedNo, "while it connected")
		}
	case codes.Unavailable:
		if rest, found := strings.CutPrefix(text, "arcuate: "); found {
			return newError(Unavailable, ExecutedNo, "%s", rest)
		}
		switch lower := strings.ToLower(text); {
		case strings.Contains(lower, "certificate") || strings.Contains(lower, "x509"):
			return newError(AuthenticationFailed, ExecutedNo, "%s is not who it should be, or wants to know who we are: %s; "+
				"give WithCA its authority, and WithClientCertificate if it asks for one", c.where, text)
		case strings.Contains(lower, "error reading server preface") && !strings.Contains(lower, "eof") &&
			!strings.Contains(lower, "reset") && !strings.Contains(lower, "closed"):
			return garbled(c.where, text)
		}
	}
	return newError(ConnectionLost, ExecutedMaybe, "%s: %v: %s", c.where, said.Code(), text)
}

func garbled(where, text string) error {
	return newError(ProtocolError, ExecutedMaybe, "%s: what arrived cannot be read: %s", where, text)
}

// stopped is the error of a call whose context is over.
func stopped(ctx context.Context, executed Executed, when string) *Error {
	code, what := CallCancelled, "the call was cancelled"
	if context.Cause(ctx) == context.DeadlineExceeded || ctx.Err() == context.DeadlineExceeded {
		code, what = CallTimeout, "the call's time ran out"
	}
	err := newError(code, executed, "%s %s", what, when)
	err.cause = context.Cause(ctx)
	return err
}
