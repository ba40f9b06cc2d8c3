package ffcopenfeature

import (
	"errors"
	"fmt"

	of "github.com/open-feature/go-sdk/openfeature"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// eventRoom is how many events wait until the SDK takes them. When there is no
// more room the client's calls wait, and it merges what it has to tell
// meanwhile. There are two that can be under way when listening ends, one for
// the status and one for changes: for these there is always room then.
const eventRoom = 4

// EventChannel implements openfeature.EventHandler.
func (p *Provider) EventChannel() <-chan of.Event { return p.events }

// listen begins to pass on what the client tells, if that has not begun.
// wasReady is what the SDK is told by the initialization.
func (p *Provider) listen(wasReady bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stop != nil {
		return // the provider is bound to several domains
	}
	p.drain()
	stopStatus := p.client.OnStatus(func(status ffc.Status) {
		if e, ok := p.statusEvent(status); ok {
			p.events <- e
		}
	})
	stopChange := p.client.OnChange(func(keys []string) {
		p.events <- of.Event{
			ProviderName:         providerName,
			EventType:            of.ProviderConfigChange,
			ProviderEventDetails: of.ProviderEventDetails{Message: "flags changed", FlagChanges: keys},
		}
	})
	p.stop = func() {
		stopStatus()
		stopChange()
	}
	// The status may have changed before there was a listener.
	if status := p.client.Status(); wasReady != (status.State == ffc.StateOK) {
		if e, ok := p.statusEvent(status); ok {
			select {
			case p.events <- e:
			default: // full of what came since
			}
		}
	}
}

func (p *Provider) unlisten() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stop != nil {
		p.stop()
		p.stop = nil
		p.drain()
	}
}

// drain drops the events that were not received. Calls that wait for room go on.
func (p *Provider) drain() {
	for {
		select {
		case <-p.events:
		default:
			return
		}
	}
}

// statusEvent says what a status of the client means to OpenFeature.
func (p *Provider) statusEvent(status ffc.Status) (e of.Event, ok bool) {
	e.ProviderName = providerName
	switch {
	case status.State == ffc.StateOK:
		e.EventType = of.ProviderReady
		e.Message = "the data is up to date"
	case status.State == ffc.StateInterrupted:
		e.EventType = of.ProviderStale
		e.Message = fmt.Sprintf("the data may be getting old: %v", status.Err)
	case status.State == ffc.StateInitializing:
		return e, false // the initialization told
	case errors.Is(status.Err, ffc.ErrClosed):
		e.EventType, e.ErrorCode = of.ProviderError, of.ProviderFatalCode
		e.Message = "the client has been closed"
	default:
		e.EventType = of.ProviderError
		e.Message = refused(status)
		if !p.client.Initialized() { // nothing to go on with
			e.ErrorCode = of.ProviderFatalCode
		}
	}
	return e, true
}

func refused(status ffc.Status) string {
	return fmt.Sprintf("the platform refuses the client, which has given up; check Config.EnvSecret and the clock: %v", status.Err)
}
