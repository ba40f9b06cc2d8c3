package testkit

import (
	"flag"
	"os"
	"strings"
)

// All reports whether a test that has many cases of one kind runs all of them.
// Otherwise the test selects some, for feedback in less time. All returns true if
// FFC_TEST_ALL is set, as .ci/run does, or if -run names a subtest, so that each
// case can be run alone.
func All() bool {
	run := flag.Lookup("test.run")
	return os.Getenv("FFC_TEST_ALL") != "" || run != nil && strings.Contains(run.Value.String(), "/")
}
