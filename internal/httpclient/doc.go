// Package httpclient makes the HTTP clients of the SDK: with timeouts, with
// retries that a deadline bounds, and without surprises where the application
// brings its own client.
package httpclient
