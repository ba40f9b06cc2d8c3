//go:build linux

package bounds

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime/debug"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// Worker is a process that gets one message after the other as a bootstrap, with
// a low GOMEMLIMIT, so that the memory beyond the limit is in use.
type Worker struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *json.Decoder
}

// entryWorker is the task of a worker.
const entryWorker = "worker"

// workerLimit is the GOMEMLIMIT of a worker.
const workerLimit = "16MiB"

// StartWorker starts a worker.
func StartWorker() (*Worker, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	w := &Worker{command: exec.Command(program)}
	w.command.Env = append(os.Environ(), taskVariable+`={"Entry":"`+entryWorker+`"}`, "GOGC=100", "GOMEMLIMIT="+workerLimit)
	w.command.Stderr = os.Stderr
	if w.in, err = w.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := w.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	w.out = json.NewDecoder(out)
	return w, w.command.Start()
}

// Close ends the worker.
func (w *Worker) Close() {
	_ = w.in.Close()
	_ = w.command.Process.Kill()
	_ = w.command.Wait()
}

// Take sends the worker a message of a platform. The worker evaluates its first
// flags for a user who has an attribute. Take returns the additional memory of
// the worker in bytes, and its processor time in seconds. A worker that needs
// more than a minute is killed.
func (w *Worker) Take(platform string, message []byte, attribute string) (memory int64, seconds float64, err error) {
	giveUp := time.AfterFunc(time.Minute, func() { _ = w.command.Process.Kill() })
	defer giveUp.Stop()
	for _, part := range [][]byte{[]byte(platform), message, []byte(attribute)} {
		if _, err := w.in.Write(binary.AppendUvarint(nil, uint64(len(part)))); err != nil {
			return 0, 0, err
		}
		if _, err := w.in.Write(part); err != nil {
			return 0, 0, err
		}
	}
	var out outcome
	if err := w.out.Decode(&out); err != nil {
		return 0, 0, fmt.Errorf("the worker has ended: %w", err)
	}
	return out.Peak, out.CPU, nil
}

// work is the loop of a worker. It returns when its input ends.
func work() {
	in := bufio.NewReader(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	for {
		var parts [3][]byte
		for i := range parts {
			n, err := binary.ReadUvarint(in)
			if err != nil {
				return
			}
			parts[i] = make([]byte, n)
			if _, err := io.ReadFull(in, parts[i]); err != nil {
				return
			}
		}
		debug.FreeOSMemory()
		// Reset the peak to the current memory.
		_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
		before, start := peak("self"), cpu()
		take(string(parts[0]), parts[1], string(parts[2]))
		if out.Encode(outcome{Peak: peak("self") - before, CPU: cpu() - start}) != nil {
			return
		}
	}
}

// firstFlags is the maximum number of flags of a message that a worker
// evaluates.
const firstFlags = 20

func take(platform string, message []byte, attribute string) {
	client, err := ffc.New(context.Background(), ffc.Config{
		Platform: ffc.Platform(platform), Offline: true, Bootstrap: message, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return
	}
	defer client.Close(context.Background())
	user := ffc.NewUser("u", ffc.String("a", attribute), ffc.Name(attribute))
	for i, key := range client.AllVariations(context.Background(), user).Keys() {
		if i == firstFlags {
			break
		}
		client.Variation(context.Background(), key, user, "")
	}
}
