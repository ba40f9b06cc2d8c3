package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
)

// valueOf is the value of the first flag in a table.
func valueOf(table string) string {
	lines := strings.Split(table, "\n")
	if len(lines) < 2 {
		return ""
	}
	fields := strings.Fields(lines[1])
	if len(fields) < 2 {
		return ""
	}
	return fields[1]
}

// TestEvalAll: the values of all flags, from a file and from the platform.
func TestEvalAll(t *testing.T) {
	const want = `FLAG      VALUE   REASON
banner    winter  rule match
checkout  red     fall through all rules
`
	platforms.Each(t, func(t *testing.T, p ffctest.Platform) {
		s := platforms.NewServer(t, p, shop()...)
		file := write(t, "flags.json", "\ufeff"+string(s.Snapshot()))
		bare(t, "eval", "-file", file, "-all", "-user", "tester-1").is(t, outcome{stdout: want})
		invocation{stdin: string(s.Snapshot())}.run(t, "eval", "-file", "-", "-user", "tester-1", "-all").is(t, outcome{stdout: want})
		at(t, s, "eval", "-all", "-user", "tester-1").is(t, outcome{stdout: want})
		if n := len(s.Requests(ffctest.Events)); n != 0 {
			t.Errorf("%d requests with events", n)
		}
		noneConnected(t, s)
		empty := write(t, "empty.json", string(p.Snapshot()))
		bare(t, "eval", "-file", empty, "-all", "-user", "u1").is(t, outcome{stdout: "The environment has no flags.\n"})
	})
}

// TestEval: the value and the way to it, the same from a file and from the
// platform.
func TestEval(t *testing.T) {
	const want = `checkout = "blue" (rule match)
  targets: the user is not listed
  rule 1: matches
    country IsOneOf ["FR","BE"]: yes, the user has "BE"
    everybody -> "blue"
  counts in experiments
`
	platforms.Each(t, func(t *testing.T, p ffctest.Platform) {
		s := platforms.NewServer(t, p, shop()...)
		at(t, s, "eval", "-user", "u2", "-attr", "country=BE", "checkout").is(t, outcome{stdout: want})
		at(t, s, "eval", "-user-json", `{"key":"u2","country":"BE"}`, "checkout").is(t, outcome{stdout: want})
		file := write(t, "flags.json", string(s.Snapshot()))
		bare(t, "eval", "checkout", "-user=u2", "-attr=country=BE", "-file="+file).is(t, outcome{stdout: want})
		if n := len(s.Requests(ffctest.Events)); n != 0 {
			t.Errorf("%d requests with events", n)
		}
	})
}

// TestEvalOddValues: values that would break a table are quoted.
func TestEvalOddValues(t *testing.T) {
	file := write(t, "flags.json", string(ffctest.Snapshot(
		ffctest.Flag("empty").Variations("", "x"),
		ffctest.Flag("lines").Variations("{\n\t\x1b[31m}", "x"),
		ffctest.Flag("words").Variations("two words", "x"),
	)))
	const want = `FLAG   VALUE             REASON
empty  ""                fall through all rules
lines  "{\n\t\x1b[31m}"  fall through all rules
words  two words         fall through all rules
`
	bare(t, "eval", "-file", file, "-all", "-user", "u1").is(t, outcome{stdout: want})
}

// TestEvalMalformed: one flag that cannot be evaluated is told, and the others
// are not affected.
func TestEvalMalformed(t *testing.T) {
	file := write(t, "flags.json", `{"messageType":"data-sync","data":{"eventType":"full","featureFlags":[
		{"id":"FF__11__22__33__bad","timestamp":1,"ff":{"id":"FF__11__22__33__bad","keyName":"bad","status":7}}]}}`)
	out := bare(t, "eval", "-file", file, "-all", "-user", "u1")
	if out.code != cli.ExitFailed || out.stdout != "FLAG  VALUE  REASON\nbad   -      error in evaluation\n" ||
		!strings.HasPrefix(out.stderr, "ffc: warning: \"bad\": the flag cannot be evaluated: ") {
		t.Errorf("%+v", out)
	}
	out = bare(t, "eval", "-file", file, "-user", "u1", "bad")
	if out.code != cli.ExitFailed || !strings.HasPrefix(out.stdout, "bad: no value (error in evaluation)\n") || out.stderr != "" {
		t.Errorf("%+v", out)
	}
	for _, args := range [][]string{{"-all"}, {"bad"}} {
		out := bare(t, append([]string{"eval", "-file", file, "-user", "u1", "-json"}, args...)...)
		if out.code != cli.ExitFailed || !json.Valid([]byte(out.stdout)) || !strings.Contains(out.stdout, `"error": "`) || out.stderr != "" {
			t.Errorf("%v: %+v", args, out)
		}
	}
}

// explained is the JSON of an explanation, as far as these tests look.
type explained struct {
	FlagKey, Value, Reason, Error string
}

func TestEvalJSON(t *testing.T) {
	platforms.Each(t, func(t *testing.T, p ffctest.Platform) {
		s := platforms.NewServer(t, p, shop()...)
		var one explained
		out := at(t, s, "eval", "checkout", "-user", "u1", "--json") // options may follow
		if err := json.Unmarshal([]byte(out.stdout), &one); err != nil || out.code != 0 || out.stderr != "" {
			t.Fatalf("%+v: %v", out, err)
		}
		if want := (explained{FlagKey: "checkout", Value: "blue", Reason: "target match"}); one != want {
			t.Errorf("got %+v, want %+v", one, want)
		}
		var all []explained
		out = at(t, s, "eval", "-all", "-user", "u1", "-json")
		if err := json.Unmarshal([]byte(out.stdout), &all); err != nil || len(all) != 2 || all[1] != one {
			t.Errorf("%+v: %v", out, err)
		}
		var none []explained
		out = bare(t, "eval", "-file", write(t, "empty.json", string(p.Snapshot())), "-all", "-user", "u1", "-json")
		if err := json.Unmarshal([]byte(out.stdout), &none); err != nil || none == nil || len(none) != 0 {
			t.Errorf("%+v: %v", out, err)
		}
	})
}

// TestEvalUnknownFlag: the keys that may have been meant are named, with JSON
// as well.
func TestEvalUnknownFlag(t *testing.T) {
	platforms.Each(t, func(t *testing.T, p ffctest.Platform) {
		s := platforms.NewServer(t, p, shop()...)
		const want = "ffc: the environment has no flag \"chekout\": did you mean \"checkout\"?\n"
		at(t, s, "eval", "-user", "u1", "chekout").is(t, outcome{code: cli.ExitFailed, stderr: want})
		at(t, s, "eval", "-user", "u1", "--", "-x").is(t, outcome{code: cli.ExitFailed, stderr: "ffc: the environment has no flag \"-x\"\n"})
		out := at(t, s, "eval", "-user", "u1", "-json", "chekout")
		var got explained
		if err := json.Unmarshal([]byte(out.stdout), &got); err != nil || got.Reason != "flag not found" || out.code != cli.ExitFailed || out.stderr != want {
			t.Errorf("%+v: %v", out, err)
		}
	})
}

func TestEvalUsage(t *testing.T) {
	const run = "Run \"ffc help eval\" for usage.\n"
	for want, args := range map[string][]string{
		"missing flag key: pass one, or use -all":                                                          {"-user", "u1"},
		"-all and the flag key \"checkout\" exclude each other":                                            {"-all", "checkout"},
		"too many flag keys: expected one, got a, b":                                                       {"-user", "u", "a", "b"},
		"-file and -url exclude each other: the data comes from the file or from the platform":             {"-user", "u", "-file", "x", "-url", "http://x", "a"},
		"-file and -poll exclude each other: the data comes from the file or from the platform":            {"-user", "u", "-file", "x", "-poll", "a"},
		"missing secret: set FFC_ENV_SECRET or use -secret-file FILE, or read a flag file with -file FILE": {"-user", "u", "a"},
		"unknown option -usr: did you mean \"-user\"?":                                                     {"-usr", "u", "a"},
	} {
		bare(t, append([]string{"eval"}, args...)...).is(t, outcome{code: cli.ExitUsage, stderr: "ffc: eval: " + want + "\n" + run})
	}
}

// TestEvalFlagFile: files of ffc serve do as well as snapshots, for either
// platform.
func TestEvalFlagFile(t *testing.T) {
	path := write(t, "flags.json", `{"flags":{"a":{"variations":["x","y"],"targets":{"y":["ann"]}}}}`)
	for _, platform := range []string{"classic", "featbit"} {
		out := bare(t, "eval", "-platform", platform, "-user", "ann", "-file", path, "a")
		if out.code != 0 || !strings.HasPrefix(out.stdout, `a = "y" (target match)`) {
			t.Errorf("%s: got %d %s%s", platform, out.code, out.stdout, out.stderr)
		}
	}
}

// TestEvalFile: what is wrong with a file is said, and where.
func TestEvalFile(t *testing.T) {
	for content, want := range map[string]string{
		"":                             "PATH is empty: expected a flag file, or a snapshot from ffc snapshot",
		" \n":                          "PATH is empty: expected a flag file, or a snapshot from ffc snapshot",
		"{\n  \"data\": [1,\n  }":      "PATH:3:3: expected a value, got '}'",
		"{\n  \"é\": \"ü\" x}":         "PATH:2:12: expected a comma or }, got 'x'",
		"{\"data\":":                   `PATH:1:9: expected a value for "data", got the end of the file`,
		"[]":                           "PATH is invalid: the message is a JSON array: expected an object with featureFlags, as the platform sends and ffc snapshot writes",
		"{\"data\":{}}":                "PATH is invalid: the message has neither featureFlags nor segments: expected a message of the platform",
		"{\"flags\":\n{\"a\":1}}":      "PATH:2:6: expected an object, got the number 1",
		"{\"messageType\":\"pong\"}":   "PATH is invalid: the message has a wrong messageType: expected \"data-sync\"",
		string(ffctest.Snapshot())[1:]: "PATH:1:14: expected the end of the file, got ':'",
	} {
		path := write(t, "flags.json", content)
		bare(t, "eval", "-user", "u", "-file", path, "a").is(t, outcome{code: cli.ExitNoData, stderr: "ffc: " + strings.ReplaceAll(want, "PATH", path) + "\n"})
	}
	bare(t, "eval", "-user", "u", "-file", "/no/such/file", "a").is(t, outcome{code: cli.ExitNoData, stderr: "ffc: open /no/such/file: no such file or directory\n"})
	invocation{stdin: "{"}.run(t, "eval", "-user", "u", "-file", "-", "a").is(t, outcome{code: cli.ExitNoData, stderr: "ffc: standard input:1:2: expected a name in double quotes, or }, got the end of the file\n"})
}
