// Package ffctest is a feature-flag platform inside the test process, with
// readable builders for the flags and segments it serves.
//
// A [Server] implements the platform's protocol on a loopback port: it pushes flags
// over a websocket, serves them to polling clients, accepts events, and checks
// tokens, secrets and bodies as strictly as the platform. It also fails on demand,
// to test code against outages: see FailNext, Fail and Stall, and for the websocket
// RejectUpgrade, DropConnections and CloseConnections.
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
// A client with &poll.Transport{} works as well. As on the platform, polling does
// not return segments: flags that use segments need a websocket.
//
// The functions of this package imitate featureflag.co; the methods of [FeatBit]
// imitate FeatBit. The builders are the same for both platforms, the JSON is not.
// FeatBit has no prerequisites, and polling has segments there.
//
//	srv := ffctest.FeatBit.NewServer(ffctest.FeatBit.Snapshot(ffctest.Flag("checkout")))
//
// Code that only evaluates flags needs no server: pass [Snapshot] to an offline
// client.
//
//	cfg := ffc.Config{Offline: true, Bootstrap: ffctest.Snapshot(ffctest.Flag("checkout").Off())}
//
// NewHandler makes a server for the caller's own listener, with limits for servers
// that run for a long time:
//
//	handler, err := ffctest.NewHandler(ffctest.HandlerConfig{Keep: 1000})
//	defer handler.Close()
//	mux.Handle("/", handler)
//
// Mistakes in the test itself, such as a variation that the flag does not have,
// panic with a message that begins with "ffctest: ".
//
// Caveats: A server is one environment. It implements only the protocol of
// server-side SDKs, so a websocket of type client gets no flags. It keeps requests
// and events in memory, unless HandlerConfig.Keep limits them.
package ffctest
