package flagkeys_test

import (
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/ffcvet/flagkeys"
)

// Each package in testdata/src has comments with what is reported in their lines,
// and which facts other packages get.
func TestAnalyzer(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), flagkeys.Analyzer,
		"getters", "wrappers", "callers", "openfeaturecode", "generated", "generatedcallers", "unknown", "contracts", "consumer", "wiring")
}
