// Package wording says what the SDK says in terms of the command line.
package wording

import (
	"errors"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// Of returns the text of an error of the SDK. The kind of a transport's error is
// left out: it is for programs.
func Of(err error) string {
	var why *transport.Error
	if errors.As(err, &why) && why.Err != nil {
		err = why.Err
	}
	return In(err.Error())
}

// In returns a text of the SDK with the names of options for those of settings.
func In(text string) string { return terms.Replace(text) }

var terms = strings.NewReplacer(
	"ffc: Config.EnvSecret", "the secret",
	"ffc: Config.Platform", "-platform",
	"ffc: Config.BaseURL", "-url",
	"ffc: Config.StreamingURL", "-streaming-url",
	"ffc: Config.EventsURL", "-events-url",
	"ffc: Config.Bootstrap: ", "",
	": take one with ffc snapshot and this secret, or set Config.IgnoreForeignBootstrap to start without cached data", "",
	"Config.EnvSecret", "the secret",
	"Config.Platform", "-platform",
	"check EnvSecret", "check the secret",
	"check BaseURL or URL", "check -url",
	"check URL, or where redirects from BaseURL lead", "check where redirects from -url lead",
)
