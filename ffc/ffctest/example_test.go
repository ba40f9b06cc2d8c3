package ffctest_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// quiet keeps logs out of the output of tests.
var quiet = slog.New(slog.DiscardHandler)

// A server behind a listener of the test's own, here one with TLS.
func ExampleNewHandler() {
	handler, err := ffctest.NewHandler(ffctest.HandlerConfig{
		Data: ffctest.Snapshot(ffctest.Flag("checkout").Variations("red", "blue")),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer handler.Close()
	host := httptest.NewTLSServer(handler)
	defer host.Close()

	ctx := context.Background()
	client, err := ffc.New(ctx, ffc.Config{
		EnvSecret:  handler.EnvSecret,
		BaseURL:    host.URL,
		Transport:  &stream.Transport{},
		HTTPClient: host.Client(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(ctx)
	fmt.Println(client.Variation(ctx, "checkout", ffc.NewUser("u1"), "none"), len(handler.Peers()))
	// Output: red 1
}

// A platform for one test, a client of it, and what the platform received.
func ExampleNewServer() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	srv := ffctest.NewServer(ffctest.Snapshot(
		ffctest.Flag("checkout").Variations("red", "blue").Target("blue", "u1"),
	))
	defer srv.Close()
	client, err := ffc.New(ctx, ffc.Config{
		EnvSecret: srv.EnvSecret,
		BaseURL:   srv.URL,
		Transport: &stream.Transport{},
		Logger:    quiet,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(ctx)

	// The code under test.
	user := ffc.NewUser("u1")
	fmt.Println(client.Variation(ctx, "checkout", user, "red"))
	_ = client.TrackMetric(ctx, user, "purchase", 19.9)

	if err := client.Flush(ctx); err != nil {
		fmt.Println(err)
	}
	for _, e := range srv.Events() {
		fmt.Println(e.UserKey, e.FlagKey, e.Value, e.Metric, e.MetricValue)
	}
	// Output:
	// blue
	// u1 checkout blue  0
	// u1   purchase 19.9
}

// The same on FeatBit: the client tells the platform by the secret.
func ExamplePlatform_NewServer() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	srv := ffctest.FeatBit.NewServer(nil)
	defer srv.Close()
	srv.Put(ffctest.Flag("checkout").Variations("red", "blue").Target("blue", "u1"))
	client, err := ffc.New(ctx, ffc.Config{
		EnvSecret: srv.EnvSecret,
		BaseURL:   srv.URL,
		Transport: &stream.Transport{},
		Logger:    quiet,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(ctx)
	fmt.Println(client.Variation(ctx, "checkout", ffc.NewUser("u1"), "red"))
	// Output: blue
}

// A flag that changes while the client runs.
func ExampleServer_WaitSynced() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	checkout := ffctest.Flag("checkout").Variations("red", "blue")
	srv := ffctest.NewServer(ffctest.Snapshot(checkout))
	defer srv.Close()
	client, err := ffc.New(ctx, ffc.Config{
		EnvSecret: srv.EnvSecret,
		BaseURL:   srv.URL,
		Transport: &stream.Transport{},
		Logger:    quiet,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(ctx)

	user := ffc.NewUser("u1")
	fmt.Println(client.Variation(ctx, "checkout", user, "none"))
	srv.Put(checkout.Serve("blue"))
	if err := srv.WaitSynced(ctx, client); err != nil {
		fmt.Println(err)
	}
	fmt.Println(client.Variation(ctx, "checkout", user, "none"))
	srv.Archive("checkout")
	if err := srv.WaitSynced(ctx, client); err != nil {
		fmt.Println(err)
	}
	fmt.Println(client.Variation(ctx, "checkout", user, "none"))
	// Output:
	// red
	// blue
	// none
}

// An outage: the code under test goes on, and no event is lost.
func ExampleServer_Fail() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	srv := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("checkout").Variations("red", "blue")))
	defer srv.Close()
	client, err := ffc.New(ctx, ffc.Config{
		EnvSecret: srv.EnvSecret,
		BaseURL:   srv.URL,
		Transport: &stream.Transport{},
		Logger:    quiet,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(ctx)

	stop := srv.Fail(ffctest.Events, ffctest.Failure{Status: 503})
	srv.RejectUpgrade(503)
	srv.DropConnections()
	fmt.Println(client.Variation(ctx, "checkout", ffc.NewUser("u1"), "none"))
	fmt.Println(client.Flush(ctx) != nil, len(srv.Events()))

	stop()
	srv.RejectUpgrade(0)
	fmt.Println(client.Flush(ctx), len(srv.Events()))
	// Output:
	// red
	// true 0
	// <nil> 1
}

// Half of the users get blue, but all adults in France or Belgium do, and so
// does u1.
func ExampleFlag() {
	checkout := ffctest.Flag("checkout").
		Variations("red", "blue").
		Target("blue", "u1").
		Rule("blue", ffctest.Attr("country").IsOneOf("FR", "BE"), ffctest.Attr("age").AtLeast("18")).
		Rollout(50, 50)
	client, err := ffc.New(context.Background(), ffc.Config{Offline: true, Bootstrap: ffctest.Snapshot(checkout)})
	if err != nil {
		fmt.Println(err)
		return
	}
	d := client.VariationDetail(context.Background(), "checkout", ffc.NewUser("u2", ffc.Country("BE"), ffc.Int("age", 30)), "none")
	fmt.Println(d.Value, "because of", d.Reason)
	// Output: blue because of rule match
}

// Data for an offline client.
func ExampleSnapshot() {
	testers := ffctest.Segment("testers").Include("u1").Rule(ffctest.Attr("email").EndsWith("@example.com"))
	client, err := ffc.New(context.Background(), ffc.Config{
		Offline: true,
		Bootstrap: ffctest.Snapshot(
			testers,
			ffctest.Flag("beta").Rule("true", ffctest.InSegment("testers")).Serve("false"),
		),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, user := range []ffc.User{ffc.NewUser("u1"), ffc.NewUser("u2", ffc.Email("x@example.com")), ffc.NewUser("u3")} {
		fmt.Println(user.Key(), client.IsEnabled(context.Background(), "beta", user))
	}
	// Output:
	// u1 true
	// u2 true
	// u3 false
}

// Users of a segment, but not those of another one.
func ExampleSegment() {
	items := []ffctest.Item{
		ffctest.Segment("staff").Rule(ffctest.Attr("email").EndsWith("@example.com")).Exclude("intern"),
		ffctest.Segment("contractors").Include("u3"),
		ffctest.Flag("beta").
			Rule("true", ffctest.InSegment("staff"), ffctest.NotInSegment("contractors")).
			Serve("false"),
	}
	client, err := ffc.New(context.Background(), ffc.Config{Offline: true, Bootstrap: ffctest.Snapshot(items...)})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, key := range []string{"u1", "intern", "u3"} {
		user := ffc.NewUser(key, ffc.Email(key+"@example.com"))
		fmt.Println(key, client.IsEnabled(context.Background(), "beta", user))
	}
	// Output:
	// u1 true
	// intern false
	// u3 false
}

// Conditions on attributes; those of one rule must all match.
func ExampleAttr() {
	adults := ffctest.Attr("age").AtLeast("18")
	abroad := ffctest.Attr("country").NotOneOf("FR", "BE")
	flag := ffctest.Flag("tax").Variations("export", "home").Rule("export", adults, abroad).Serve("home")
	client, err := ffc.New(context.Background(), ffc.Config{Offline: true, Bootstrap: ffctest.Snapshot(flag)})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(client.Variation(context.Background(), "tax", ffc.NewUser("u1", ffc.Country("NZ"), ffc.Int("age", 40)), ""))
	fmt.Println(client.Variation(context.Background(), "tax", ffc.NewUser("u2", ffc.Country("NZ"), ffc.Int("age", 9)), ""))
	// Output:
	// export
	// home
}

// The same test on both platforms.
func ExamplePlatform() {
	for _, platform := range []ffctest.Platform{ffctest.Classic, ffctest.FeatBit} {
		client, err := ffc.New(context.Background(), ffc.Config{
			Offline:   true,
			Bootstrap: platform.Snapshot(ffctest.Flag("a")),
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(platform, client.IsEnabled(context.Background(), "a", ffc.NewUser("u1")))
	}
	// Output:
	// classic true
	// featbit true
}

// The platform of a setting, such as an environment variable of CI.
func ExampleParsePlatform() {
	platform, err := ffctest.ParsePlatform("featbit")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(platform == ffctest.FeatBit)
	_, err = ffctest.ParsePlatform("other")
	fmt.Println(err)
	// Output:
	// true
	// ffctest: unknown platform "other": expected classic or featbit
}
