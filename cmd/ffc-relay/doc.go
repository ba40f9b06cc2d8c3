// Command ffc-relay publishes the flags of environments to the engines of a fleet,
// serves them to SDKs, and undoes a bad flag while the platform is down.
//
//	go run . publish
//	go run . serve
//	go run . log prod
//	go run . rollback prod -to 1795909271123
//
// It is a module of its own. Build it in a checkout, in its folder:
//
//	go build .
//
// "ffc-relay help COMMAND" has the options of a command, and "ffc-relay help config"
// all settings. docs/fleet.md explains fleets.
//
// # Configuration
//
// Settings are in a JSON file, which the option -config or FFC_RELAY_CONFIG names, and
// in environment variables, which override the file:
//
//	{
//	  "engines": {"main": {"url": "redis://127.0.0.1:6379", "passwordFile": "/run/secrets/redis"}},
//	  "environments": {"prod": {"secretFile": "/run/secrets/prod", "url": "https://featbit.example.com"}}
//	}
//
// FFC_RELAY_ENGINES_MAIN_URL is engines.main.url, and FFC_RELAY_ENVIRONMENTS_PROD_SECRET_FILE
// is environments.prod.secretFile. An environment uses the engine main unless it
// names another. No secret is an argument of the command.
//
// # publish
//
// Publishes all environments, each with a relay.Publisher, until SIGTERM or SIGINT.
// The configuration, secrets and certificates are read again on SIGHUP and every 5 s.
// If they have changed, publishers of new environments start, publishers of removed
// ones stop, and those of changed ones restart. The others keep running, and so does
// a publisher whose new settings are invalid.
//
// # serve and run
//
// Serve answers server-side SDKs and readers over HTTP, each environment with a
// relay.Handler, from the engines; run publishes as well. Clients need a key of the
// file that the setting keys names. On SIGTERM /readyz fails, websockets are closed
// evenly, and the rest is answered until the end.
//
// # Exit codes
//
//	0  done, or ended by a signal
//	1  it failed, or a check failed
//	2  the command line or the configuration is invalid
//	3  there is no data: of the environment in the engine, or in a file
//
// Commands that are interrupted, as by Ctrl-C, exit with 130, except publish, serve
// and run.
package main
