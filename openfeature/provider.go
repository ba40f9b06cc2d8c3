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

// Config is the configuration of a provider. The zero Config is ready to use.
type Config struct {
	// InitWait is how long initialization waits for the platform's data if its
	// context has no deadline; 0 is 5 s.
	InitWait time.Duration
	// Logger logs metrics that cannot be recorded, once for each kind of error. It
	// never logs a user's key or attributes. nil is the logger that slog.Default
	// returns when a line is logged.
	Logger *slog.Logger
}

const defaultInitWait = 5 * time.Second

// providerName is the feature_flag.provider.name of telemetry.
const providerName = "featureflag.co"

// Provider evaluates flags for OpenFeature with an ffc.Client. OpenFeature's SDK
// calls its methods; they may be called concurrently.
type Provider struct {
	client  *ffc.Client
	cfg     Config
	version atomic.Pointer[versionText]
	logged  sync.Map // kinds of tracking errors

	events chan of.Event
	mu     sync.Mutex
	stop   func() // stops the listeners of listen; nil if there are none
}

var (
	_ of.FeatureProvider          = (*Provider)(nil)
	_ of.ContextAwareStateHandler = (*Provider)(nil)
	_ of.EventHandler             = (*Provider)(nil)
	_ of.Tracker                  = (*Provider)(nil)
)

// NewProvider returns a provider for a client. The caller still owns the client:
// close it after the provider has been shut down. NewProvider starts no goroutine. It
// panics if the client is nil.
func NewProvider(client *ffc.Client, cfg Config) *Provider {
	if client == nil {
		panic("ffcopenfeature: the client of NewProvider is nil: see the error of ffc.New")
	}
	if cfg.InitWait <= 0 {
		cfg.InitWait = defaultInitWait
	}
	return &Provider{client: client, cfg: cfg, events: make(chan of.Event, eventRoom)}
}

// logger returns the configured logger, or the current default.
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
	return resolve(p, p.client.BoolVariationDetail(ctx, flag, userOf(flatCtx), defaultValue), defaultValue, flatCtx)
}

// StringEvaluation implements openfeature.FeatureProvider.
func (p *Provider) StringEvaluation(ctx context.Context, flag string, defaultValue string, flatCtx of.FlattenedContext) of.StringResolutionDetail {
	return resolve(p, p.client.VariationDetail(ctx, flag, userOf(flatCtx), defaultValue), defaultValue, flatCtx)
}

// FloatEvaluation implements openfeature.FeatureProvider.
func (p *Provider) FloatEvaluation(ctx context.Context, flag string, defaultValue float64, flatCtx of.FlattenedContext) of.FloatResolutionDetail {
	return resolve(p, p.client.FloatVariationDetail(ctx, flag, userOf(flatCtx), defaultValue), defaultValue, flatCtx)
}

// IntEvaluation implements openfeature.FeatureProvider.
func (p *Provider) IntEvaluation(ctx context.Context, flag string, defaultValue int64, flatCtx of.FlattenedContext) of.IntResolutionDetail {
	// Not Client.IntVariation: it cuts fractions off.
	return resolve(p, ffc.ParseDetail(ctx, p.client.For(userOf(flatCtx)), flag, defaultValue, readInt), defaultValue, flatCtx)
}

// ObjectEvaluation implements openfeature.FeatureProvider.
func (p *Provider) ObjectEvaluation(ctx context.Context, flag string, defaultValue any, flatCtx of.FlattenedContext) of.InterfaceResolutionDetail {
	return resolve(p, ffc.ParseDetail(ctx, p.client.For(userOf(flatCtx)), flag, defaultValue, readObject), defaultValue, flatCtx)
}
