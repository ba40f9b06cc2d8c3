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
//		slog.Warn("flags return their defaults for now", "error", err)
//	}
//	flags := openfeature.NewClient("shop")
//	visitor := openfeature.NewEvaluationContext("u-42", map[string]any{"country": "FR"})
//	if flags.Boolean(ctx, "new-checkout", false, visitor) {
//		// ...
//	}
//
// # Who owns the client
//
// The application owns the client: it creates the client, passes it to the provider
// and closes it. It can also use the client directly, for instance with package
// lambda or Client.Middleware. Shutting down the provider delivers the queued events
// and ends the provider's own events. The client stays open.
//
// # Evaluation context
//
// The targeting key is the user's key. It is required, because percentage rollouts
// need it. The attributes "name", "email" and "country" must be strings. All other
// attributes must be strings, booleans, numbers or times (rules see RFC 3339, in
// UTC), or have a type defined from one of these. A whole number looks like an
// integer: 18 for the float64 18. nil counts as missing. The names with a special
// meaning depend on the platform: see [ffc.String].
//
// The platform cannot hold attributes of any other type, such as lists and maps.
// Evaluations that need such an attribute, for a rule or for percentages, return
// INVALID_CONTEXT. Other evaluations ignore the attribute, and events do not have it.
//
// # Types
//
// The platform stores all values as text. Each type accepts the values below, and
// returns TYPE_MISMATCH otherwise:
//
//	boolean  the values of Client.BoolVariation: true, on, yes ... and false, off, no ...
//	string   every value
//	integer  an integer of 64 bits, also written as 10.0 or 1e1; exact, never a fraction cut off or rounded
//	float    a finite decimal number, rounded to 64-bit floating point: 9007199254740993 is 9007199254740992
//	object   a JSON object (map[string]any) or array ([]any); if it is malformed, PARSE_ERROR
//
// If the value has another type, no evaluation is recorded: the caller got the default,
// so the platform must not count a variation.
//
// # Variant, reasons, errors
//
// The variant is the platform's id of the variation. With an error there is no
// variant, and the value is the default of the call: the provider does not use
// [ffc.Config].Fallbacks.
//
//	ffc.Reason            OpenFeature's reason   error code
//	flag off              DISABLED, with the flag's off variation
//	prerequisite failed   DISABLED, with the flag's off variation
//	target match          TARGETING_MATCH
//	rule match            TARGETING_MATCH, or SPLIT if the rule has percentages
//	fall through all rules  DEFAULT, SPLIT if the default rule has percentages, or STATIC
//	                      if every user gets this value (no targets, rules, percentages)
//	client not ready      ERROR                  PROVIDER_NOT_READY
//	flag not found        ERROR                  FLAG_NOT_FOUND
//	user not specified    ERROR                  TARGETING_KEY_MISSING
//	error in evaluation   ERROR                  INVALID_CONTEXT, if it needs an attribute of a wrong type
//	wrong type            ERROR                  TYPE_MISMATCH
//	                      ERROR                  PARSE_ERROR, malformed JSON
//	error in evaluation   ERROR                  GENERAL
//
// While the data may be out of date, the reason of every value is [StaleReason], and
// [MetadataReason] has the reason of the table. This is so while the platform is
// unreachable, after it has rejected the secret, and before the first data if a
// bootstrap serves. The reason is never CACHED: the provider evaluates each call.
//
// FLAG_NOT_FOUND takes precedence over errors of the context, so that a
// multi-provider can ask its next provider.
//
// # Flag metadata
//
// See [MetadataFlagName], [MetadataVersion], [MetadataDataAge] and [MetadataReason]. OpenFeature's
// package telemetry reports the version as feature_flag.version.
//
// # Events
//
//	PROVIDER_READY                  the data is up to date (again)
//	PROVIDER_STALE                  the platform is unreachable; the client keeps serving the cached data
//	PROVIDER_ERROR                  the platform rejected the secret, and the client has stopped retrying; it keeps serving the cached data
//	PROVIDER_ERROR, PROVIDER_FATAL  the platform rejected the secret before there was data, or the client has been closed
//	PROVIDER_CONFIGURATION_CHANGED  with the keys of the flags whose evaluation may have changed
//
// # Tracking
//
// Track records a metric with Client.TrackMetric, for the user of the evaluation
// context. The value 0 counts as 1: details without a value have it, and the
// platform cannot store it. Attributes of the details are not sent, because the
// platform stores only a number. Metrics that cannot be recorded are logged.
package ffcopenfeature
