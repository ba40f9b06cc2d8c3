package testkit

import (
	"flag"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"
)

// Main runs the tests of a package, for TestMain, and exits. It collects garbage less
// often: tests that allocate much would spend up to a third of their time on that.
//
// parallel is how many parallel tests run at once, unless -parallel is set or there
// are more processors. Where tests mostly wait, it is more than there are processors.
func Main(m *testing.M, parallel int) {
	flag.Parse()
	if flag.Lookup("test.bench").Value.String() == "" { // benchmarks have the settings of applications
		debug.SetGCPercent(400)
	}
	set := false
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == "test.parallel" })
	if !set {
		_ = flag.Set("test.parallel", strconv.Itoa(max(runtime.GOMAXPROCS(0), parallel)))
	}
	os.Exit(m.Run())
}
