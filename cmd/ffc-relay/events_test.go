package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay/queuetest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetredis"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// queue adds a queue in memory, as the engine events.
func (w *world) queue() *queuetest.Memory {
	q := new(queuetest.Memory)
	w.app.openQueue = func(engineConfig, func() *engineConfig) (flush.Queue, func(), error) { return q, func() {}, nil }
	w.app.environ = append(w.app.environ, "FFC_RELAY_QUEUE=events", "FFC_RELAY_ENGINES_EVENTS_URL=sqs://sqs.eu-central-1.amazonaws.com/123/events")
	return q
}

// evaluate makes a client of a relay record an event for a user, and deliver it.
func (w *world) evaluate(address, key, user string) {
	w.Helper()
	client, err := ffc.New(w.Context(), ffc.Config{
		EnvSecret: key, BaseURL: "http://" + address, Transport: &poll.Transport{}, Logger: testkit.Quiet(),
	})
	if err != nil {
		w.Fatal(err)
	}
	client.IsEnabled(w.Context(), "banner", ffc.NewUser(user))
	if err := client.Close(testkit.Within(w)); err != nil {
		w.Error(err)
	}
}

// Events of a client go through the relay and the queue to the platform. Those that the
// platform rejects are dead letters, which can be shown, sent again and deleted.
func TestEventsThroughARelay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key, _ := w.serving()
	queue := w.queue()
	s := w.start("run")
	testkit.Eventually(t, "ready", func() bool { status, _ := s.get("/readyz"); return status == 200 })
	w.evaluate(s.sdks, key, "ann")
	if _, err := w.platform.WaitEvents(testkit.Within(t), 1); err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"bob", "cid"} {
		w.platform.FailNext(ffctest.Events, 1, ffctest.Failure{Status: 400})
		before := strings.Count(w.ok("events", "prod"), "responded with 400")
		w.evaluate(s.sdks, key, user)
		testkit.Eventually(t, "a dead letter", func() bool { return strings.Count(w.ok("events", "prod"), "responded with 400") > before })
	}
	_, metrics := s.get("/metrics")
	for _, line := range []string{
		`ffc_relay_events_total{result="accepted"} 3`, `ffc_relay_events_total{result="refused"} 0`,
		`ffc_relay_events_total{result="forwarded"} 1`, `ffc_relay_events_total{result="dead"} 2`, `ffc_relay_events_failing{environment="prod"} 0`,
	} {
		if !strings.Contains(metrics, "\n"+line+"\n") {
			t.Errorf("/metrics lacks %s:\n%s", line, metrics)
		}
	}
	s.end()
	list := w.ok("events", "prod")
	if strings.Contains(list, "bob") || strings.Count(list, "\n") != 3 {
		t.Errorf("the list is\n%s", list)
	}
	if revealed := w.ok("events", "-reveal", "prod"); !strings.Contains(revealed, "bob") {
		t.Errorf("-reveal shows\n%s", revealed)
	}
	if out := w.ok("events", "-delete-user", "cid", "prod"); out != "1 items deleted\n" {
		t.Errorf("-delete-user: %q", out)
	}
	if out := w.ok("events", "-resend", "prod"); out != "1 dead letters are in the queue again\n" {
		t.Errorf("-resend: %q", out)
	}
	if out := w.ok("events", "prod"); out != "no dead letters\n" {
		t.Errorf("then: %q", out)
	}
	f := w.start("forward")
	events, err := w.platform.WaitEvents(testkit.Within(t), 2)
	if err != nil || events[1].UserKey != "bob" {
		t.Errorf("%v, %v", events, err)
	}
	testkit.Eventually(t, "the queue is empty", func() bool { return len(queue.Batches()) == 0 })
	f.end()
}

// Batches that are in the queue at the start are delivered at once, not after the minute
// for which those of an unknown environment are given back. While the platform rejects the
// secret, /status says which events are not delivered, and
// metrics how many wait.
func TestEventsThatAreNotDelivered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	queue := w.queue()
	batch := flush.Batch{Environment: w.environment(), Route: "/api/public/insight/track", Body: []byte(`[{"user":{"keyId":"ann"},"variations":[]}]`), At: time.Now()}
	for _, environment := range []string{batch.Environment, "other"} {
		b := batch
		b.Environment = environment
		if err := queue.Put(w.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	w.platform.FailNext(ffctest.Events, 1, ffctest.Failure{Status: 401})
	f := w.start("forward")
	defer f.end()
	testkit.Eventually(t, "an environment fails", func() bool { e := f.status().Events; return e != nil && len(e.Failing) == 1 })
	events := f.status().Events
	if got := events.Failing[0]; events.Queue != "events" || events.Error != "" || got.Environment != "prod" || got.Until == nil || !strings.Contains(got.Error, "401") {
		t.Errorf("/status has %+v", events)
	}
	_, metrics := f.get("/metrics")
	for _, line := range []string{
		`ffc_relay_events_failing{environment="prod"} 1`,
		`ffc_relay_queue_batches{queue="events",environment="prod"} 1`, `ffc_relay_queue_batches{queue="events",environment="other"} 1`,
		fmt.Sprintf(`ffc_relay_queue_bytes{queue="events",environment="prod"} %d`, len(batch.Body)),
		`ffc_relay_queue_oldest_seconds{queue="events",environment="prod"} `,
	} {
		if !strings.Contains(metrics, "\n"+line) {
			t.Errorf("/metrics lacks %s:\n%s", line, metrics)
		}
	}
	queue.Before(func(_ context.Context, op string) error {
		if op == "Size" {
			panic("s3cret")
		}
		return nil
	})
	if _, metrics = f.get("/metrics"); !strings.Contains(metrics, "\n# The queue events does not report its size: the queue panicked with a string\n") ||
		strings.Contains(metrics, "ffc_relay_queue_bytes{") || !strings.Contains(metrics, "\nffc_relay_environments ") {
		t.Errorf("with a queue that panics /metrics has\n%s", metrics)
	}
}

// unknownSize is a queue that does not know all of its size.
type unknownSize struct{ *queuetest.Memory }

func (unknownSize) Size(context.Context) ([]flush.QueueSize, error) {
	return []flush.QueueSize{{Batches: 3, Bytes: -1}}, nil
}

// What a queue does not report has no sample.
func TestMetricsOfAQueueThatReportsBatchesOnly(t *testing.T) {
	f := newForwarding("events", unknownSize{new(queuetest.Memory)}, testkit.Quiet())
	var b strings.Builder
	f.write(t.Context(), &exposition{w: &b})
	got := b.String()
	if !strings.Contains(got, "\nffc_relay_queue_batches{queue=\"events\"} 3\n") || strings.Contains(got, "\nffc_relay_queue_bytes{") || strings.Contains(got, "\nffc_relay_queue_oldest_seconds{") {
		t.Errorf("the metrics are\n%s", got)
	}
}

// A relay without a queue accepts no events, so that they stay with the client.
func TestServeWithoutAQueue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key, _ := w.serving()
	w.ok("publish", "-once")
	s := w.start("serve")
	defer s.end()
	testkit.Eventually(t, "ready", func() bool { status, _ := s.get("/readyz"); return status == 200 })
	client, err := ffc.New(w.Context(), ffc.Config{
		EnvSecret: key, BaseURL: "http://" + s.sdks, Transport: &poll.Transport{}, Events: flush.Config{Retries: -1}, Logger: testkit.Quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	client.IsEnabled(w.Context(), "banner", ffc.NewUser("u"))
	if err := client.Flush(w.Context()); err == nil || client.Stats().Events.Queued != 1 {
		t.Errorf("%v, %+v", err, client.Stats().Events)
	}
	ended, cancel := context.WithCancel(w.Context())
	cancel()
	_ = client.Close(ended)
}

// Environments whose events cannot be delivered are reported. A reload that makes an
// environment unusable leaves its destination. At the end all engines are closed.
func TestForwardBesideUnusable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	queue := w.queue()
	var opened, closed atomic.Int32
	w.app.open = func(engineConfig, func() *engineConfig) (fleet.Backend, func(), error) {
		opened.Add(1)
		return w.engine, func() { closed.Add(1) }, nil
	}
	environment, file := w.environment(), w.write("secret", w.platform.EnvSecret)
	w.app.environ = slices.DeleteFunc(w.app.environ, func(pair string) bool { return strings.HasPrefix(pair, "FFC_RELAY_ENVIRONMENTS_PROD_SECRET=") })
	w.app.environ = append(w.app.environ, "FFC_RELAY_ENVIRONMENTS_PROD_SECRET_FILE="+file, "FFC_RELAY_ENVIRONMENTS_BAD_SECRET=x")
	put := func(user string) {
		t.Helper()
		if err := queue.Put(t.Context(), flush.Batch{
			Environment: environment, Route: "/api/public/insight/track", Body: []byte(`[{"user":{"keyId":"` + user + `"},"variations":[]}]`), At: time.Now(),
		}); err != nil {
			t.Fatal(err)
		}
		testkit.Eventually(t, "delivered", func() bool { return len(queue.Batches()) == 0 })
	}
	f := w.start("forward")
	put("ann")
	const said = `the events of the environment cannot be delivered" environment=`
	if now := f.status(); !strings.Contains(f.log.String(), said+"bad") || !strings.Contains(now.Config, "environments.bad.secret") {
		t.Errorf("/status has %+v; log:\n%s", now, f.log.String())
	}
	w.write(file, "x")
	f.hangup()
	testkit.Eventually(t, said+"prod", func() bool { return strings.Contains(f.log.String(), said+"prod") })
	put("bob")
	if closed.Load() != 0 {
		t.Error("the engine is closed while it is used")
	}
	f.end()
	if opened.Load() != 1 || closed.Load() != 1 {
		t.Errorf("the engine was opened %d times and closed %d times", opened.Load(), closed.Load())
	}
}

// A queue uses a new password, and new credentials of NATS, from the next connection on.
func TestPasswordOfAQueueChanges(t *testing.T) {
	t.Parallel()
	for _, setting := range []string{"PASSWORD", "CREDENTIALS"} {
		w := newWorld(t)
		queue := w.queue()
		var now func() *engineConfig
		w.app.openQueue = func(_ engineConfig, current func() *engineConfig) (flush.Queue, func(), error) {
			now = current
			return queue, func() {}, nil
		}
		file := w.write("file", "s3cret-1")
		w.app.environ = append(w.app.environ, "FFC_RELAY_ENGINES_EVENTS_"+setting+"_FILE="+file)
		f := w.start("forward")
		w.write(file, "s3cret-2")
		f.hangup()
		testkit.Eventually(t, "the new "+setting, func() bool { return now().password+now().credentials == "s3cret-2" })
		f.end()
	}
}

func TestQueueErrors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		environ []string
		args    []string
		want    string
	}{
		"no queue":        {nil, []string{"forward"}, "missing queue"},
		"unknown engine":  {[]string{"FFC_RELAY_QUEUE=other"}, []string{"forward"}, "unknown engine"},
		"no queue engine": {[]string{"FFC_RELAY_QUEUE=main"}, []string{"forward"}, "the engine has no queue of events"},
		"SQS for flags": {[]string{"FFC_RELAY_ENGINES_EVENTS_URL=sqs://host/1/events", "FFC_RELAY_ENVIRONMENTS_PROD_ENGINE=events"},
			[]string{"publish", "-once"}, "SQS keeps events only"},
		"setting of Redis": {[]string{"FFC_RELAY_QUEUE=events", "FFC_RELAY_ENGINES_EVENTS_URL=sqs://host/1/events", "FFC_RELAY_ENGINES_EVENTS_USER=u"},
			[]string{"forward"}, "has no effect"},
		"queue of NATS":      {[]string{"FFC_RELAY_QUEUE=events", "FFC_RELAY_ENGINES_EVENTS_URL=nats://a:4222/b.c"}, []string{"forward"}, `unusable Name "b.c_events"`},
		"no environment":     {nil, []string{"events"}, "missing environment"},
		"two options":        {nil, []string{"events", "-reveal", "-resend", "prod"}, "exclude each other"},
		"delete without IDs": {nil, []string{"events", "-delete", "prod"}, "expected one environment"},
		"resend without":     {nil, []string{"events", "-resend", "prod"}, "missing queue"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.app.environ = append(w.app.environ, test.environ...)
			if out := w.run(test.args...); out.code == 0 || !strings.Contains(out.stderr, test.want) {
				t.Errorf("exit code %d, want one with %q:\n%s", out.code, test.want, out.stderr)
			}
		})
	}
}

// doctor checks what a queue keeps, and sends no events.
func TestDoctorOfQueues(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	queue := w.queue()
	if out := w.ok("doctor", "events"); !strings.Contains(out, "ok    events events") || queue.Calls("Put")+queue.Calls("Take") != 0 {
		t.Errorf("the output is\n%s", out)
	}
	w = newWorld(t)
	w.app.environ = append(w.app.environ, "FFC_RELAY_QUEUE=main")
	if out := w.run("doctor", "main"); out.code != 1 || !strings.Contains(out.stdout, "the engine has no queue of events") {
		t.Errorf("the output is\n%s", out.stdout)
	}
	for _, test := range []struct {
		got  fleetredis.Durability
		want string
	}{
		{fleetredis.Durability{}, "does not write to a file"},
		{fleetredis.Durability{AppendOnly: true, Evicts: true}, "removes events"},
		{fleetredis.Durability{AppendOnly: true}, "only with appendfsync always"},
	} {
		if _, seen, _ := eventsDurability(test.got); !strings.Contains(seen, test.want) {
			t.Errorf("%+v: %s, want %q", test.got, seen, test.want)
		}
	}
}

// The queues of engines are opened without connecting.
func TestOpenQueue(t *testing.T) {
	t.Setenv("AWS_REGION", "eu-central-1")
	for url, want := range map[string]string{
		"sqs://sqs.eu-central-1.amazonaws.com/123456789012/events": "SQS queue events",
		"redis://flags.test:6379":                                  "queue in redis at flags.test:6379",
	} {
		q, closeIt, err := openQueue(engineConfig{name: "events", url: url}, nil)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		if got := q.(fmt.Stringer).String(); got != want {
			t.Errorf("%s is %q, want %q", url, got, want)
		}
		closeIt()
	}
	if _, _, err := openQueue(engineConfig{name: "events", url: "sqs://host"}, nil); err == nil || !strings.Contains(err.Error(), "engines.events.url") {
		t.Errorf("error %v", err)
	}
}
