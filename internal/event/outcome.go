package event

import (
	"net/http"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
)

// outcome is what a response of the platform means for the events of a request.
// Events stay queued unless they were delivered.
type outcome uint8

const (
	delivered outcome = iota
	retained          // the platform is unavailable: retry with the next delivery
	split             // the request is too large
	rejected          // an event in the request may be the reason: see isolation
	refused           // no request is accepted: pause deliveries
)

// outcomeOf returns the outcome of a response after retries. asked means that it has
// a Retry-After header: then the events are not the reason.
func outcomeOf(status int, asked bool) outcome {
	switch {
	case status >= 200 && status < 300:
		return delivered
	case status == http.StatusRequestEntityTooLarge && !asked:
		return split
	}
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusInternalServerError:
		if !asked {
			return rejected
		}
		return retained
	case http.StatusRequestEntityTooLarge: // asked: it is not the size
		return retained
	}
	if retry.Classify(status) == retry.Transient && status <= http.StatusGatewayTimeout && status != http.StatusNotImplemented {
		return retained
	}
	return refused
}

// retryable reports whether a request is retried within a delivery. A proxy that
// restarts may return 404 and 407 for a while.
func retryable(status int) bool {
	return retry.Classify(status) == retry.Transient || status == http.StatusNotFound || status == http.StatusProxyAuthRequired
}
