package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// usage is what a redis-server has used.
type usage struct {
	cpu   time.Duration // user and system
	bytes int64         // received and sent
}

func (r *redis) usage() (u usage, err error) {
	if u.cpu, err = processorTime(r.process.Process.Pid); err != nil {
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

const (
	// timeField is where the user and the system time of a process are in what
	// statOf returns, policyField where the policy of its scheduling is.
	timeField, policyField = 11, 38
)

// statOf returns what Linux says of a process, after its name.
func statOf(pid int) (fields []string, err error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, fmt.Errorf("the processor time of a process needs Linux: %w", err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // the name may have spaces
	if fields = strings.Fields(rest); len(fields) <= policyField {
		return nil, fmt.Errorf("/proc/%d/stat has %d fields: expected more than %d", pid, len(fields), policyField)
	}
	return fields, nil
}

// realTime reports whether this program has real-time priority.
func realTime() bool {
	fields, err := statOf(os.Getpid())
	return err == nil && fields[policyField] == "2" // SCHED_RR
}

// processorTime returns the user and system time of a process.
func processorTime(pid int) (used time.Duration, err error) {
	fields, err := statOf(pid)
	if err != nil {
		return 0, err
	}
	for _, field := range fields[timeField : timeField+2] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		used += time.Duration(ticks) * 10 * time.Millisecond // of 1/100 s
	}
	return used, nil
}
