package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

const (
	// functionVariable makes a process of this program a function. It says where the
	// flags are.
	functionVariable = "FFC_SOAK_FUNCTION"
	// A function with 128 MB has 7 % of a core: it runs for quota in each period.
	period, quota = 20 * time.Millisecond, 1400 * time.Microsecond
)

// started is what a function has measured of its start.
type started struct {
	Took, CPU time.Duration
	Err       string
}

// runFunction returns at once unless this process is a function. A function waits
// until its input ends, starts, prints what it has measured and exits.
func runFunction() {
	kind, at, ok := strings.Cut(os.Getenv(functionVariable), " ")
	if !ok {
		return
	}
	config, err := functionConfig(kind, at)
	_, _ = os.Stdin.Read(make([]byte, 1)) // io.EOF
	time.Sleep(10 * period)               // what the process has used so far is over
	s := started{}
	if err == nil {
		s, err = startFunction(config)
	}
	if err != nil {
		s.Err = err.Error()
	}
	_ = json.NewEncoder(os.Stdout).Encode(s)
	os.Exit(0)
}

// functionConfig returns the configuration of a function with flags of an engine, or
// of a file, which is in memory then.
func functionConfig(kind, at string) (ffc.Config, error) {
	config := ffc.Config{Platform: ffc.PlatformFeatBit, Events: flush.Config{Disabled: true}, StartWait: startWait, Logger: testkit.Quiet()}
	var b fleet.Backend
	switch kind {
	case "embedded":
		snapshot, err := os.ReadFile(at)
		config.Offline, config.Bootstrap = true, snapshot
		return config, err
	case "Redis":
		b = (&redis{address: at}).backend()
	case "S3":
		b, _ = s3(at)
	default:
		return config, fmt.Errorf("unknown place of flags %q", kind)
	}
	config.Transport = &fleet.Transport{Backends: []fleet.Backend{b}, Environment: fleetkit.Environment}
	return config, nil
}

// startFunction makes a client and evaluates a flag.
func startFunction(config ffc.Config) (s started, err error) {
	cpu, at := ownTime(), time.Now()
	client, err := ffc.New(context.Background(), config)
	if err != nil {
		return s, err
	}
	d := client.BoolVariationDetail(context.Background(), "flag-0", ffc.NewUser("u"), false)
	s.Took, s.CPU = time.Since(at), ownTime()-cpu
	return s, errors.Join(d.Err, client.Close(context.Background()))
}

// ownTime returns the processor time of this process.
func ownTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // does not fail
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// loadFunctions starts functions, each in a process of its own, from an embedded
// snapshot and from engines: with a core, and with 7 % of a core.
func (s *soak) loadFunctions() (figures []figure, err error) {
	limits := []*limit{nil}
	if l, err := newLimit(); err == nil {
		defer onInterrupt.add(l.remove)()
		limits = append(limits, l)
	} else {
		fmt.Fprintln(s.out, "NO LIMIT: starts with 7 % of a core are NOT measured:", err)
	}
	dir, err := os.MkdirTemp("", "soak")
	if err != nil {
		return nil, err
	}
	defer onInterrupt.add(func() { _ = os.RemoveAll(dir) })()
	var from []*source
	for _, start := range []func() (*source, error){sourceRedis, sourceS3} {
		f, err := start()
		if err != nil {
			return nil, err
		}
		defer f.close()
		from = append(from, f)
	}
	for _, count := range []int{1000, 10_000} {
		places := []string{"embedded " + filepath.Join(dir, strconv.Itoa(count))}
		for _, f := range from {
			if err := f.publish(count); err != nil {
				return nil, err
			}
			places = append(places, f.name+" "+f.address)
		}
		if err := from[0].snapshot(strings.TrimPrefix(places[0], "embedded ")); err != nil {
			return nil, err
		}
		for _, l := range limits {
			measured, err := s.functions(places, l)
			if err != nil {
				return nil, err
			}
			figures = append(figures, figure{fmt.Sprintf("cold start of a function with %v, %d flags, median", l, count), measured})
		}
	}
	return figures, nil
}

// publish publishes a number of flags.
func (s *source) publish(count int) error {
	b, end := s.open()
	defer end()
	return publish(b, count)
}

// snapshot writes what an engine has to a file, for Config.Bootstrap.
func (s *source) snapshot(file string) error {
	b, end := s.open()
	defer end()
	client, err := reader(&fleet.Transport{Backends: []fleet.Backend{b}}, startWait)
	if err != nil {
		return err
	}
	defer client.Close(context.Background())
	var text bytes.Buffer
	return errors.Join(client.WriteSnapshot(&text), os.WriteFile(file, text.Bytes(), 0o600))
}

// functions starts functions at places, in turn.
func (s *soak) functions(places []string, l *limit) (measured string, err error) {
	took, cpu := make([][]time.Duration, len(places)), make([][]time.Duration, len(places))
	for range s.part(15) {
		for i, place := range places {
			f, err := startAt(place, l)
			if err != nil {
				return "", err
			}
			took[i], cpu[i] = append(took[i], f.Took), append(cpu[i], f.CPU)
		}
	}
	var texts []string
	for i, place := range places {
		kind, _, _ := strings.Cut(place, " ")
		text := fmt.Sprintf("%s %.1f ms", kind, milliseconds(median(took[i])))
		if i > 0 {
			text += fmt.Sprintf(" (%+.1f)", milliseconds(median(took[i])-median(took[0])))
		}
		texts = append(texts, text+fmt.Sprintf(", of which %.1f on a core", milliseconds(median(cpu[i]))))
	}
	return strings.Join(texts, "; "), nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

// startAt starts a function in a process of its own.
func startAt(place string, l *limit) (s started, err error) {
	program, err := os.Executable()
	if err != nil {
		return s, err
	}
	var out bytes.Buffer
	process := exec.Command(program)
	if realTime() { // which no limit holds
		process = exec.Command("chrt", "-o", "0", program)
	}
	process.Env = append(os.Environ(), functionVariable+"="+place)
	process.Stdout, process.Stderr = &out, os.Stderr
	begin, err := process.StdinPipe()
	if err == nil {
		err = process.Start()
	}
	if err != nil {
		return s, err
	}
	err = l.hold(process.Process.Pid)
	if err = errors.Join(err, begin.Close(), process.Wait()); err != nil {
		return s, err
	}
	if err = json.Unmarshal(out.Bytes(), &s); err == nil && s.Err != "" {
		err = fmt.Errorf("a function from %s: %s", place, s.Err)
	}
	return s, err
}

// limit is a control group of Linux whose processes have 7 % of a core. nil is no
// limit.
type limit struct{ dir string }

// newLimit makes a control group, which needs the rights of root.
func newLimit() (*limit, error) {
	const root = "/sys/fs/cgroup"
	name := fmt.Sprint("ffc-soak-", os.Getpid())
	first, second := &limit{filepath.Join(root, "cpu", name)}, &limit{filepath.Join(root, name)}
	us := func(d time.Duration) string { return strconv.FormatInt(d.Microseconds(), 10) }
	// Version 1 has a hierarchy for each resource, version 2 one for all.
	errFirst := first.set("cpu.cfs_period_us", us(period), "cpu.cfs_quota_us", us(quota))
	if errFirst == nil {
		return first, nil
	}
	errSecond := second.set("cpu.max", us(quota)+" "+us(period))
	if errSecond == nil {
		return second, nil
	}
	return nil, errors.Join(errFirst, errSecond)
}

// set makes the control group with values in its files.
func (l *limit) set(values ...string) error {
	if _, err := os.Stat(filepath.Dir(l.dir)); err != nil {
		return err
	}
	err := os.Mkdir(l.dir, 0o755)
	for i := 0; err == nil && i < len(values); i += 2 {
		var file *os.File // files of a control group exist: others must not be made
		if file, err = os.OpenFile(filepath.Join(l.dir, values[i]), os.O_WRONLY, 0); err == nil {
			_, err = file.WriteString(values[i+1])
			err = errors.Join(err, file.Close())
		}
	}
	if err != nil {
		l.remove()
	}
	return err
}

// hold puts a process into the control group.
func (l *limit) hold(pid int) error {
	if l == nil {
		return nil
	}
	return os.WriteFile(filepath.Join(l.dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0)
}

func (l *limit) remove() { _ = os.Remove(l.dir) }

// String implements fmt.Stringer.
func (l *limit) String() string {
	if l == nil {
		return "a whole core"
	}
	return fmt.Sprintf("7 %% of a core (%v in each %v)", quota, period)
}
