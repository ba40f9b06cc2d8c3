package cli

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Outcome is the outcome of a check.
type Outcome string

// The outcomes.
const (
	OK      Outcome = "ok"
	Warn    Outcome = "warn" // works, but not as well as it should, or not for all
	Fail    Outcome = "fail"
	Skipped Outcome = "skip" // pointless after another failure, or there is nothing to check
)

// Check is the result of a check of a doctor.
type Check struct {
	Name    string
	Outcome Outcome
	Seen    string
	Advice  string        // what to do; may be empty
	Took    time.Duration // 0 if the check sent nothing
}

// Report collects checks. Its JSON form is the output of a doctor.
type Report struct {
	Failures int           `json:"failures"`
	Warnings int           `json:"warnings"`
	Checks   []reportCheck `json:"checks"`
}

// reportCheck is the JSON form of a Check.
type reportCheck struct {
	Name    string  `json:"name"`
	Outcome Outcome `json:"outcome"`
	Seen    string  `json:"seen"`
	Advice  string  `json:"advice,omitempty"`
	Took    float64 `json:"ms"`
}

// NewReport returns a report without checks.
func NewReport() *Report { return &Report{Checks: []reportCheck{}} }

// Add adds a check.
func (r *Report) Add(k Check) {
	r.Checks = append(r.Checks, reportCheck{k.Name, k.Outcome, k.Seen, k.Advice, math.Round(milliseconds(k.Took)*10) / 10})
	switch k.Outcome {
	case Fail:
		r.Failures++
	case Warn:
		r.Warnings++
	}
}

// Conclude prints the end of a report, or all of it as JSON. The error is a Failure
// without a text if a check failed.
func (r *Report) Conclude(c *Console, asJSON bool) (err error) {
	if asJSON {
		err = c.PrintJSON(r)
	} else {
		err = c.Print("\n" + r.String())
	}
	if err == nil && r.Failures > 0 {
		err = &Failure{Code: ExitFailed}
	}
	return err
}

// String implements fmt.Stringer.
func (r *Report) String() string {
	switch {
	case r.Failures > 0 && r.Warnings > 0:
		return fmt.Sprintf("%s and %s.\n", Count(r.Failures, "failure"), Count(r.Warnings, "warning"))
	case r.Failures > 0:
		return fmt.Sprintf("%s.\n", Count(r.Failures, "failure"))
	case r.Warnings > 0:
		return fmt.Sprintf("No failure, %s.\n", Count(r.Warnings, "warning"))
	}
	return "No problem found.\n"
}

// Check returns the text of a check. Names have a column of this width.
func (c *Console) Check(k Check, width int) string {
	colour := map[Outcome]string{OK: Green, Warn: Yellow, Fail: Red, Skipped: Faint}[k.Outcome]
	text := c.Paint(colour, fmt.Sprintf("%-4s", k.Outcome)) + fmt.Sprintf("  %-*s  %s", width, k.Name, k.Seen)
	if k.Took > 0 {
		text += c.Paint(Faint, " ("+duration(k.Took)+")")
	}
	if k.Advice != "" {
		text += "\n" + strings.Repeat(" ", width+8) + strings.TrimSpace(c.Paint(Yellow, "do:")+" "+k.Advice)
	}
	return text + "\n"
}

// duration returns a duration with two or three digits.
func duration(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", milliseconds(d))
	case d < time.Second:
		return fmt.Sprintf("%.0f ms", milliseconds(d))
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// Count returns a number of things in words: 1 flag, 2 flags.
func Count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
