// Package errtext returns the texts of the SDK's errors for the command line.
package errtext

import (
	"errors"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// options are the options that set fields of ffc.Config. The errors of other
// fields name no setting.
var options = map[string]string{
	"Platform":     "-platform",
	"BaseURL":      "-url",
	"StreamingURL": "-streaming-url",
	"EventsURL":    "-events-url",
}

// Of returns the text of an error of the SDK. Errors of ffc.New name the option
// instead of the field, and are separated by "; ". The kind of a transport.Error
// is left out: it is for programs.
func Of(err error) string {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var texts []string
		for _, inner := range joined.Unwrap() {
			texts = append(texts, Of(inner))
		}
		return strings.Join(texts, "; ")
	}
	var invalid *ffc.ConfigError
	if errors.As(err, &invalid) {
		if option := options[invalid.Field]; option != "" {
			return option + ": " + invalid.Err.Error()
		}
		return invalid.Err.Error()
	}
	var failed *transport.Error
	if errors.As(err, &failed) && failed.Err != nil {
		return failed.Err.Error()
	}
	return err.Error()
}
