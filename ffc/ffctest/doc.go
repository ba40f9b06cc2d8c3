// Package ffctest is a feature-flag platform inside the test process, with
// readable builders for the flags and segments it serves.
//
// A [Server] speaks the platform's protocol on a loopback port: it pushes flags
// over a websocket, hands them out to requests, takes events, and is as strict
// about tokens, secrets and bodies as the real one. It also breaks on request,
// so that code can be tested against outages: see FailNext, Fail and Stall, and
// for the websocket RejectUpgrade, DropConnections and CloseConnections.
//
//	srv := ffctest.NewServer(nil)
//	defer srv.Close()
//	srv.Put(ffctest.Flag("checkout").Variations("red", "blue").
//		Target("blue", "u1").
//		Rule("blue", ffctest.Attr("country").IsOneOf("FR", "BE")).
//		Rollout(50, 50))
//
//	client, err := ffc.New(ctx, ffc.Config{
//		EnvSecret: srv.EnvSecret,
//		BaseURL:   srv.URL,
//		Transport: &stream.Transport{},
//	})
//	// ... run the code under test, then:
//	events, err := srv.WaitEvents(ctx, 1)
//	// ... change a flag and wait until the client has it:
//	srv.Put(ffctest.Flag("checkout").Off())
//	err = srv.WaitSynced(ctx, client)
//
// A client with &poll.Transport{} works as well. Like the platform's, the answers
// to it have no segments: flags that use segments need a websocket.
//
// The functions of this package imitate featureflag.co; the methods of [FeatBit]
// imitate FeatBit. The builders are the same for both platforms, the JSON is not.
// FeatBit has no prerequisites, and polling has segments there.
//
//	srv := ffctest.FeatBit.NewServer(ffctest.FeatBit.Snapshot(ffctest.Flag("checkout")))
//
// Code that only reads flags needs no server: give [Snapshot] to an offline
// client.
//
//	cfg := ffc.Config{Offline: true, Bootstrap: ffctest.Snapshot(ffctest.Flag("checkout").Off())}
//
// NewHandler makes a server for a listener of the caller's own, with bounds for
// what runs for long:
//
//	handler, err := ffctest.NewHandler(ffctest.HandlerConfig{Keep: 1000})
//	defer handler.Close()
//	mux.Handle("/", handler)
//
// Mistakes in the test itself, such as a variation that the flag does not have,
// panic with a message that begins with "ffctest: ".
//
// Caveats: one server is one environment; only what server-side SDKs use is
// imitated, so a socket of type client gets no flags; captured requests and
// events stay in memory until the server is garbage, unless HandlerConfig says
// how many are kept.
package ffctest
