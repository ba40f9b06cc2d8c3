package main

import (
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
)

// attributes is a flag whose value tells which attributes the user has.
func attributes() []byte {
	return ffctest.Snapshot(ffctest.Flag("is").Variations("none", "key", "name", "email", "country", "plan", "age").
		Rule("age", ffctest.Attr("age").Equal("18")).
		Rule("plan", ffctest.Attr("plan").Equal("pro=max")).
		Rule("country", ffctest.Attr("country").Equal("FR")).
		Rule("email", ffctest.Attr("email").Equal("a@example.com")).
		Rule("name", ffctest.Attr("name").Equal("Ada")).
		Target("key", "u1"))
}

func TestUser(t *testing.T) {
	file := write(t, "flags.json", string(attributes()))
	user := write(t, "user.json", `{"key":"u2","age":18}`)
	tests := []struct {
		want  string
		stdin string
		args  []string
	}{
		{"key", "", []string{"-user", "u1"}},
		{"none", "", []string{"-user", "u2"}},
		{"name", "", []string{"-user", "u2", "-attr", "name=Ada"}},
		{"email", "", []string{"-user", "u2", "-attr", "email=a@example.com", "-attr", "x="}},
		{"country", "", []string{"-user", "u2", "-attr", "Country=FR"}},
		{"plan", "", []string{"-user", "u2", "-attr", "plan=pro=max"}},
		{"age", "", []string{"-user", "u2", "-attr", "plan=pro=max", "-attr", "age=18"}},
		{"age", "", []string{"-user-json", `{"keyid":"u2","age":18}`}},
		{"age", "", []string{"-user-json", "@" + user}},
		{"country", `{"key":"u2","country":"FR"}`, []string{"-user-json", "@-"}},
	}
	for _, test := range tests {
		args := append([]string{"eval", "-file", file, "-all"}, test.args...)
		out := invocation{stdin: test.stdin}.run(t, args...)
		if want := "FLAG  VALUE"; out.code != 0 || len(out.stdout) < len(want) || valueOf(out.stdout) != test.want {
			t.Errorf("%v: %+v", test.args, out)
		}
	}
}

func TestUserUsage(t *testing.T) {
	const run = "Run \"ffc help eval\" for usage.\n"
	broken := write(t, "user.json", "{\n \"key\": \"u1\",\n \"é\" 1}")
	for want, args := range map[string][]string{
		"missing user: use -user KEY or -user-json JSON":                                   nil,
		"-user: blank key: expected the key of a user":                                     {"-user", " "},
		"-user-json excludes -user and -attr: it is the whole user":                        {"-user-json", "{}", "-attr", "a=b"},
		"-attr: invalid attribute: expected NAME=VALUE":                                    {"-user", "u", "-attr", "plan"},
		"-attr: \"keyId\" is the key of the user: use -user":                               {"-user", "u", "-attr", "keyId=x"},
		"-user-json:1:1: unexpected end of JSON input":                                     {"-user-json", ""},
		"-user-json:1:7: invalid character '}' after object key":                           {"-user-json", `{"key"}`},
		broken + ":3:6: invalid character '1' after object key":                            {"-user-json", "@" + broken},
		"-user-json: open /no/such/file: no such file or directory":                        {"-user-json", "@/no/such/file"},
		`-user-json: invalid user: expected an object such as {"key":"u1","country":"FR"}`: {"-user-json", "[]"},
		`-user-json: invalid user: "key" is missing`:                                       {"-user-json", "{}"},
	} {
		bare(t, append([]string{"eval", "-all", "-file", "x"}, args...)...).is(t, outcome{code: cli.ExitUsage, stderr: "ffc: eval: " + want + "\n" + run})
	}
	bare(t, "eval", "-all", "-file", "x", "-user-json", "null").is(t, outcome{code: cli.ExitUsage,
		stderr: "ffc: eval: -user-json: invalid user: expected an object such as {\"key\":\"u1\",\"country\":\"FR\"}\n" + run})
}

// TestUserSkippedAttributes: attributes that the SDK skips are reported, by name only.
func TestUserSkippedAttributes(t *testing.T) {
	file := write(t, "flags.json", string(attributes()))
	out := bare(t, "eval", "-file", file, "-all", "-user-json", `{"key":"u1","vip":true,"list":["x"],"none":null,"Name":"x","KeyId":"x","ok":1.50}`)
	const want = `ffc: warning: -user-json: "KeyId" has no effect on featureflag.co: use "keyid" there
ffc: warning: -user-json: "Name" has no effect on featureflag.co: use "name" there
ffc: warning: -user-json: skipped "list", which is neither a string nor a number
ffc: warning: -user-json: skipped "none", which is neither a string nor a number
ffc: warning: -user-json: skipped "vip", which is neither a string nor a number
`
	if out.code != 0 || out.stderr != want {
		t.Errorf("code %d, stderr:\n%s", out.code, out.stderr)
	}
}
