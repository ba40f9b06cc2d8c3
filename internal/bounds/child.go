//go:build linux

package bounds

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// task is the work of a child process.
type task struct {
	Entry    string
	Platform string
	Server   string // the server's URL
	File     string // with the data
	Max      int64  // MaxMessage of the transport; 0 means the default
	Command  string // of the program that entryRefused runs
	Args     []string

	peak int64 // of that program
}

// outcome is the result of a task.
type outcome struct {
	Peak  int64   // VmHWM, in bytes
	CPU   float64 // seconds
	Value string
	Err   string
}

const taskVariable = "FFC_BOUNDS_TASK"

// Main runs the task in a child process, and does not return there. In any other
// process it returns at once. Every program that measures must call it first.
func Main() {
	text := os.Getenv(taskVariable)
	if text == "" {
		return
	}
	var t task
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	var out outcome
	value, err := t.do()
	out.Value = value
	if err != nil {
		out.Err = err.Error()
	}
	out.Peak, out.CPU = cmp.Or(t.peak, peak("self")), cpu()
	_ = json.NewEncoder(os.Stdout).Encode(out)
	os.Exit(0)
}

// do feeds data to a client through the entry, and evaluates the flag "probe".
func (t *task) do() (string, error) {
	switch t.Entry {
	case EntryNothing:
		return "", nil
	case entryWorker:
		work()
		os.Exit(0)
	case entryRefused:
		return "", t.refused()
	}
	imitated, err := ffctest.ParsePlatform(t.Platform)
	if err != nil {
		return "", err
	}
	cfg := ffc.Config{
		Platform:  ffc.Platform(t.Platform),
		EnvSecret: imitated.EnvSecret(),
		BaseURL:   t.Server,
		StartWait: time.Minute,
		Logger:    slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	cfg.Events.Disabled = true
	polling := &poll.Transport{Budget: time.Minute, Timeout: time.Minute, MaxMessage: t.Max}
	switch t.Entry {
	case EntryBootstrap:
		data, err := os.ReadFile(t.File)
		if err != nil {
			return "", err
		}
		cfg.Offline, cfg.EnvSecret, cfg.BaseURL, cfg.Bootstrap = true, "", "", data
	case EntryFFCTest:
		return t.serve(imitated)
	case EntryPoll:
		cfg.Transport = polling
	case EntryPollInterval:
		polling.Interval = time.Hour
		cfg.Transport = polling
	case EntryStream:
		cfg.Transport = &stream.Transport{MaxMessage: t.Max}
	case EntryStreamOnDemand:
		cfg.Transport = &stream.Transport{OnDemand: true, Budget: time.Minute, MaxMessage: t.Max}
	case EntryFallback:
		cfg.Transport = &stream.Transport{Fallback: polling, MaxMessage: t.Max}
	default:
		return "", fmt.Errorf("unknown entry %q", t.Entry)
	}
	return probe(cfg)
}

// probe returns the value of the flag "probe".
func probe(cfg ffc.Config) (string, error) {
	ctx := context.Background()
	if cfg.Transport != nil {
		cfg.StartWait = -1
	}
	client, err := ffc.New(ctx, cfg)
	if err != nil {
		return "", err
	}
	defer client.Close(ctx)
	if err := settle(client); err != nil {
		return "", err
	}
	d := client.VariationDetail(ctx, "probe", ffc.NewUser("u"), "-")
	return d.Value, nil
}

// settle waits until a client has data, or has rejected it.
func settle(client *ffc.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	told := make(chan error, 1)
	note := func(s ffc.Status) {
		var why *transport.Error
		switch {
		case s.State == ffc.StateOK:
			why = nil
		case s.Err == nil:
			return
		case errors.As(s.Err, &why) && why.Kind != transport.KindData:
			return // for the websocket, which is missing
		}
		select {
		case told <- s.Err:
		default:
		}
	}
	defer client.OnStatus(note)()
	go func() { _ = client.WaitReady(ctx) }() // makes a client on demand load data
	note(client.Status())
	select {
	case err := <-told:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// serve runs an ffctest platform with the data, as tests of applications do.
func (t *task) serve(imitated ffctest.Platform) (value string, err error) {
	data, err := os.ReadFile(t.File)
	if err != nil {
		return "", err
	}
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%v", v)
		}
	}()
	server := imitated.NewServer(data)
	server.Close()
	return "", nil
}

// refused runs a program that ends with an error, which it returns, and measures its
// memory. To the kernel a new program has had the memory of the one that starts it:
// this process has less than the program.
func (t *task) refused() error {
	var stderr bytes.Buffer
	cmd := exec.Command(t.Command, t.Args...)
	cmd.Stderr = &stderr
	err := cmd.Run()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		t.peak = int64(usage.Maxrss) << 10 // int32 on 32 bits
	}
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %.2000s", err, stderr.Bytes())
}

// peak returns the maximum memory of a process, in bytes.
func peak(pid string) int64 {
	status, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	line, _, _ := strings.Cut(after, "kB")
	kib, _ := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	return kib << 10
}

// cpu returns the processor time of this process, in seconds.
func cpu() float64 {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return float64(usage.Utime.Sec+usage.Stime.Sec) + float64(usage.Utime.Usec+usage.Stime.Usec)/1e6
}
