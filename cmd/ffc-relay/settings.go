package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
)

// prefix begins the names of all variables.
const prefix = "FFC_RELAY_"

// setting is one of the settings.
type setting struct {
	name   string // in the file
	help   string
	normal string // the default, as help shows it
	secret bool   // may also be in a file that the setting name + "File" names
	list   bool   // a list of texts; in a variable with commas
	toggle bool   // true or false, which may be a text
	// engines are the schemes of the engines that have the setting; nil is all.
	engines []string
}

// fits reports whether an engine whose URL has this scheme has the setting.
func (s *setting) fits(scheme string) bool {
	return s.engines == nil || slices.Contains(s.engines, scheme)
}

// The schemes of engines.
var (
	ofRedis = []string{"redis", "rediss"}
	ofNATS  = []string{"nats", "tls"}
	ofAWS   = []string{"s3", "dynamodb"}
	ofCloud = slices.Concat(ofAWS, []string{"sqs"})
	schemes = slices.Concat([]string{"dir", "http", "https", "split"}, ofRedis, ofNATS, ofCloud)
)

// The groups of settings: of the program, of an engine and of an environment.
var (
	programSettings = []setting{
		{name: "listen", help: "address of /healthz, /readyz, /status and /metrics", normal: ":8030"},
		{name: "beat", help: "time between writes of the head", normal: "5s; 15s on S3 and DynamoDB"},
		{name: "lease", help: "how long the head stays the same until another replica takes over", normal: "3 beats"},
		{name: "keep", help: "how long earlier data stays, for rollback", normal: "24h"},
		{name: "serve", help: "address that SDKs and readers connect to, for serve and run", normal: ":8031"},
		{name: "keys", help: "file with the keys of SDKs and readers, for serve and run"},
		{name: "queue", help: "name of the engine that keeps events, for serve, run and forward"},
		{name: "refresh", help: "time between reads of the head, for serve and run", normal: "2s"},
		{name: "drainWait", help: "time between SIGTERM and the end of the first websocket", normal: "5s"},
		{name: "drain", help: "time over which websockets are closed after that", normal: "20s"},
		{name: "log", help: "format of the log: text or json", normal: "text"},
	}
	engineSettings = []setting{
		{name: "url", help: "dir:PATH, redis://HOST:PORT[,HOST:PORT][/DATABASE], rediss:// for TLS, nats://HOST:PORT[,HOST:PORT][/BUCKET], tls:// for NATS with TLS, s3://BUCKET, dynamodb://TABLE, http(s)://HOST[/PREFIX] to read only, split:HEADS,BODIES, the names of two engines, or sqs://HOST/ACCOUNT/NAME for events only"},
		{name: "prefix", help: "what names begin with on Redis, S3 and DynamoDB", normal: "ffc", engines: slices.Concat(ofRedis, ofAWS)},
		{name: "user", help: "user of Redis or NATS", engines: slices.Concat(ofRedis, ofNATS)},
		{name: "password", help: "password of Redis or NATS", secret: true, engines: slices.Concat(ofRedis, ofNATS)},
		{name: "cluster", help: "true if the addresses are those of nodes of a Redis Cluster", normal: "false", toggle: true, engines: ofRedis},
		{name: "sentinel", help: "name of the primary, if the addresses are those of Redis Sentinels", engines: ofRedis},
		{name: "sentinelUser", help: "user of the Sentinels", engines: ofRedis},
		{name: "sentinelPassword", help: "password of the Sentinels", secret: true, engines: ofRedis},
		{name: "credentials", help: "credentials of NATS, the text of a file .creds", secret: true, engines: ofNATS},
		{name: "inboxPrefix", help: "what the subjects of responses begin with on NATS", normal: "_INBOX", engines: ofNATS},
		{name: "caFile", help: "file with certificates to trust for rediss:// and tls://", normal: "those of the system", engines: []string{"rediss", "tls"}},
		{name: "region", help: "region of S3, DynamoDB and SQS", normal: "that of AWS's configuration", engines: ofCloud},
		{name: "endpoint", help: "http(s)://host of S3, DynamoDB or SQS, such as a VPC endpoint", normal: "that of AWS", engines: ofCloud},
		{name: "bucketOwner", help: "ID of the account that must own the bucket", normal: "any", engines: []string{"s3"}},
	}
	environmentSettings = []setting{
		{name: "secret", help: "environment secret", secret: true},
		{name: "environment", help: "name of the environment, for commands that need no secret", normal: "that of the secret"},
		{name: "platform", help: "classic or featbit", normal: "by the secret"},
		{name: "url", help: "http(s)://host[/prefix] of the platform; required for FeatBit", normal: "https://api.featureflag.co"},
		{name: "streamingURL", help: "ws(s)://host[/prefix] of websockets", normal: "as url"},
		{name: "engine", help: "name of the engine", normal: "main"},
		{name: "mirrors", help: "names of engines that get the same data", list: true},
	}
)

// The groups of settings that have names.
const (
	enginesGroup      = "engines"
	environmentsGroup = "environments"
)

// groups are the groups of settings that have names.
func groups() map[string][]setting {
	return map[string][]setting{enginesGroup: engineSettings, environmentsGroup: environmentSettings}
}

// find returns the setting with a name. file reports whether it is the one that
// names the file of a secret.
func find(settings []setting, name string) (s setting, file, ok bool) {
	for _, s := range settings {
		if s.name == name {
			return s, false, true
		}
		if s.secret && s.name+"File" == name {
			return s, true, true
		}
	}
	return setting{}, false, false
}

// names returns the names of all settings of a group, those of files included.
func names(settings []setting) []string {
	var all []string
	for _, s := range settings {
		all = append(all, s.name)
		if s.secret {
			all = append(all, s.name+"File")
		}
	}
	return all
}

// variable returns a name as it is in variables: streamingURL is STREAMING_URL.
func variable(name string) string {
	var b strings.Builder
	lower := false
	for _, r := range name {
		switch {
		case unicode.IsUpper(r) && lower:
			b.WriteByte('_')
			b.WriteRune(r)
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(unicode.ToUpper(r))
		default:
			b.WriteByte('_')
		}
		lower = unicode.IsLower(r) || unicode.IsDigit(r)
	}
	return b.String()
}

// settingsHelp lists all settings, for help.
func settingsHelp() string {
	var b strings.Builder
	list := func(title, example string, settings []setting) {
		fmt.Fprintf(&b, "%s, such as %s:\n", title, example)
		for _, s := range settings {
			text := s.help
			if s.normal != "" {
				text += " (default " + s.normal + ")"
			}
			name := "  " + s.name
			if s.secret {
				name += ", " + s.name + "File"
			}
			fmt.Fprintf(&b, "%s\n      %s\n", name, strings.Join(cli.Wrap(text, cli.HelpWidth-6), "\n      "))
		}
		b.WriteByte('\n')
	}
	list("Settings of the program", prefix+"LISTEN", programSettings)
	list("Settings in engines.NAME", prefix+"ENGINES_NAME_URL", engineSettings)
	list("Settings in environments.NAME", prefix+"ENVIRONMENTS_NAME_SECRET", environmentSettings)
	return b.String()
}
