package testkit

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// ProcessStat returns what Linux reports of a process in /proc/PID/stat: the fields
// after the name of the process.
func ProcessStat(pid int) (fields []string, err error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, fmt.Errorf("the state of a process needs Linux: %w", err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // the name may have spaces
	if fields = strings.Fields(rest); len(fields) < statFields {
		return nil, fmt.Errorf("/proc/%d/stat has %d fields: expected at least %d", pid, len(fields), statFields)
	}
	return fields, nil
}

const (
	// statFields is the least number of fields that ProcessStat returns.
	statFields = 40
	// timeField is where the user time of a process is, before the system time.
	timeField = 11
	// tick is the unit of times in /proc, which is the same on all of Go's platforms.
	tick = time.Second / 100
)

// ProcessorTime returns the user and system time of a process on Linux, to 10 ms.
func ProcessorTime(pid int) (used time.Duration, err error) {
	fields, err := ProcessStat(pid)
	if err != nil {
		return 0, err
	}
	for _, field := range fields[timeField : timeField+2] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		used += time.Duration(ticks) * tick
	}
	return used, nil
}
