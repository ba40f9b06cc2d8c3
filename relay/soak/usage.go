package main

import (
	"context"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// usage is what a redis-server has used.
type usage struct {
	cpu   time.Duration // user and system
	bytes int64         // received and sent
}

func (r *redis) usage() (u usage, err error) {
	if u.cpu, err = testkit.ProcessorTime(r.process.Process.Pid); err != nil {
		return u, err
	}
	info, err := r.admin.Do(context.Background(), r.admin.B().Info().Section("stats").Build()).ToString()
	if err != nil {
		return u, err
	}
	for line := range strings.Lines(info) {
		for _, name := range []string{"total_net_input_bytes:", "total_net_output_bytes:"} {
			if number, found := strings.CutPrefix(line, name); found {
				n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
				if err != nil {
					return u, err
				}
				u.bytes += n
			}
		}
	}
	return u, nil
}

// policyField is where the policy of the scheduling of a process is in what
// testkit.ProcessStat returns.
const policyField = 38

// realTime reports whether this program has real-time priority.
func realTime() bool {
	fields, err := testkit.ProcessStat(os.Getpid())
	return err == nil && fields[policyField] == "2" // SCHED_RR
}
