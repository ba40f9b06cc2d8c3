// Package retry says whether to retry and when: backoff, jitter, the
// Retry-After header, the meaning of a status, and the reconnect policy of
// background transports.
package retry
