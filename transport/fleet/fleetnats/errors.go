package fleetnats

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
)

var (
	errClosed = errors.New("fleetnats: it is closed")
	// errConnect marks the error of a connection that could not be made.
	errConnect = errors.New("connecting failed")
	// errLost marks the error of a call whose connection broke.
	errLost = errors.New("the connection broke")
	// errSilent is the error of a server that does not respond to a ping.
	errSilent = fmt.Errorf("the server did not respond within %v", pingTimeout)
	// errTooLarge marks the error of a message that is larger than the server accepts.
	errTooLarge = errors.New("the message is too large")
)

// advised adds to the error of a connection what to check.
func advised(err error) error {
	switch {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked),
		errors.Is(err, nats.ErrAccountAuthExpired):
		return fmt.Errorf("%w: the server rejected the credentials: check them", err)
	case errors.Is(err, nats.ErrSecureConnWanted):
		return fmt.Errorf("%w: this client uses TLS, the server does not", err)
	}
	return err
}

// requestError describes the error of a request. m is what was sent.
func requestError(nc *nats.Conn, m *nats.Msg, err error) error {
	switch {
	case err == nil, errors.Is(err, nats.ErrNoResponders):
		return err
	case errors.Is(err, nats.ErrMaxPayload):
		return fmt.Errorf("%w: %d bytes and headers, expected at most %d, max_payload of the server", errTooLarge, len(m.Data), nc.MaxPayload())
	case errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrDisconnected):
		return errLost
	}
	return fmt.Errorf("%w: %w", errLost, err)
}

// Error codes of JetStream.
const (
	codeNoMessage      = 10037
	codeNoStream       = 10059
	codeExists         = 10058 // the stream, with another configuration
	codeWrongSequence  = 10071
	codeWrongSequence2 = 10164
	codeStore          = 10077 // a limit of the stream
	codeResources      = 10002 // a limit of the account
	codeServerFull     = 10023
	codeServerFull2    = 10047
	codeMessageSize    = 10054
)

// apiError is an error that JetStream responds with.
type apiError struct {
	Code        int    `json:"code"`
	Kind        int    `json:"err_code"`
	Description string `json:"description"`
}

// Error implements error.
func (e *apiError) Error() string {
	return fmt.Sprintf("JetStream responded %s (%d)", e.Description, e.Kind)
}

// isAPI reports whether an error is one of JetStream's.
func isAPI(err error, codes ...int) bool {
	api := (*apiError)(nil)
	if !errors.As(err, &api) {
		return false
	}
	for _, code := range codes {
		if api.Kind == code {
			return true
		}
	}
	return false
}

// decode decodes a response of JetStream into value, and returns the error that it
// has instead.
func decode(reply *nats.Msg, value any) error {
	var failure struct {
		Error *apiError `json:"error"`
	}
	if err := json.Unmarshal(reply.Data, &failure); err != nil {
		return fmt.Errorf("the response is invalid, expected that of JetStream: %w", err)
	}
	if failure.Error != nil {
		return failure.Error
	}
	return json.Unmarshal(reply.Data, value)
}
