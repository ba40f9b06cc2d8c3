package classic

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/scan"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
)

// readBootstrap returns the example of protocol reference, section 10.
func readBootstrap(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/bootstrap.json")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// flagJSON is a flag as far as storing it needs.
func flagJSON(key string, version int) string {
	return `{"id":"` + testPrefix + key + `","timestamp":` + strconv.Itoa(version) + `,"ff":{}}`
}

func itemTexts(items []store.Item) (texts []string) {
	for _, item := range items {
		text := item.Key + " " + strconv.FormatInt(item.Version, 10)
		if item.Archived {
			text += " archived"
		}
		if item.Broken {
			text += " broken"
		}
		texts = append(texts, text)
	}
	return texts
}

func TestUpdateShapes(t *testing.T) {
	t.Parallel()
	a := flagJSON("a", 1)
	tests := []struct {
		name       string
		message    string
		full       bool
		flags      []string
		segments   []string
		tags       []string
		noSegments bool
	}{
		{
			name:    "whole full",
			message: `{"messageType":"data-sync","data":{"eventType":"full","featureFlags":[` + a + `],"segments":[{"id":"s","timestamp":2}],"userTags":[{"id":"t","timestamp":3}]}}`,
			full:    true, flags: []string{"a 1"}, segments: []string{"s 2"}, tags: []string{"t 3"},
		},
		{
			name:    "whole patch",
			message: `{"messageType":"data-sync","data":{"eventType":"patch","featureFlags":[` + a + `],"segments":[],"userTags":[]}}`,
			flags:   []string{"a 1"},
		},
		{
			name:    "members in another order, and unknown ones",
			message: ` {"data":{"x":[1],"segments":[],"featureFlags":[` + a + `],"eventType":"full","y":{}},"z":"","messageType":"data-sync"}` + "\n",
			full:    true, flags: []string{"a 1"},
		},
		{name: "no arrays but an eventType", message: `{"messageType":"data-sync","data":{"eventType":"full"}}`, full: true},
		{name: "whole full without segments has none", message: `{"messageType":"data-sync","data":{"eventType":"full","featureFlags":[` + a + `]}}`, full: true, flags: []string{"a 1"}},
		{name: "empty arrays", message: `{"messageType":"data-sync","data":{"eventType":"full","featureFlags":[],"segments":[]}}`, full: true},
		{name: "null arrays", message: `{"messageType":"data-sync","data":{"eventType":"full","featureFlags":null,"segments":null,"userTags":null}}`, full: true},
		{name: "empty patch", message: `{"messageType":"data-sync","data":{"eventType":"patch"}}`},

		{name: "bare full", message: `{"eventType":"full","featureFlags":[` + a + `],"segments":[]}`, full: true, flags: []string{"a 1"}},
		{name: "bare patch", message: `{"eventType":"patch","featureFlags":[` + a + `]}`, flags: []string{"a 1"}, noSegments: true},
		{name: "bare full without segments", message: `{"eventType":"full","featureFlags":[` + a + `]}`, full: true, flags: []string{"a 1"}, noSegments: true},
		{name: "bare without eventType", message: `{"featureFlags":[` + a + `]}`, full: true, flags: []string{"a 1"}, noSegments: true},
		{name: "bare with null eventType", message: `{"eventType":null,"featureFlags":[` + a + `]}`, full: true, flags: []string{"a 1"}, noSegments: true},
		{name: "bare with segments only", message: `{"segments":[{"id":"s"}]}`, full: true, segments: []string{"s 0"}},

		{
			name:    "polling answer",
			message: `{"success":true,"message":"api call success","data":{"featureFlags":[` + a + `]}}`,
			full:    true, flags: []string{"a 1"}, noSegments: true,
		},
		{name: "polling answer without flags", message: `{"success":true,"message":"","data":{"featureFlags":[]}}`, full: true, noSegments: true},
		{
			name:    "polling answer with segments",
			message: `{"success":true,"message":"","data":{"featureFlags":[],"segments":[{"id":"s","timestamp":2,"isArchived":true}]}}`,
			full:    true, segments: []string{"s 2 archived"},
		},
		{
			name:    "wrapped whole message",
			message: `{"success":true,"message":"","data":{"messageType":"data-sync","data":{"eventType":"patch","featureFlags":[` + a + `],"segments":[]}}}`,
			flags:   []string{"a 1"},
		},
		{
			name:    "wrapped whole full without segments has none",
			message: `{"success":true,"message":"","data":{"messageType":"data-sync","data":{"eventType":"full","featureFlags":[` + a + `]}}}`,
			full:    true, flags: []string{"a 1"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			u, skipped, err := reader{testPrefix}.Update([]byte(test.message), store.Earlier{})
			if err != nil || len(skipped) > 0 {
				t.Fatal(err, skipped)
			}
			if u.Full != test.full || u.NoSegments != test.noSegments {
				t.Errorf("full %v, without segments %v; want %v, %v", u.Full, u.NoSegments, test.full, test.noSegments)
			}
			if got := itemTexts(u.Flags); !slices.Equal(got, test.flags) {
				t.Errorf("flags %q, want %q", got, test.flags)
			}
			if got := itemTexts(u.Segments); !slices.Equal(got, test.segments) {
				t.Errorf("segments %q, want %q", got, test.segments)
			}
			if got := itemTexts(u.Tags); !slices.Equal(got, test.tags) {
				t.Errorf("user tags %q, want %q", got, test.tags)
			}
		})
	}
}

func TestUpdateRejects(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		message string
		want    string // in the error
	}{
		{name: "nothing", want: "is empty: expected an object with featureFlags"},
		{name: "white space", message: " \n", want: "is empty: expected"},
		{name: "text", message: `<html>`, want: "is not JSON"},
		{name: "array", message: `[]`, want: "is a JSON array: expected an object with featureFlags"},
		{name: "null", message: `null`, want: "is a JSON null: expected"},
		{name: "number", message: ` 7`, want: "is a JSON number: expected"},
		{name: "boolean", message: `true`, want: "is a JSON boolean: expected"},
		{name: "half an array", message: `[1,`, want: "is not JSON"},
		{name: "word", message: `nothing`, want: "is not JSON"},
		{name: "UTF-16", message: "\xff\xfe{\x00}\x00", want: "is UTF-16: expected UTF-8"},
		{name: "string", message: `"full"`, want: "is a JSON string: expected"},
		{name: "byte-order mark alone", message: "\ufeff", want: "is empty: expected"},
		{name: "two byte-order marks", message: "\ufeff\ufeff{}", want: "is not JSON"},
		{name: "empty object", message: `{}`, want: "has neither"},
		{name: "another document", message: `{"flags":{"a":true}}`, want: "has neither"},
		{name: "user tags only", message: `{"userTags":[]}`, want: "has neither"},
		{name: "pong", message: `{"messageType":"pong","data":null}`, want: "messageType"},
		{name: "other case of the type", message: `{"messageType":"Data-Sync","data":{"eventType":"full"}}`, want: "messageType"},
		{name: "null type", message: `{"messageType":null,"data":{"eventType":"full"}}`, want: "messageType"},
		{name: "null data", message: `{"messageType":"data-sync","data":null}`, want: "has no data"},
		{name: "no data", message: `{"messageType":"data-sync"}`, want: "has no data"},
		{name: "no data, but its members", message: `{"messageType":"data-sync","eventType":"full","featureFlags":[]}`, want: "has no data"},
		{name: "array as data", message: `{"messageType":"data-sync","data":[]}`, want: "is not JSON"},
		{name: "number as data", message: `{"messageType":"data-sync","data":1}`, want: "is not JSON"},
		{name: "no eventType", message: `{"messageType":"data-sync","data":{"featureFlags":[]}}`, want: "has no eventType"},
		{name: "null eventType", message: `{"messageType":"data-sync","data":{"eventType":null,"featureFlags":[]}}`, want: "has no eventType"},
		{name: "unknown eventType", message: `{"messageType":"data-sync","data":{"eventType":"delta","featureFlags":[]}}`, want: "eventType"},
		{name: "other case of the eventType", message: `{"eventType":"Full","featureFlags":[]}`, want: "eventType"},
		{name: "number as eventType", message: `{"eventType":1,"featureFlags":[]}`, want: "eventType"},
		{name: "refused poll", message: `{"success":false,"message":"no such environment","data":null}`, want: "has no data"},
		{name: "poll with empty data", message: `{"success":true,"message":"","data":{}}`, want: "has neither"},
		{name: "poll with a pong", message: `{"success":true,"message":"","data":{"messageType":"pong","data":null}}`, want: "messageType"},
		{name: "object as flags", message: `{"featureFlags":{}}`, want: "featureFlags"},
		{name: "string as segments", message: `{"segments":"[]"}`, want: "segments"},
		{name: "number as user tags", message: `{"featureFlags":[],"userTags":1}`, want: "userTags"},
		{name: "comma after the last flag", message: `{"featureFlags":[` + flagJSON("a", 1) + `,]}`, want: "featureFlags"},
		{name: "goes on", message: `{"featureFlags":[]} {}`, want: "has more data after"},
		{name: "two closing brackets", message: `{"featureFlags":[]}}`, want: "has more data after"},
		{name: "goes on inside data", message: `{"messageType":"data-sync","data":{"eventType":"full"}]}`, want: "is not JSON"},
		{name: "wrappers in wrappers", message: strings.Repeat(`{"data":`, 1000) + `{"featureFlags":[]}` + strings.Repeat(`}`, 1000), want: "is nested deeper"},
		{name: "nesting in a flag", message: `{"featureFlags":[` + strings.Repeat(`[`, 1000) + strings.Repeat(`]`, 1000) + `]}`, want: "is nested deeper"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			u, skipped, err := reader{testPrefix}.Update([]byte(test.message), store.Earlier{})
			if u != nil || skipped != nil || err == nil {
				t.Fatalf("got %v, %v, %v", u, skipped, err)
			}
			if text := err.Error(); !strings.HasPrefix(text, "the message ") || !strings.Contains(text, test.want) {
				t.Errorf("the error is %q, expected %q in it", text, test.want)
			}
		})
	}
}

// TestUpdateOfDuplicates: of members with one name the last counts, as with
// the platform's serializers.
func TestUpdateOfDuplicates(t *testing.T) {
	t.Parallel()
	message := `{"messageType":"pong","messageType":"data-sync","data":null,"data":{"eventType":"full","featureFlags":1,"eventType":"patch",` +
		`"featureFlags":[{"id":"x","timestamp":9,"isArchived":true,"ff":{},"id":"` + testPrefix + `a","timestamp":2,"isArchived":false}]}}`
	u, skipped, err := reader{testPrefix}.Update([]byte(message), store.Earlier{})
	if err != nil || len(skipped) > 0 {
		t.Fatal(err, skipped)
	}
	if got := itemTexts(u.Flags); u.Full || !slices.Equal(got, []string{"a 2"}) {
		t.Errorf("full %v, flags %q", u.Full, got)
	}
}

// TestBadElements: an element that cannot be used leaves the others. A flag or
// segment that says who it is, is kept as broken, and told by its key.
func TestBadElements(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		element string
		want    string // in the error
		kept    string // the item; "" if it does not say who it is
	}{
		{name: "no id", element: `{"timestamp":1}`, want: "no id"},
		{name: "null id", element: `{"id":null}`, want: "id"},
		{name: "empty id", element: `{"id":""}`, want: "no id"},
		{name: "number as id", element: `{"id":1}`, want: "id"},
		{name: "object as id", element: `{"id":{}}`, want: "id"},
		{name: "null", element: `null`, want: "not JSON"},
		{name: "string", element: `"ID"`, want: "not JSON"},
		{name: "array", element: `[{"id":"ID"}]`, want: "not JSON"},
		{name: "empty object", element: `{}`, want: "no id"},
		{name: "id in an object inside", element: `{"ff":{"id":"ID"}}`, want: "no id"},
		{name: "malformed before the id", element: `{"x":,"id":"ID"}`, want: "not JSON"},

		{name: "string as timestamp", element: `{"id":"ID","timestamp":"1"}`, want: "timestamp", kept: "bad 0"},
		{name: "date as timestamp", element: `{"id":"ID","timestamp":"2022-09-08T00:00:00Z"}`, want: "timestamp", kept: "bad 0"},
		{name: "array as timestamp", element: `{"id":"ID","timestamp":[]}`, want: "timestamp", kept: "bad 0"},
		{name: "timestamp before the id", element: `{"timestamp":[],"id":"ID"}`, want: "timestamp", kept: "bad 0"},
		{name: "timestamp too large", element: `{"id":"ID","timestamp":1e30}`, want: "timestamp", kept: "bad 0"},
		{name: "timestamp too small", element: `{"id":"ID","timestamp":-1e30}`, want: "timestamp", kept: "bad 0"},
		{name: "timestamp a little too large", element: `{"id":"ID","timestamp":1e19}`, want: "timestamp", kept: "bad 0"},
		{name: "timestamp a little too small", element: `{"id":"ID","timestamp":-1e19}`, want: "timestamp", kept: "bad 0"},
		{name: "timestamp beyond float64", element: `{"id":"ID","timestamp":1e999}`, want: "timestamp", kept: "bad 0"},
		{name: "no number", element: `{"id":"ID","timestamp":NaN}`, want: "timestamp", kept: "bad 0"},
		{name: "archived with a bad timestamp", element: `{"id":"ID","isArchived":true,"timestamp":"1"}`, want: "timestamp", kept: "bad 0 archived"},
		{name: "string as isArchived", element: `{"id":"ID","isArchived":"true","timestamp":7}`, want: "isArchived", kept: "bad 7"},
		{name: "number as isArchived", element: `{"timestamp":7,"isArchived":1,"id":"ID"}`, want: "isArchived", kept: "bad 7"},
		{name: "two mistakes", element: `{"isArchived":1,"id":"ID","timestamp":"1"}`, want: "isArchived", kept: "bad 0"},
		{name: "malformed", element: `{"id":"ID",}`, want: "not JSON", kept: "bad 0"},
		{name: "malformed after the timestamp", element: `{"timestamp":7,"id":"ID","x"}`, want: "not JSON", kept: "bad 7"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for member, good := range map[string]string{"featureFlags": testPrefix + "good", "segments": "good", "userTags": "good"} {
				bad := strings.ReplaceAll(test.element, "ID", strings.Replace(good, "good", "bad", 1))
				message := `{"featureFlags":[],"` + member + `":[{"id":"` + good + `1","ff":{}},` + bad + `,{"id":"` + good + `2","ff":{}}]}`
				u, skipped, err := reader{testPrefix}.Update([]byte(message), store.Earlier{})
				if err != nil {
					t.Fatal(err)
				}
				want, key := []string{"good1 0", "good2 0"}, ""
				if test.kept != "" {
					key = "bad"
					if member != "userTags" { // which nothing evaluates
						want = slices.Insert(want, 1, test.kept+" broken")
					}
				}
				if got := itemTexts(slices.Concat(u.Flags, u.Segments, u.Tags)); !slices.Equal(got, want) {
					t.Errorf("%s: items %q, want %q", member, got, want)
				}
				if len(skipped) != 1 || skipped[0].Member != member || skipped[0].Index != 1 || skipped[0].Key != key {
					t.Fatalf("%s: skipped %+v", member, skipped)
				}
				start := member + "[1]: "
				if key != "" {
					start = member + ` "bad": `
				}
				if text := skipped[0].Error(); !strings.HasPrefix(text, start) || !strings.Contains(text, test.want) {
					t.Errorf("the error is %q, expected %q in it", text, test.want)
				}
			}
		})
	}
}

// TestFlagsWithoutBasics: a flag that is not archived has an object ff.
func TestFlagsWithoutBasics(t *testing.T) {
	t.Parallel()
	for members, want := range map[string]string{
		``:                            "a 1 broken",
		`,"ff":null`:                  "a 1 broken",
		`,"ff":[]`:                    "a 1 broken",
		`,"ff":"{}"`:                  "a 1 broken",
		`,"x":{"ff":{}}`:              "a 1 broken",
		`,"isArchived":false`:         "a 1 broken",
		`,"ff":{}`:                    "a 1",
		`,"ff":{},"isArchived":false`: "a 1",
		`,"isArchived":true`:          "a 1 archived",
		`,"isArchived":true,"ff":{}`:  "a 1 archived",
	} {
		message := `{"featureFlags":[{"id":"` + testPrefix + `a","timestamp":1` + members + `}]}`
		u, skipped, err := reader{testPrefix}.Update([]byte(message), store.Earlier{})
		if err != nil {
			t.Fatal(err)
		}
		if got := itemTexts(u.Flags); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: got %q, want %q", members, got, want)
		}
		if broken := strings.HasSuffix(want, "broken"); broken != (len(skipped) == 1) {
			t.Errorf("%s: skipped %v", members, skipped)
		} else if broken && skipped[0].Error() != `featureFlags "a": has no ff: expected an object` {
			t.Errorf("%s: the error is %q", members, skipped[0])
		}
	}
}

// TestAlone: what may refer to other items is told by a glance; nothing that
// refers is missed.
func TestAlone(t *testing.T) {
	t.Parallel()
	const rule = `[{"ruleJsonContent":[{"property":"%","operation":null,"value":"[\"s\"]"}]}]`
	tests := []struct {
		name    string
		members string
		refers  bool
	}{
		{name: "nothing"},
		{name: "nulls", members: `,"ffp":null,"fftuwmtr":null,"rules":null`},
		{name: "empty", members: `,"ffp":[ ],"fftuwmtr":[],"rules":[]`},
		{name: "prerequisite", members: `,"ffp":[{"prerequisiteFeatureFlagId":"FF__11__22__33__b"}]`, refers: true},
		{name: "rule", members: `,"MEMBER":` + strings.ReplaceAll(rule, "%", "age")},
		{name: "segment", members: `,"MEMBER":` + strings.ReplaceAll(rule, "%", "User is in segment"), refers: true},
		{name: "no segment", members: `,"MEMBER":` + strings.ReplaceAll(rule, "%", "User is not in segment"), refers: true},
		{name: "segment in escapes", members: `,"MEMBER":` + strings.ReplaceAll(rule, "%", `User is in \u0073egment`), refers: true},
		{name: "Chinese in escapes", members: `,"MEMBER":` + strings.ReplaceAll(rule, "%", `\u5f00\u5173`)},
		{name: "last of two", members: `,"MEMBER":` + strings.ReplaceAll(rule, "%", "User is in segment") + `,"MEMBER":[]`, refers: true},
		{name: "elsewhere", members: `,"name":"User is in segment","included":["segment"]`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			message := `{"featureFlags":[{"id":"` + testPrefix + `f","ff":{}` + strings.ReplaceAll(test.members, "MEMBER", "fftuwmtr") + `}],` +
				`"segments":[{"id":"s"` + strings.ReplaceAll(test.members, "MEMBER", "rules") + `}]}`
			u, skipped, err := reader{testPrefix}.Update([]byte(message), store.Earlier{})
			if err != nil || len(skipped) > 0 {
				t.Fatal(err, skipped)
			}
			if u.Flags[0].Alone == test.refers {
				t.Errorf("flag alone: %v", u.Flags[0].Alone)
			}
			if isFlag := strings.Contains(test.members, "prerequisite"); u.Segments[0].Alone == (test.refers && !isFlag) {
				t.Errorf("segment alone: %v", u.Segments[0].Alone)
			}
		})
	}
}

// TestSeveralEnvironments: without a secret nothing tells which of them counts.
func TestSeveralEnvironments(t *testing.T) {
	t.Parallel()
	const own, other = `{"id":"FF__1__2__3__a","ff":{}}`, `{"id":"FF__1__2__4__b","ff":{}}`
	tests := []struct {
		name   string
		prefix string
		flags  string
		wrong  bool
	}{
		{name: "one", flags: own + `,{"id":"FF__1__2__3__b__c","ff":{}}`},
		{name: "two", flags: own + "," + other, wrong: true},
		{name: "one among many", flags: own + "," + own + "," + other + "," + own, wrong: true},
		{name: "tombstone of another", flags: own + `,{"id":"FF__1__2__4__b","isArchived":true}`, wrong: true},
		{name: "two, with a secret", prefix: "FF__1__2__3__", flags: own + "," + other},
		{name: "two others, with a secret", prefix: testPrefix, flags: own + "," + other},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			u, skipped, err := reader{test.prefix}.Update([]byte(`{"featureFlags":[`+test.flags+`]}`), store.Earlier{})
			if (err != nil) != test.wrong {
				t.Fatal(u, skipped, err)
			}
			if err == nil {
				return
			}
			for _, environment := range []string{"FF__1__2__3", "FF__1__2__4"} {
				if !strings.Contains(err.Error(), environment) || u != nil {
					t.Errorf("the error is %q, expected %s in it", err, environment)
				}
			}
		})
	}
}

func TestUpdateSkipsForeignFlags(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		prefix string
		id     string
		want   string // the key; "" if the flag is skipped
	}{
		{name: "own", prefix: testPrefix, id: "FF__11__22__33__a", want: "a"},
		{name: "key with separator", prefix: testPrefix, id: "FF__11__22__33__a__b", want: "a__b"},
		{name: "key with space", prefix: testPrefix, id: "FF__11__22__33__ a ", want: " a "},
		{name: "key of another alphabet", prefix: testPrefix, id: "FF__11__22__33__开关", want: "开关"},
		{name: "other account", prefix: testPrefix, id: "FF__1__22__33__a"},
		{name: "other environment", prefix: testPrefix, id: "FF__11__22__333__a"},
		{name: "too few parts", prefix: testPrefix, id: "FF__11__22__33"},
		{name: "key alone", prefix: testPrefix, id: "a"},
		{name: "case", prefix: testPrefix, id: "ff__11__22__33__a"},
		{name: "no key", prefix: testPrefix, id: "FF__11__22__33__"},
		{name: "blank key", prefix: testPrefix, id: "FF__11__22__33__ \u3000"},
		{name: "any environment", id: "FF__1__2__3__a__b", want: "a__b"},
		{name: "any environment, too few parts", id: "FF__1__2__3"},
		{name: "any environment, no key", id: "FF__1__2__3__"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			message := `{"featureFlags":[{"id":"` + test.id + `","ff":{}}]}`
			u, skipped, err := reader{test.prefix}.Update([]byte(message), store.Earlier{})
			if err != nil {
				t.Fatal(err)
			}
			if test.want == "" {
				if len(u.Flags) != 0 || len(skipped) != 1 || skipped[0].Key != test.id {
					t.Errorf("got %q, skipped %v", itemTexts(u.Flags), skipped)
				}
				return
			}
			if len(skipped) != 0 || len(u.Flags) != 1 || u.Flags[0].Key != test.want {
				t.Errorf("got %q, skipped %v", itemTexts(u.Flags), skipped)
			}
		})
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		element string
		want    string
	}{
		{name: "id alone", element: `{"id":"a"}`, want: "a 0"},
		{name: "nulls", element: `{"id":"a","timestamp":null,"isArchived":null}`, want: "a 0"},
		{name: "all", element: `{"id":"a","timestamp":1662595200123,"isArchived":true}`, want: "a 1662595200123 archived"},
		{name: "last", element: "{ \"ff\" : {\"id\":\"b\",\"timestamp\":9} ,\n\"isArchived\":\tfalse, \"timestamp\" : 5 , \"id\" : \"a\" }", want: "a 5"},
		{name: "exponent", element: `{"id":"a","timestamp":1.662595200123e12}`, want: "a 1662595200123"},
		{name: "fraction", element: `{"id":"a","timestamp":12.9}`, want: "a 12"},
		{name: "negative", element: `{"id":"a","timestamp":-1}`, want: "a -1"},
		{name: "largest", element: `{"id":"a","timestamp":9223372036854775807}`, want: "a 9223372036854775807"},
		{name: "Chinese in escapes", element: `{"id":"\u5f00\u5173"}`, want: "开关 0"},
		{name: "Chinese as it is", element: `{"id":"开关"}`, want: "开关 0"},
		{name: "surrogates in escapes", element: `{"id":"\ud83d\ude00"}`, want: "😀 0"},
		{name: "other escapes", element: `{"id":"\"\\\/\b\f\n\r\t"}`, want: "\"\\/\b\f\n\r\t 0"},
		{name: "brackets in the id", element: `{"id":"}],{"}`, want: "}],{ 0"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			u, skipped, err := reader{}.Update([]byte(`{"segments":[`+test.element+`]}`), store.Earlier{})
			if err != nil || len(skipped) > 0 {
				t.Fatal(err, skipped)
			}
			if got := itemTexts(u.Segments); len(got) != 1 || got[0] != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if string(u.Segments[0].Raw) != test.element {
				t.Errorf("the raw element is %s", u.Segments[0].Raw)
			}
		})
	}
}

// TestTruncatedMessages cuts a message at every byte.
func TestTruncatedMessages(t *testing.T) {
	t.Parallel()
	whole := bytes.TrimSpace(readBootstrap(t))
	messages := map[string][]byte{
		"whole":   whole,
		"bare":    whole[len(`{"messageType":"data-sync","data":`) : len(whole)-1],
		"wrapped": slices.Concat([]byte(`{"success":true,"message":"","data":`), whole, []byte(`}`)),
	}
	for name, message := range messages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			classic := reader{testPrefix}
			u, skipped, err := classic.Update(message, store.Earlier{})
			if err != nil || len(skipped) > 0 || len(u.Flags) != 5 || len(u.Segments) != 2 || len(u.Tags) != 1 {
				t.Fatal(err, skipped, u)
			}
			for n := range message {
				// The cut copy has no room behind it, so reading too far panics.
				if u, _, err := classic.Update(slices.Clip(bytes.Clone(message[:n])), store.Earlier{}); err == nil {
					t.Fatalf("cut after %d of %d bytes: no error, %+v", n, len(message), u)
				}
			}
			// Elements may be cut as well: they are read later.
			for _, item := range u.Flags {
				for n := range item.Raw {
					if f, err := classic.DecodeFlag(item.Raw[:n]); err == nil {
						t.Fatalf("flag %q cut after %d bytes: %+v", item.Key, n, f)
					}
				}
			}
			for _, item := range u.Segments {
				for n := range item.Raw {
					if s, err := classic.DecodeSegment(item.Raw[:n]); err == nil {
						t.Fatalf("segment %q cut after %d bytes: %+v", item.Key, n, s)
					}
				}
			}
		})
	}
}

func FuzzUpdate(f *testing.F) {
	f.Add(readBootstrap(f))
	for _, seed := range []string{
		`{"messageType":"data-sync","data":{"eventType":"patch","featureFlags":[{"id":"FF__11__22__33__a","timestamp":1}]}}`,
		`{"success":true,"message":"","data":{"featureFlags":[{"id":"FF__11__22__33__\u5f00"}]}}`,
		`{"eventType":"full","featureFlags":[{"id":"x"},null],"segments":null}`,
		`{"data":{"data":{"segments":[{"id":"s","timestamp":1e3,"isArchived":true}]}}}`,
		`{"messageType":"pong","data":null}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		before := bytes.Clone(message)
		_, _ = scan.KindOf(message)
		classic := reader{testPrefix}
		u, skipped, err := classic.Update(message, store.Earlier{})
		if (err == nil) != (u != nil) || err != nil && skipped != nil {
			t.Fatalf("got %v, %v, %v", u, skipped, err)
		}
		if err == nil {
			checkUpdate(t, message, u)
		}
		if !bytes.Equal(message, before) {
			t.Fatal("the message has been modified")
		}
	})
}

// checkUpdate holds the items against what encoding/json reads in them.
func checkUpdate(t *testing.T, message []byte, u *store.Update) {
	t.Helper()
	valid := json.Valid(message)
	for i, item := range slices.Concat(u.Flags, u.Segments, u.Tags) {
		if item.Key == "" || !bytes.Contains(message, item.Raw) {
			t.Fatalf("item %+v", item)
		}
		if !valid {
			continue
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(item.Raw, &members); err != nil {
			t.Fatal(err)
		}
		var id string
		if err := json.Unmarshal(members["id"], &id); err != nil {
			t.Fatal(err)
		}
		if i < len(u.Flags) {
			id = strings.TrimPrefix(id, testPrefix)
		}
		// The decoders differ in what they make of half a surrogate pair.
		if id != item.Key && !bytes.Contains(bytes.ToLower(members["id"]), []byte(`\ud`)) && bytes.Equal(bytes.ToValidUTF8(item.Raw, nil), item.Raw) {
			t.Fatalf("id %q, key %q", id, item.Key)
		}
	}
}
