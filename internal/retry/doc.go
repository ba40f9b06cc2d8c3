// Package retry decides whether and when to retry: backoff, jitter, the
// Retry-After header, the class of a status, the loop that retries a request,
// and the reconnect policy of background transports.
package retry
