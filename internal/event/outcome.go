package event

import (
	"net/http"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
)

// outcome is what an answer of the platform means for the events of a request.
// They stay queued unless they were delivered.
type outcome uint8

const (
	delivered outcome = iota
	retained          // the platform is unavailable: retry with the next delivery
	split             // too much at once
	rejected          // an event in the request may be the reason: see isolation
	refused           // no request is accepted: pause deliveries
)

// outcomeOf judges an answer after retries. asked says that it has a
// Retry-After: then the events are not the reason.
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

// retryable reports whether a request is retried within a delivery. 404 and 407
// pass when a proxy has been restarted.
func retryable(status int) bool {
	return retry.Classify(status) == retry.Transient || status == http.StatusNotFound || status == http.StatusProxyAuthRequired
}
