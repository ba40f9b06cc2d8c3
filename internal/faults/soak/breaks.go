package main

import (
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/faults"
)

// fault has a function that breaks something and returns the function that
// mends it.
type fault struct {
	name    string
	happens func(p *platform) (mend func())
}

func nothing() {}

// breaks are all faults. Some last until they are mended, some heal by themselves.
var breaks = []fault{
	{"connections are refused", func(p *platform) func() {
		for _, proxy := range p.proxies() {
			proxy.Down()
			proxy.Break()
		}
		return p.up
	}},
	{"connections are reset", func(p *platform) func() { return p.network(faults.Fault{Drop: true}) }},
	{"connections are cut", func(p *platform) func() {
		random := p.soak.random
		return p.network(faults.Fault{Cut: &faults.Cut{Answer: random.IntN(2) == 0, After: random.IntN(400), Orderly: random.IntN(2) == 0}})
	}},
	{"packets are lost", func(p *platform) func() {
		for _, proxy := range p.proxies() {
			proxy.Set(faults.Fault{Swallow: true})
		}
		return p.calm
	}},
	{"open connections go dead", func(p *platform) func() {
		for _, proxy := range p.proxies() {
			proxy.Deaden()
		}
		return nothing
	}},
	{"packets have one byte", func(p *platform) func() { return p.network(faults.Fault{Chunk: 1}) }},
	{"packets are late", func(p *platform) func() { return p.network(faults.Fault{Gather: 10 * time.Millisecond}) }},
	{"the platform closes websockets", func(p *platform) func() {
		codes := []int{1000, 1001, 1011, 1012, 4003}
		p.server().CloseConnections(codes[p.soak.random.IntN(len(codes))], "")
		return nothing
	}},
	{"the platform sends malformed messages", func(p *platform) func() {
		messages := []string{"{", "null", `{"messageType":"data-sync","data":{"eventType":"full"}}`}
		p.server().Send([]byte(messages[p.soak.random.IntN(len(messages))]))
		return nothing
	}},
	{"events are not answered", func(p *platform) func() { return p.server().Stall(ffctest.Events) }},
	{"websockets are not answered", func(p *platform) func() { return p.server().Stall(ffctest.Streaming) }},
	{"polls fail", func(p *platform) func() {
		return p.server().Fail(ffctest.Polling, ffctest.Failure{Status: 500 + p.soak.random.IntN(5)})
	}},
	{"answers to events are lost", func(p *platform) func() {
		p.server().FailNext(ffctest.Events, 3, ffctest.Failure{Reset: true, Processed: p.soak.random.IntN(2) == 0})
		return nothing
	}},
	{"a firewall answers events once", func(p *platform) func() {
		statuses := []int{401, 403, 404, 407, 421, 425, 429, 503}
		p.server().FailNext(ffctest.Events, 1, ffctest.Failure{Status: statuses[p.soak.random.IntN(len(statuses))]})
		return nothing
	}},
	{"a firewall answers data once", func(p *platform) func() {
		status := []int{401, 403, 404, 429, 503}[p.soak.random.IntN(5)]
		for _, proxy := range p.proxies() {
			proxy.Break()
		}
		p.server().FailNext(ffctest.Polling, 1, ffctest.Failure{Status: status})
		p.server().FailNext(ffctest.Streaming, 1, ffctest.Failure{Status: status})
		return nothing
	}},
	{"events that the platform cannot store", func(p *platform) func() {
		for _, c := range p.clients {
			c.poison()
		}
		return nothing
	}},
	{"a restart behind a balancer", func(p *platform) func() {
		p.restart()
		return nothing
	}},
	{"a restart", func(p *platform) func() {
		for _, proxy := range p.proxies() {
			proxy.Down()
			proxy.Break()
		}
		p.restart()
		return p.up
	}},
	{"a database is restored", func(p *platform) func() {
		return func() { p.becomes(p.backup) }
	}},
	{"a database is backed up", func(p *platform) func() {
		p.backup = p.held
		return nothing
	}},
	{"a notification is lost", func(p *platform) func() {
		return func() { // send the last change again
			d := p.held
			d.value, d.version = values[p.soak.random.IntN(len(values))], max(d.version+1, time.Now().UnixMilli())
			p.becomes(d)
		}
	}},
	{"flags are purged", func(p *platform) func() {
		return func() {
			d := p.held
			d.others = p.soak.random.IntN(others)
			p.becomes(d)
		}
	}},
	{"flags come back", func(p *platform) func() {
		for i := p.held.others; i < others; i++ {
			p.server().Put(ffctest.Flag(other(i)))
		}
		p.held.others = others
		return nothing
	}},
	{"the platform's clock is wrong", func(p *platform) func() {
		p.server().Skew(time.Duration(p.soak.random.IntN(41)-20) * time.Minute)
		p.server().DropConnections()
		return func() { p.server().Skew(0) }
	}},
}

func (p *platform) proxies() []*faults.Proxy {
	return []*faults.Proxy{p.plain.proxy, p.secured.proxy}
}

// network breaks open connections and applies a fault to new ones.
func (p *platform) network(f faults.Fault) (mend func()) {
	for _, proxy := range p.proxies() {
		proxy.Set(f)
		proxy.Break()
	}
	return p.calm
}

// calm ends all faults of the network.
func (p *platform) calm() {
	for _, proxy := range p.proxies() {
		proxy.Set(faults.Fault{})
	}
}

// up accepts connections again.
func (p *platform) up() {
	for _, proxy := range p.proxies() {
		if err := proxy.Up(); err != nil {
			panic(err) // the port is kept
		}
	}
}
