// Package relay publishes the data of an environment from the platform to an
// engine, where the readers of package fleet get it.
//
//	publisher := &relay.Publisher{
//		Config:  ffc.Config{EnvSecret: secret},
//		Backend: fleet.Dir{Path: "/srv/flags"},
//	}
//	return publisher.Run(ctx) // until ctx ends
//
// Any number of replicas may run. One of them leads: it is connected to the
// platform, and writes. The others stand by, read the head of the environment, and
// have no connection to the platform. The engine's compare-and-swap decides who
// leads; nothing depends on the clocks of machines.
//
// A reader never goes back to older data because of a publisher: a replica that
// takes over starts with the engine's data, and needs the platform's full response
// to its own request. Responses that are older, empty or much smaller are held
// until the platform's responses agree.
//
// With an Environment people list what was published, and undo a bad flag in the
// engine even while the platform and all publishers are down. The command ffc-relay
// runs publishers and handlers, and undoes bad flags.
//
// A Handler serves environments over HTTP to server-side SDKs of both platforms, which
// use it as if it were the platform, and to readers of package fleet. Clients have
// keys, which NewKey makes and ParseKeys reads, and not the environment secret.
//
// A Forwarder delivers events to the platform that clients have put into a Queue, as
// their flush.Config.Sink.
package relay
