package ffcopenfeature

import (
	"errors"
	"fmt"

	of "github.com/open-feature/go-sdk/openfeature"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// eventRoom is how many events wait until OpenFeature's SDK receives them. When the
// channel is full, the client's calls of the listeners block, and the client merges
// further changes. When listening ends, at most two calls are under way, one for the
// status and one for changes: after drain the channel has room for both.
const eventRoom = 4

// EventChannel implements openfeature.EventHandler.
func (p *Provider) EventChannel() <-chan of.Event { return p.events }

// listen begins to pass the client's notifications to the SDK, unless that has
// already begun. wasReady is the result of the initialization, which the SDK knows.
func (p *Provider) listen(wasReady bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stop != nil {
		return // the provider serves several domains
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
			default: // full of newer events
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

// drain drops the events that were not received. Calls that wait for room continue.
func (p *Provider) drain() {
	for {
		select {
		case <-p.events:
		default:
			return
		}
	}
}

// statusEvent returns the event of OpenFeature for a status of the client.
func (p *Provider) statusEvent(status ffc.Status) (e of.Event, ok bool) {
	e.ProviderName = providerName
	switch {
	case status.State == ffc.StateOK:
		e.EventType = of.ProviderReady
		e.Message = "the data is up to date"
	case status.State == ffc.StateInterrupted:
		e.EventType = of.ProviderStale
		e.Message = fmt.Sprintf("the data may be stale: %v", status.Err)
	case status.State == ffc.StateInitializing:
		return e, false // the initialization has reported it
	case errors.Is(status.Err, ffc.ErrClosed):
		e.EventType, e.ErrorCode = of.ProviderError, of.ProviderFatalCode
		e.Message = "the client has been closed"
	default:
		e.EventType = of.ProviderError
		e.Message = refused(status)
		if !p.client.Initialized() { // there is no data
			e.ErrorCode = of.ProviderFatalCode
		}
	}
	return e, true
}

func refused(status ffc.Status) string {
	return fmt.Sprintf("the platform rejected the secret, and the client has stopped retrying; check Config.EnvSecret and the clock: %v", status.Err)
}
