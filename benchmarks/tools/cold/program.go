package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// program is a cold-start program with one snapshot.
type program struct {
	name           string
	flags, size    int
	binary, source string
	runs           []measured
}

// measured is what the operating system says of one process.
type measured struct{ wallMs, cpuMs float64 }

func (p *program) command(more ...string) *exec.Cmd {
	cmd := exec.Command(p.binary, append([]string{p.source, "flag-00000"}, more...)...)
	cmd.Stderr = os.Stderr
	return cmd
}

// start runs the program once.
func (p *program) start() (measured, error) {
	cmd := p.command()
	begin := time.Now()
	err := cmd.Run()
	wall := time.Since(begin)
	if err != nil {
		return measured{}, fmt.Errorf("%s: %w", p.name, err)
	}
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return measured{wallMs: ms(wall), cpuMs: ms(cpu)}, nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// report writes the program's line.
func (p *program) report(w io.Writer) error {
	own, err := p.command("measure").Output() // peak, goroutines and heap
	if err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	_, err = fmt.Fprintf(w, "%s %d %d %s %s %s\n", p.name, p.flags, p.size,
		p.summary(func(m measured) float64 { return m.wallMs }),
		p.summary(func(m measured) float64 { return m.cpuMs }),
		strings.TrimSpace(string(own)))
	return err
}

// summary is median, smallest and largest of a figure.
func (p *program) summary(of func(measured) float64) string {
	var all []float64
	for _, m := range p.runs {
		all = append(all, of(m))
	}
	slices.Sort(all)
	return fmt.Sprintf("%.1f %.1f %.1f", (all[(len(all)-1)/2]+all[len(all)/2])/2, all[0], all[len(all)-1])
}
