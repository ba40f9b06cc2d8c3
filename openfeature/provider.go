package ffcopenfeature

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	of "github.com/open-feature/go-sdk/openfeature"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// Config says how a provider works. The zero Config is ready to use.
type Config struct {
	// InitWait is how long initialization waits for the platform's data if its
	// context has no deadline; 0 is 5 s.
	InitWait time.Duration
	// Logger is told, once for each kind of problem, that something tracked
	// could not be recorded; never a user's key or attributes. nil is what
	// slog.Default returns then.
	Logger *slog.Logger
}

const defaultInitWait = 5 * time.Second

// providerName is the feature_flag.provider.name of telemetry.
const providerName = "featureflag.co"

// Provider answers OpenFeature's evaluations from an ffc.Client. Its methods
// are for OpenFeature's SDK and may be called concurrently.
type Provider struct {
	client  *ffc.Client
	cfg     Config
	version atomic.Pointer[versionText]
	told    sync.Map // kinds of tracking problems

	events chan of.Event
	mu     sync.Mutex
	stop   func() // ends what listen began; nil before it and after
}

var (
	_ of.FeatureProvider          = (*Provider)(nil)
	_ of.ContextAwareStateHandler = (*Provider)(nil)
	_ of.EventHandler             = (*Provider)(nil)
	_ of.Tracker                  = (*Provider)(nil)
)

// NewProvider returns a provider for a client, which stays the caller's: close
// it after the provider has been shut down. NewProvider starts nothing and
// panics without a client.
func NewProvider(client *ffc.Client, cfg Config) *Provider {
	if client == nil {
		panic("ffcopenfeature: NewProvider got no client: make one with ffc.New")
	}
	if cfg.InitWait <= 0 {
		cfg.InitWait = defaultInitWait
	}
	return &Provider{client: client, cfg: cfg, events: make(chan of.Event, eventRoom)}
}

// logger returns the configured logger, or the default of now.
func (p *Provider) logger() *slog.Logger {
	if p.cfg.Logger != nil {
		return p.cfg.Logger
	}
	return slog.Default()
}

// Metadata implements openfeature.FeatureProvider.
func (p *Provider) Metadata() of.Metadata { return of.Metadata{Name: providerName} }

// Hooks implements openfeature.FeatureProvider. There are none.
func (p *Provider) Hooks() []of.Hook { return nil }

// BooleanEvaluation implements openfeature.FeatureProvider.
func (p *Provider) BooleanEvaluation(ctx context.Context, flag string, defaultValue bool, flatCtx of.FlattenedContext) of.BoolResolutionDetail {
	user, misuse := userOf(flatCtx)
	return resolve(p, p.client.BoolVariationDetail(ctx, flag, user, defaultValue), defaultValue, misuse)
}

// StringEvaluation implements openfeature.FeatureProvider.
func (p *Provider) StringEvaluation(ctx context.Context, flag string, defaultValue string, flatCtx of.FlattenedContext) of.StringResolutionDetail {
	user, misuse := userOf(flatCtx)
	return resolve(p, p.client.VariationDetail(ctx, flag, user, defaultValue), defaultValue, misuse)
}

// FloatEvaluation implements openfeature.FeatureProvider.
func (p *Provider) FloatEvaluation(ctx context.Context, flag string, defaultValue float64, flatCtx of.FlattenedContext) of.FloatResolutionDetail {
	user, misuse := userOf(flatCtx)
	return resolve(p, p.client.FloatVariationDetail(ctx, flag, user, defaultValue), defaultValue, misuse)
}

// IntEvaluation implements openfeature.FeatureProvider.
func (p *Provider) IntEvaluation(ctx context.Context, flag string, defaultValue int64, flatCtx of.FlattenedContext) of.IntResolutionDetail {
	user, misuse := userOf(flatCtx)
	// Not Client.IntVariation: it cuts fractions off.
	return resolve(p, read(p.client.VariationDetail(ctx, flag, user, ""), readInt), defaultValue, misuse)
}

// ObjectEvaluation implements openfeature.FeatureProvider.
func (p *Provider) ObjectEvaluation(ctx context.Context, flag string, defaultValue any, flatCtx of.FlattenedContext) of.InterfaceResolutionDetail {
	user, misuse := userOf(flatCtx)
	return resolve(p, read(p.client.VariationDetail(ctx, flag, user, ""), readObject), defaultValue, misuse)
}
