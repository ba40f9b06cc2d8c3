// Package ffcopenfeature is a provider for OpenFeature's Go SDK
// (github.com/open-feature/go-sdk): code that evaluates flags through
// OpenFeature gets them from an [ffc.Client].
//
//	client, err := ffc.New(ctx, ffc.Config{
//		EnvSecret: secret,
//		Transport: &stream.Transport{},
//		StartWait: -1, // SetProviderWithContextAndWait waits
//	})
//	if err != nil {
//		return err // the configuration is invalid
//	}
//	defer client.Close(context.WithoutCancel(ctx))
//
//	provider := ffcopenfeature.NewProvider(client, ffcopenfeature.Config{})
//	if err := openfeature.SetProviderWithContextAndWait(ctx, provider); err != nil {
//		slog.Warn("flags answer their defaults for now", "error", err)
//	}
//	flags := openfeature.NewClient("shop")
//	visitor := openfeature.NewEvaluationContext("u-42", map[string]any{"country": "FR"})
//	if flags.Boolean(ctx, "new-checkout", false, visitor) {
//		// ...
//	}
//
// # Who owns the client
//
// The application does: it makes the client, gives it to the provider, can use
// it besides, for instance with package lambda or Client.Middleware, and closes
// it. Shutting the provider down delivers the events that are queued, ends the
// provider's own events and leaves the client as it is.
//
// # Evaluation context
//
// The targeting key is the user's key, and required: a percentage rollout needs
// it. Of the attributes, "name", "email" and "country" must be strings. All others
// are strings, truth values, numbers and times (rules see RFC 3339, in UTC), or
// types made of these. A whole number reads as an integer does, 18 for the
// float64 18. nil is not given. Anything else, such as a list or a map, answers
// INVALID_CONTEXT. Which names have a meaning of their own depends on the
// platform: see [ffc.String].
//
// # Types
//
// The platform keeps all values as text. Each type takes only what it can hold
// without loss, and answers TYPE_MISMATCH otherwise:
//
//	boolean  what Client.BoolVariation takes: true, on, yes ... and false, off, no ...
//	string   every value
//	integer  an integer of 64 bits, also written as 10.0 or 1e1; exact, never a fraction cut off or rounded
//	float    a finite decimal number
//	object   a JSON object (map[string]any) or array ([]any); if it is malformed, PARSE_ERROR
//
// A value of another type is not counted by the platform as seen, but for
// integers and objects: their text is read after the evaluation has been
// recorded.
//
// # Variant, reasons, errors
//
// The variant is the platform's id of the variation. When there is an error
// there is none, and the value is the default of the call:
// [ffc.Config].Fallbacks do not count here.
//
//	ffc.Reason            OpenFeature's reason   error code
//	flag off              DISABLED, with the flag's off variation
//	prerequisite failed   DISABLED, with the flag's off variation
//	target match          TARGETING_MATCH
//	rule match            TARGETING_MATCH
//	fall through all rules  DEFAULT
//	client not ready      ERROR                  PROVIDER_NOT_READY
//	flag not found        ERROR                  FLAG_NOT_FOUND
//	user not specified    ERROR                  TARGETING_KEY_MISSING
//	                      ERROR                  INVALID_CONTEXT, see above
//	wrong type            ERROR                  TYPE_MISMATCH
//	                      ERROR                  PARSE_ERROR, malformed JSON
//	error in evaluation   ERROR                  GENERAL
//
// That a flag is unknown counts before what is wrong with the context, so that
// a multi-provider can ask its next one.
//
// # Flag metadata
//
// See [MetadataFlagName], [MetadataVersion] and [MetadataDataAge]. OpenFeature's
// package telemetry reports the version as feature_flag.version.
//
// # Events
//
//	PROVIDER_READY                  the data is up to date (again)
//	PROVIDER_STALE                  the platform is unreachable; the client keeps serving the cached data
//	PROVIDER_ERROR                  the platform refuses the client, which gave up; the data goes on serving
//	PROVIDER_ERROR, PROVIDER_FATAL  the same before there was any data, or the client has been closed
//	PROVIDER_CONFIGURATION_CHANGED  with the keys of the flags whose evaluation may have changed
//
// # Tracking
//
// Track records a metric with Client.TrackMetric, for the user of the evaluation
// context. The value 0, which is what details without a value have and what the
// platform cannot keep, counts as 1. Attributes of the details are not sent:
// the platform keeps a number only. What cannot be recorded is logged.
package ffcopenfeature
