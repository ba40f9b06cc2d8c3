package retry

import "net/http"

// Class groups status codes by what they say about a retry.
type Class uint8

const (
	Success   Class = iota // 2xx and 304
	Transient              // the same request may succeed soon
	Refused                // 401 and 403: the platform, or a firewall, rejects the credentials
	Permanent              // not likely to change soon
)

// Classify returns the class of a status code.
func Classify(status int) Class {
	switch status {
	case http.StatusNotModified:
		return Success
	case http.StatusUnauthorized, http.StatusForbidden:
		return Refused
	case http.StatusRequestTimeout, http.StatusMisdirectedRequest, http.StatusTooEarly, http.StatusTooManyRequests:
		return Transient
	}
	switch {
	case status >= 200 && status < 300:
		return Success
	case status >= 500:
		return Transient
	}
	return Permanent
}
