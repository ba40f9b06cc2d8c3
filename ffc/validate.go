package ffc

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/setting"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/wire"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// settings is a Config that has been checked.
type settings struct {
	Config
	dialect      *wire.Dialect
	baseURL      string
	streamingURL string
	eventsURL    string
}

// resolve checks the configuration and returns all problems in one error.
func (c Config) resolve() (settings, error) {
	s := settings{Config: c}
	var errs []error
	problem := func(field string, err error) {
		errs = append(errs, configErrors(field, err)...)
	}
	var err error
	switch c.Platform {
	case PlatformAuto, PlatformClassic, PlatformFeatBit:
	default:
		problem("Platform", fmt.Errorf("unknown platform %q: expected PlatformAuto, PlatformClassic or PlatformFeatBit", c.Platform))
		c.Platform = PlatformAuto
	}
	environment := keyless(c)
	switch {
	case environment != "":
		if s.dialect, err = wire.DialectOfEnvironment(string(c.Platform), environment); err != nil {
			problem("Platform", errors.New("missing platform: expected PlatformClassic or PlatformFeatBit, as there is no EnvSecret to tell it"))
			s.dialect = wire.ClassicDialect("")
		}
		if c.EventsURL == "" && !c.Events.Disabled {
			problem("EventsURL", errors.New("missing URL: without EnvSecret the platform accepts no events; "+
				"set the address of a relay, or Events.Disabled"))
		}
	case c.EnvSecret != "" || !c.Offline:
		s.dialect, s.EnvSecret, err = wire.DialectFor(string(c.Platform), c.EnvSecret)
		problem("EnvSecret", err)
	case c.Platform != PlatformAuto:
		s.dialect, err = wire.DialectOf(string(c.Platform))
		problem("Platform", err)
	default:
		s.dialect = wire.DialectOfData(c.Bootstrap)
	}
	if missing(c.Transport) && !c.Offline {
		problem("Transport", errors.New("missing transport: use &stream.Transport{} or &poll.Transport{}, or set Offline"))
	}
	if c.BaseURL == "" && s.dialect.DefaultBaseURL == "" && !c.Offline && environment == "" {
		problem("BaseURL", errors.New("missing URL: FeatBit has no default; "+
			"expected that of the evaluation server, such as http://localhost:5100"))
	}
	s.baseURL, err = checkURL(c.BaseURL, s.dialect.DefaultBaseURL, "http", "https")
	problem("BaseURL", err)
	s.eventsURL, err = checkURL(c.EventsURL, s.baseURL, "http", "https")
	problem("EventsURL", err)
	// http becomes ws and https becomes wss.
	s.streamingURL, err = checkURL(c.StreamingURL, "ws"+strings.TrimPrefix(s.baseURL, "http"), "ws", "wss")
	problem("StreamingURL", err)
	problem("Events", errors.Join(c.Events.Validate(), checkPrivate(s.dialect, c.Events.PrivateAttributes)))
	return s, errors.Join(errs...)
}

// keyless returns the environment of a client that has no secret and needs none,
// as its transport does not connect to the platform; "" if it needs one.
func keyless(c Config) string {
	if c.EnvSecret != "" || c.Offline || missing(c.Transport) {
		return ""
	}
	if t, ok := c.Transport.(transport.Keyless); ok {
		return t.KeylessEnvironment()
	}
	return ""
}

// checkPrivate finds the key's names on classic among private attributes. On
// FeatBit these are names of custom attributes, but for keyId, which
// flush.Config.Validate rejects.
func checkPrivate(dialect *wire.Dialect, names []string) error {
	if dialect.Name != wire.PlatformClassic {
		return nil
	}
	var errs []error
	for _, name := range names {
		if lower := strings.ToLower(name); name != "keyId" && (lower == "key" || lower == "keyid") {
			errs = append(errs, setting.Errorf("PrivateAttributes", "%q cannot be private: events need the user's key", name))
		}
	}
	return errors.Join(errs...)
}

// missing reports whether a transport or session is nil, or a nil pointer, map,
// channel or function of a type of its own.
func missing(v any) bool {
	if v == nil {
		return true
	}
	switch value := reflect.ValueOf(v); value.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Func, reflect.Chan:
		return value.IsNil()
	}
	return false
}

// checkURL returns the URL without trailing slashes, or the default.
func checkURL(text, otherwise string, schemes ...string) (string, error) {
	if text == "" {
		return otherwise, nil
	}
	expected := fmt.Sprintf("expected %s://host[/prefix] or %s://host[/prefix]", schemes[0], schemes[1])
	u, err := url.Parse(text)
	switch {
	case err != nil:
		// The text of the error would quote the URL, password and all.
		return "", fmt.Errorf("invalid URL: %s", expected)
	case u.Scheme != schemes[0] && u.Scheme != schemes[1] || u.Hostname() == "":
		return "", fmt.Errorf("invalid URL %q: %s", u.Redacted(), expected)
	case u.User != nil:
		return "", fmt.Errorf("the URL has a user name: %s", expected)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", fmt.Errorf("the URL has a query or fragment: %s", expected)
	}
	return strings.TrimRight(u.String(), "/"), nil // String escapes what the text may not
}
