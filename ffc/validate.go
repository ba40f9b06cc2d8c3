package ffc

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/setting"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// settings is a Config that has been checked.
type settings struct {
	Config
	codec        *platform.Codec
	baseURL      string
	streamingURL string
	eventsURL    string
	environment  string // for flush.Batch; "" without Events.Sink
}

// resolve checks the configuration and returns all problems in one error.
func (c Config) resolve() (settings, error) {
	s := settings{Config: c}
	var errs configErrors
	var err error
	if _, unknown := registry.ProtocolOf(string(c.Platform)); c.Platform != PlatformAuto && unknown != nil {
		errs.add("Platform", fmt.Errorf("unknown platform %q: expected PlatformAuto, PlatformClassic or PlatformFeatBit", c.Platform))
		c.Platform = PlatformAuto
	}
	known := environmentOf(c.Transport)
	environment := "" // of a client without a secret
	if c.EnvSecret == "" && !c.Offline {
		environment = known
	}
	switch {
	case environment != "":
		if s.codec, err = registry.CodecOfEnvironment(string(c.Platform), environment); err != nil {
			errs.add("Platform", errors.New("missing platform: expected PlatformClassic or PlatformFeatBit, because without EnvSecret it cannot be detected"))
			s.codec = registry.Default().CodecOf("")
		}
		if c.EventsURL == "" && !c.Events.Disabled && c.Events.Sink == nil {
			errs.add("EventsURL", errors.New("missing URL: without EnvSecret the platform accepts no events; "+
				"set the address of a relay, Events.Sink or Events.Disabled"))
		}
	case c.EnvSecret != "" || !c.Offline:
		s.codec, s.EnvSecret, err = registry.CodecFor(string(c.Platform), c.EnvSecret)
		if _, keyless := c.Transport.(transport.Keyless); keyless && c.EnvSecret == "" {
			err = errors.New("missing secret: set it, or name the environment in the transport, which then needs no secret")
		}
		errs.add("EnvSecret", err)
	case c.Platform != PlatformAuto:
		p, _ := registry.ProtocolOf(string(c.Platform))
		s.codec = p.CodecOf("")
	default:
		s.codec = registry.CodecOfData(c.Bootstrap)
	}
	if setting.Missing(c.Transport) && !c.Offline {
		errs.add("Transport", errors.New("missing transport: use &stream.Transport{} or &poll.Transport{}, or set Offline"))
	}
	if c.BaseURL == "" && s.codec.DefaultBaseURL == "" && !c.Offline && environment == "" {
		errs.add("BaseURL", fmt.Errorf("missing URL: %s has no default; "+
			"expected the URL of the evaluation server, such as http://localhost:5100", s.codec.Title))
	}
	s.baseURL, err = checkURL(c.BaseURL, s.codec.DefaultBaseURL, "http", "https")
	errs.add("BaseURL", err)
	s.eventsURL, err = checkURL(c.EventsURL, s.baseURL, "http", "https")
	errs.add("EventsURL", err)
	// http becomes ws and https becomes wss.
	s.streamingURL, err = checkURL(c.StreamingURL, "ws"+strings.TrimPrefix(s.baseURL, "http"), "ws", "wss")
	errs.add("StreamingURL", err)
	if c.Events.Sink != nil && !c.Offline && !c.Events.Disabled {
		s.environment, err = sinkEnvironment(c, s, known)
		errs.add("Events.Sink", err)
	}
	errs.add("Events", errors.Join(c.Events.Validate(), checkPrivate(s.codec.Protocol, c.Events.PrivateAttributes)))
	return s, errors.Join(errs...)
}

// environmentOf returns the environment whose data a transport gets without a secret.
// It returns "" for transports that need one.
func environmentOf(t transport.Transport) string {
	if keyless, ok := t.(transport.Keyless); ok && !setting.Missing(t) {
		return keyless.KeylessEnvironment()
	}
	return ""
}

// sinkEnvironment returns the name of the environment for flush.Batch. That of the
// transport comes first: EnvSecret may be that of a relay.
func sinkEnvironment(c Config, s settings, ofTransport string) (name string, err error) {
	if setting.Missing(c.Events.Sink) {
		return "", fmt.Errorf("missing sink: it is a nil %T", c.Events.Sink)
	}
	name = ofTransport
	switch {
	case name == "":
		name = s.codec.Environment(s.EnvSecret)
	case s.codec.EnvironmentIgnoresCase:
		name = strings.ToLower(name)
	}
	if name == "" && c.EnvSecret != "" {
		err = errors.New("unknown environment: EnvSecret does not contain the name of its environment, which the events need; copy the secret from the platform's settings page")
	}
	return name, err
}

// checkPrivate rejects the names of the user's key on this platform, except keyId,
// which flush.Config.Validate rejects.
func checkPrivate(p *platform.Protocol, names []string) error {
	var errs []error
	for _, name := range names {
		if name != "keyId" && slices.Contains(p.KeyNames, strings.ToLower(name)) {
			errs = append(errs, setting.Errorf("PrivateAttributes", "%q cannot be private: events need the user's key", name))
		}
	}
	return errors.Join(errs...)
}

// checkURL returns the URL without trailing slashes, or defaultURL if text is empty.
func checkURL(text, defaultURL string, schemes ...string) (string, error) {
	if text == "" {
		return defaultURL, nil
	}
	expected := fmt.Sprintf("expected %s://host[/prefix] or %s://host[/prefix]", schemes[0], schemes[1])
	u, err := url.Parse(text)
	switch {
	case err != nil:
		// Do not wrap err: its text quotes the URL, with the password in it.
		return "", fmt.Errorf("invalid URL: %s", expected)
	case u.Scheme != schemes[0] && u.Scheme != schemes[1] || u.Hostname() == "":
		return "", fmt.Errorf("invalid URL %q: %s", u.Redacted(), expected)
	case u.User != nil:
		return "", fmt.Errorf("the URL has a user name: %s", expected)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", fmt.Errorf("the URL has a query or fragment: %s", expected)
	}
	return strings.TrimRight(u.String(), "/"), nil // String also escapes invalid characters
}
