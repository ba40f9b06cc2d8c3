package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// results are the figures of one run.
type results struct {
	machine string
	// benchmarks are by file, name and unit.
	benchmarks map[string]map[string]map[string][]float64
	cold, size map[string][]string // fields of a line, by its first ones
}

// read reads a folder. Missing files have no row.
func read(folder string) (*results, error) {
	r := &results{benchmarks: make(map[string]map[string]map[string][]float64)}
	for _, name := range append(rows(), "data", "events", "lambda") {
		err := eachLine(filepath.Join(folder, name+".txt"), func(fields []string) error { return r.line(name, fields) })
		if err != nil {
			return nil, err
		}
	}
	var err error
	if r.cold, err = table(filepath.Join(folder, "cold.txt"), 2); err != nil {
		return nil, err
	}
	if r.size, err = table(filepath.Join(folder, "size.txt"), 1); err != nil {
		return nil, err
	}
	return r, nil
}

// eachLine calls f with the fields of each line of a file, if there is one.
func eachLine(path string, f func(fields []string) error) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if err := f(strings.Fields(lines.Text())); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return lines.Err()
}

// line reads a line of go test -bench: a name, a count, and figures with units.
func (r *results) line(file string, fields []string) error {
	if len(fields) > 1 && fields[0] == "cpu:" {
		r.machine = strings.Join(fields[1:], " ")
	}
	if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
		return nil
	}
	name := fields[0][:max(strings.LastIndexByte(fields[0], '-'), 0)]
	if r.benchmarks[file] == nil {
		r.benchmarks[file] = make(map[string]map[string][]float64)
	}
	if r.benchmarks[file][name] == nil {
		r.benchmarks[file][name] = make(map[string][]float64)
	}
	figures := r.benchmarks[file][name]
	for i := 2; i+1 < len(fields); i += 2 {
		v, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return err
		}
		figures[fields[i+1]] = append(figures[fields[i+1]], v)
	}
	return nil
}

func table(path string, keys int) (map[string][]string, error) {
	lines := make(map[string][]string)
	err := eachLine(path, func(fields []string) error {
		if len(fields) <= keys {
			return errors.New("a line is too short")
		}
		lines[strings.Join(fields[:keys], " ")] = fields[keys:]
		return nil
	})
	return lines, err
}

// time returns the best ns/op.
func (r *results) time(file, name string) (float64, bool) { return r.best(file, name, "ns/op") }

// best returns the smallest of a figure.
func (r *results) best(file, name, unit string) (float64, bool) {
	all := r.benchmarks[file][name][unit]
	if len(all) == 0 {
		return 0, false
	}
	return slices.Min(all), true
}

// median returns the median of another figure.
func (r *results) median(file, name, unit string) (float64, bool) {
	all := slices.Sorted(slices.Values(r.benchmarks[file][name][unit]))
	if len(all) == 0 {
		return 0, false
	}
	return all[len(all)/2], true
}
