package fleetredis

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/rueidis"
)

// serverError is an error that the server responded with.
type serverError struct {
	code string // its first word
	text string
}

// Error implements error.
func (e *serverError) Error() string {
	switch e.code {
	case "NOAUTH": // without the server's text, which is longer than errors may be in logs
		return "the server requires a password (NOAUTH): set the user and the password"
	case "WRONGPASS":
		return "the server rejected the user or the password (WRONGPASS): check both"
	case "NOPERM":
		return e.text + ": check the rights of the user"
	case "MOVED", "ASK":
		return "the server is a node of a Redis Cluster (" + e.code + "): set Config.Cluster"
	}
	return "the server responded " + e.text
}

// replyError returns what the server responded. Other errors stay as they are.
func replyError(err error) error {
	reply, ok := rueidis.IsRedisErr(err)
	if !ok {
		return err
	}
	text := reply.Error()
	// Before version 7 the error of a command in a script ends that of the script:
	// Error running script (call to f_…): @user_script:3: @user_script: 3: -OOM …
	if strings.HasPrefix(text, "Error running script") {
		if _, inside, ok := strings.Cut(text, ": -"); ok {
			text = inside
		}
	}
	code, _, _ := strings.Cut(text, " ")
	return &serverError{code: code, text: text}
}

// isReply reports whether an error is a response of the server, before or after
// replyError.
func isReply(err error) bool {
	if _, ok := rueidis.IsRedisErr(err); ok {
		return true
	}
	reply := (*serverError)(nil)
	return errors.As(err, &reply)
}

// elsewhere are the errors of a server that another one may not have, or the same
// one with new credentials.
var elsewhere = []string{"READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "NOAUTH", "WRONGPASS"}

// again reports whether to send a command once more, over another connection.
func again(err error) bool {
	if errors.Is(err, errConnect) || errors.Is(err, errClosed) {
		return false
	}
	if !isReply(err) {
		return true // the connection broke
	}
	reply := (*serverError)(nil)
	if !errors.As(replyError(err), &reply) {
		return false
	}
	return slices.Contains(elsewhere, reply.code)
}

var (
	// errConnect marks the error of a connection that could not be made.
	errConnect = errors.New("connecting failed")
	// errNode marks the error of a connection to the node of a cluster that has the
	// key. Nothing was sent to it.
	errNode = errors.New("connecting to the node of the key failed")
	// errLost is the error of a command for a connection that was lost before.
	errLost = errors.New("the connection was lost")
)

// connectionError describes the error of a connection that broke.
func connectionError(err error) error {
	if errors.Is(err, errNode) {
		return err
	}
	return fmt.Errorf("the connection broke: %w", err)
}
