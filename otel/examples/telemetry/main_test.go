package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
)

var update = flag.Bool("update", false, "rewrite the golden file")

// changing are the values that differ from run to run, and what stands for them.
var changing = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`"(TraceID|SpanID)": "[0-9a-f]*[1-9a-f][0-9a-f]*"`), `"$1": "some ID"`},
	{regexp.MustCompile(`"Value": \d+(\.\d+e-\d+|e-\d+|\.\d+)`), `"Value": "some seconds"`},
}

// sorted returns the documents that the exporters printed with the data points of each
// metric in one order. The SDK has them in none.
func sorted(t *testing.T, printed []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetIndent("", "\t")
	decoder := json.NewDecoder(bytes.NewReader(printed))
	for decoder.More() {
		var document any
		if err := decoder.Decode(&document); err != nil {
			t.Fatal(err)
		}
		sortPoints(document)
		if err := encoder.Encode(document); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

func sortPoints(value any) {
	switch v := value.(type) {
	case []any:
		for _, element := range v {
			sortPoints(element)
		}
	case map[string]any:
		for name, element := range v {
			if points, ok := element.([]any); ok && name == "DataPoints" {
				slices.SortFunc(points, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
			}
			sortPoints(element)
		}
	}
}

// TestRun compares all that is printed with testdata/output.txt. go test -update
// rewrites the file; read the difference.
func TestRun(t *testing.T) {
	t.Parallel()
	server := platforms.NewServer(t, ffctest.Classic, flags()...)
	var out bytes.Buffer
	if err := run(testkit.Within(t), &out, server); err != nil {
		t.Fatal(err)
	}
	got := sorted(t, out.Bytes())
	for _, c := range changing {
		got = c.pattern.ReplaceAll(got, []byte(c.with))
	}
	const golden = "testdata/output.txt"
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("printed\n%s\nwant\n%s", got, want)
	}
}
