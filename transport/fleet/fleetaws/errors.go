package fleetaws

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// maxSkew is how far the clocks of a machine and of a service are apart at least
// when the clock is what is wrong with a signature.
const maxSkew = 4 * time.Minute

// serviceError is an error that a service responded with. It holds nothing else of
// the response: that quotes what was signed.
type serviceError struct {
	service string
	status  int
	code    string        // "" if the response has none
	right   string        // that the request needs
	region  string        // that the service names instead
	wait    time.Duration // that the service asks for
	skew    time.Duration // how far the service's clock is ahead of this machine's
}

// newServiceError returns the error that the header of a response describes.
func newServiceError(service string, resp *http.Response) *serviceError {
	e := &serviceError{service: service, status: resp.StatusCode, region: plain(resp.Header.Get("X-Amz-Bucket-Region"))}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.wait = time.Duration(min(seconds, int(maxWait/time.Second))) * time.Second
	}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		e.skew = time.Until(date).Round(time.Minute)
	}
	return e
}

// maxWait is the longest pause that a service can ask for.
const maxWait = time.Hour

// plain returns text of a response if it has nothing but letters, digits, dots and
// hyphens, and at most 60 of them.
func plain(text string) string {
	other := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-')
	}
	if len(text) > 60 || strings.ContainsFunc(text, other) {
		return ""
	}
	return text
}

// Error implements error. Readers and publishers show at most 100 characters, with
// the kind of the error.
func (e *serviceError) Error() string {
	text := fmt.Sprintf("%s responded %d %s", e.service, e.status, cmp.Or(e.code, http.StatusText(e.status)))
	if advice := e.advice(); advice != "" {
		text += ": " + advice
	}
	return text
}

// advice returns what an operator can do about the error.
func (e *serviceError) advice() string {
	kind, advice := meaning(e.code)
	switch {
	case e.wrongClock() && e.skew != 0:
		side := "behind"
		if e.skew < 0 {
			side = "ahead"
		}
		return "the clock is " + strings.TrimSuffix(e.skew.Abs().String(), "0s") + " " + side + ": set it"
	case kind == kindDenied:
		return fmt.Sprintf(advice, e.right)
	case kind == kindElsewhere && e.region != "":
		return "the bucket is in " + e.region + ": set Region"
	}
	return advice
}

// wrongClock reports whether the service rejects the time of the signature.
func (e *serviceError) wrongClock() bool {
	kind := e.kind()
	return kind == kindClock || kind == kindSignature && e.skew.Abs() > maxSkew
}

// RetryAfter returns the wait that the service requests.
func (e *serviceError) RetryAfter() time.Duration { return e.wait }

func (e *serviceError) kind() kind {
	k, _ := meaning(e.code)
	return k
}

// again reports whether to send the request once more. If the service throttles, a
// pause helps, and another attempt does harm.
func (e *serviceError) again() bool {
	switch e.kind() {
	case kindExpired, kindPassing:
		return true
	case kindOther:
		return e.status >= 500 && e.status != http.StatusNotImplemented
	}
	return false
}

// classified returns the error, with its kind if the service rejects the
// credentials or the time.
func (e *serviceError) classified() error {
	switch e.kind() {
	case kindDenied, kindSignature, kindClock, kindExpired:
		return &transport.Error{Kind: transport.KindRefused, Err: e}
	}
	return e
}

// kind groups codes of errors.
type kind int

const (
	kindOther     kind = iota
	kindDenied         // the credentials lack a right
	kindSignature      // the credentials or the region are wrong, or the clock
	kindClock          // the clock is wrong
	kindExpired        // new credentials can help
	kindThrottled      // a pause helps
	kindPassing        // another attempt can help
	kindElsewhere      // the bucket is in another region
)

// meaning returns what a code of S3 or DynamoDB means, and what to do.
func meaning(code string) (k kind, advice string) {
	switch code {
	case "AccessDenied", "AllAccessDisabled", "AccessDeniedException", "NotAuthorized", "OptInRequired", "KmsAccessDenied":
		return kindDenied, "no right to %s"
	case "SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature", "IncompleteSignatureException":
		return kindSignature, "check the secret key and Region"
	case "InvalidAccessKeyId", "UnrecognizedClientException", "InvalidClientTokenId", "MissingAuthenticationTokenException", "NotSignedUp":
		return kindSignature, "check the credentials"
	case "InvalidToken", "InvalidSecurity":
		return kindSignature, "check the session token"
	case "RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture":
		return kindClock, "check this machine's clock"
	case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired":
		return kindExpired, "the credentials have expired"
	case "SlowDown", "ServiceUnavailable.SlowDown", "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled",
		"RequestThrottledException", "TooManyRequestsException", "RequestLimitExceeded", "BandwidthLimitExceeded",
		"ProvisionedThroughputExceededException", "LimitExceededException", "EC2ThrottledException", "KmsThrottled", "OverLimit":
		return kindThrottled, "too many requests"
	case "RequestTimeout", "RequestTimeoutException", "TransactionInProgressException", "ReplicatedWriteConflictException":
		return kindPassing, ""
	case "PermanentRedirect", "TemporaryRedirect", "Redirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
		return kindElsewhere, "check Region and Endpoint"
	case "NoSuchBucket":
		return kindOther, "check Bucket, Region and Endpoint"
	case "ResourceNotFoundException":
		return kindOther, "check Table and Region"
	case "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue":
		return kindOther, "check QueueURL and Region"
	case "InvalidParameterValue", "InvalidParameterValueException":
		return kindOther, "check MaxMessage and the queue's limit"
	case "ReceiptHandleIsInvalid", "MessageNotInflight":
		return kindOther, "the time of the message was over"
	case "ValidationException":
		return kindOther, "the table needs the key name, of type S"
	case "InvalidObjectState":
		return kindOther, "a rule has archived the object: remove the rule"
	case "NotImplemented":
		return kindOther, "the store cannot swap"
	}
	return kindOther, ""
}
