package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
)

// flagReads are the places where code reads flags.
type flagReads struct {
	places  map[string][]place // by flag key
	unknown []unknownRead
}

// unknownRead is a place where the key of the flag cannot be known.
type unknownRead struct {
	place
	why string
}

// place is a line of code.
type place struct {
	file string
	line int
}

// String implements fmt.Stringer.
func (p place) String() string { return p.file + ":" + strconv.Itoa(p.line) }

// MarshalText implements encoding.TextMarshaler.
func (p place) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.file, q.file), cmp.Compare(p.line, q.line))
}

const installVet = "go install github.com/feature-flags-co/ffc-server-go-sdk/cmd/ffcvet@latest"

// runVet returns the output of ffcvet for a pattern of packages. A pattern that is a
// path may lead into another module.
func runVet(ctx context.Context, program, pattern string) ([]byte, error) {
	// A path of the program is relative to this folder, not to that of the pattern.
	path, err := exec.LookPath(program)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return nil, cli.NoDataError("cannot run ffcvet: %v\nInstall it with \"%s\", or name it with -ffcvet PATH.", err, installVet)
	}
	dir, packages := "", pattern
	if strings.HasPrefix(pattern, ".") || filepath.IsAbs(pattern) {
		if base, recursive := strings.CutSuffix(filepath.ToSlash(pattern), "/..."); recursive {
			dir, packages = filepath.FromSlash(cmp.Or(base, "/")), "./..."
		} else {
			dir, packages = pattern, "."
		}
		if !isDirectory(dir) {
			return nil, cli.NoDataError("-dir %s: there is no directory %s: expected one with Go packages", pattern, dir)
		}
	} else if base := strings.TrimSuffix(pattern, "/..."); isDirectory(base) && !strings.Contains(base, ".") {
		return nil, cli.NoDataError("-dir %s: that is the path of packages of the standard library: use -dir ./%[1]s for the directory", pattern)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, path, "-json", "-test=false", "--", packages)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
	cmd.WaitDelay = time.Second // the go command that ffcvet runs may hold the pipes
	if err := cmd.Run(); err != nil {
		text := fmt.Sprintf("ffcvet failed for %s: %v\n%s", pattern, err, bytes.TrimSpace(stderr.Bytes()))
		if !inModule(dir) {
			text += "\nThere is no go.mod in this directory or above: name a directory of the module with -dir."
		}
		return nil, cli.NoDataError("%s", strings.Replace(text, "\n\n", "\n", 1))
	}
	return stdout.Bytes(), nil
}

func isDirectory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// inModule reports whether a directory, "" for this one, is in a Go module.
func inModule(dir string) bool {
	dir, err := filepath.Abs(dir)
	for err == nil {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return false
		}
		dir = parent
	}
	return true // unknown
}

// diagnostic is the JSON of what ffcvet reports about a place.
type diagnostic struct {
	Category, Posn, Message string
}

// add adds the JSON output of ffcvet, or of go vet with ffcvet, which has a value for
// each package.
func (r *flagReads) add(name string, output []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(output))
	for {
		var packages map[string]map[string]json.RawMessage
		if err := decoder.Decode(&packages); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("%s: invalid output of ffcvet: %w: expected that of \"ffcvet -json\" or \"go vet -vettool=ffcvet -json\"", name, err)
		}
		for pkg, analyzers := range packages {
			var list []diagnostic
			if raw := analyzers["ffcvet"]; raw != nil && json.Unmarshal(raw, &list) != nil {
				return fmt.Errorf("%s: ffcvet reports an error for package %s: %s", name, pkg, raw)
			}
			for _, d := range list {
				if err := r.addDiagnostic(d); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
		}
	}
}

func (r *flagReads) addDiagnostic(d diagnostic) error {
	at, err := parsePlace(d.Posn)
	if err != nil {
		return err
	}
	switch d.Category {
	case "read":
		quoted, ok := strings.CutPrefix(d.Message, "reads flag ")
		key, err := strconv.Unquote(quoted)
		if !ok || err != nil {
			return fmt.Errorf("invalid message %q of ffcvet: expected reads flag \"KEY\"", d.Message)
		}
		r.places[key] = append(r.places[key], at)
	case "unknown":
		r.unknown = append(r.unknown, unknownRead{at, strings.TrimPrefix(d.Message, "flag key cannot be known: ")})
	default:
		return fmt.Errorf("unknown category %q of ffcvet: its version does not fit that of ffc", d.Category)
	}
	return nil
}

// vetPosition is a position of ffcvet.
var vetPosition = regexp.MustCompile(`^(.+):(\d{1,9}):\d+$`)

// parsePlace parses FILE:LINE:COLUMN. The path becomes relative to this folder if
// that is shorter.
func parsePlace(posn string) (place, error) {
	parts := vetPosition.FindStringSubmatch(posn)
	if parts == nil {
		return place{}, fmt.Errorf("invalid position %q of ffcvet: expected FILE:LINE:COLUMN", posn)
	}
	p := place{file: parts[1]}
	p.line, _ = strconv.Atoi(parts[2]) // cannot fail: it has at most 9 digits
	if here, err := os.Getwd(); err == nil {
		if relative, err := filepath.Rel(here, p.file); err == nil && len(relative) < len(p.file) {
			p.file = filepath.ToSlash(relative)
		}
	}
	return p, nil
}

// sort orders the places and removes repeated ones: several builds of a package have
// the same places, and a line may read a flag twice.
func (r *flagReads) sort() {
	for key, places := range r.places {
		slices.SortFunc(places, place.compare)
		r.places[key] = slices.Compact(places)
	}
	slices.SortFunc(r.unknown, func(a, b unknownRead) int { return cmp.Or(a.compare(b.place), cmp.Compare(a.why, b.why)) })
	r.unknown = slices.Compact(r.unknown)
}
