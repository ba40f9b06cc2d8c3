package ffcopenfeature

import (
	"context"
	"errors"
	"fmt"
	"time"

	of "github.com/open-feature/go-sdk/openfeature"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// shutdownWait is how long Shutdown delivers events if its context has no
// deadline, as with Client.Close.
const shutdownWait = 5 * time.Second

// Init is InitWithContext without a deadline.
func (p *Provider) Init(evalCtx of.EvaluationContext) error {
	return p.InitWithContext(context.Background(), evalCtx)
}

// InitWithContext blocks until the client has the platform's data, at most for
// Config.InitWait if ctx has no deadline. An error means that the data has not
// arrived yet: the provider is then in state ERROR, evaluations use the client's
// bootstrap or return defaults, and PROVIDER_READY follows when the data arrives. If
// the platform rejects the secret or the client is closed, the state is FATAL and
// stays FATAL.
//
// If the transport works on demand, InitWithContext refreshes the data once, within
// the transport's Budget; ffc.New retries longer, for Config.StartWait.
func (p *Provider) InitWithContext(ctx context.Context, _ of.EvaluationContext) error {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.cfg.InitWait)
		defer cancel()
	}
	err := p.waitReady(ctx)
	// Not before, because the SDK reports the result of the initialization itself.
	p.listen(err == nil)
	return err
}

func (p *Provider) waitReady(ctx context.Context) error {
	// With a transport that pushes, Refresh does nothing.
	err := p.client.Refresh(ctx)
	if err == nil || p.client.Initialized() {
		err = p.client.WaitReady(ctx)
	}
	status := p.client.Status()
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ffc.ErrClosed):
		return &of.ProviderInitError{ErrorCode: of.ProviderFatalCode, Message: "the client has been closed: create another client, and a provider for it"}
	case status.State == ffc.StateOff:
		return &of.ProviderInitError{ErrorCode: of.ProviderFatalCode, Message: refused(status)}
	case status.Err != nil && !errors.Is(err, status.Err):
		return fmt.Errorf("ffc: the platform's data has not arrived yet: %w (%w)", err, status.Err)
	}
	return fmt.Errorf("ffc: the platform's data has not arrived yet: %w", err)
}

// Shutdown is ShutdownWithContext without a deadline.
func (p *Provider) Shutdown() { _ = p.ShutdownWithContext(context.Background()) }

// ShutdownWithContext ends the provider's events and delivers the client's queued
// events, for at most 5 s if ctx has no deadline. The client stays open. The error
// is that of Client.Flush; a closed client is not an error.
func (p *Provider) ShutdownWithContext(ctx context.Context) error {
	p.unlisten()
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, shutdownWait)
		defer cancel()
	}
	if err := p.client.Flush(ctx); !errors.Is(err, ffc.ErrClosed) {
		return err
	}
	return nil // Close has delivered them
}
