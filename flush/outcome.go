package flush

import (
	"net/http"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
)

// outcome is what the platform's answer means for the events of a request.
type outcome uint8

const (
	delivered outcome = iota
	retained          // try again with the next flush
	split             // too much at once
	rejected          // no use trying again
	refused           // this and everything to come
)

// outcomeOf judges a status after retries.
func outcomeOf(status int) outcome {
	switch {
	case status >= 200 && status < 300:
		return delivered
	case status == http.StatusRequestEntityTooLarge:
		return split
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return refused
	case retry.Classify(status) == retry.Transient:
		return retained
	case status < 400:
		// A redirect. Following it would lose the body; somebody will correct
		// the address, and the events need not be lost until then.
		return retained
	}
	return rejected
}
