package eval_test

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
)

// serverAnswers is a file of testdata/featbit-operators: what a FeatBit server
// answered.
type serverAnswers struct {
	Users []*string // the attribute "p" of each user; nil: without it
	Rows  []serverRow
}

type serverRow struct {
	Op, Value string
	Matches   []int  // indexes of the users whom the rule matched
	Error     string // the server failed for every user
}

func readServerAnswers(t testing.TB, name string) (answers serverAnswers) {
	t.Helper()
	file, err := os.Open(filepath.Join("../../testdata/featbit-operators", name+".json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	body, err := gzip.NewReader(file)
	if err == nil {
		err = json.NewDecoder(body).Decode(&answers)
	}
	if err != nil {
		t.Fatal(name, err)
	}
	return answers
}

// TestFeatBitServerAnswers compares every answer of the server. The exceptions
// are those of docs/featbit.md, section 10; their number is exact, so that an
// exception cannot grow unseen.
func TestFeatBitServerAnswers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		file string
		// excepted reports whether an answer may differ.
		excepted        func(row *serverRow, attribute string) bool
		answers, differ int
	}{
		{"numbers-1", noException, 22_800, 0},
		{"numbers-2", noException, 49_760, 0},
		{"texts-1", invisibleOrCombining, 42_560, 269},
		{"texts-2", invisibleOrCombining, 32_000, 0},
		{"malformed", noException, 72, 0},
		{"patterns-1", patternException, 19_880, 310},
		{"patterns-2", patternException, 26_400, 0},
	}
	for _, test := range tests {
		t.Run(test.file, func(t *testing.T) {
			t.Parallel()
			answers := readServerAnswers(t, test.file)
			if got := len(answers.Users) * len(answers.Rows); got != test.answers {
				t.Fatalf("%d answers, %d expected", got, test.answers)
			}
			users := make([]*eval.User, len(answers.Users))
			for i, attribute := range answers.Users {
				users[i] = user(fmt.Sprint("user-", i))
				if attribute != nil {
					users[i].Set("p", *attribute)
				}
			}
			flags := make([]string, len(answers.Rows))
			for i := range answers.Rows {
				row := &answers.Rows[i]
				flags[i] = featBitFlag(fmt.Sprint("row-", i), featBitRules("["+condition("p", row.Op, row.Value)+"]"))
			}
			snapshot, _ := featBit(t, flags, nil)
			differ := 0
			for i := range answers.Rows {
				row := &answers.Rows[i]
				for j, u := range users {
					attribute := ""
					if answers.Users[j] != nil {
						attribute = *answers.Users[j]
					}
					got := evaluated(snapshot, fmt.Sprint("row-", i), u)
					if (i+j)%16 == 0 {
						got = answer(snapshot, fmt.Sprint("row-", i), u) // is explained, too
					}
					if row.Error != "" && row.isPattern() {
						continue // the flag may be rejected, work, or match no user
					}
					want := onFallthrough
					switch {
					case row.Error != "":
						want = failed
					case slices.Contains(row.Matches, j):
						want = matched
					}
					switch {
					case got == want:
					case test.excepted(row, attribute):
						differ++
					default:
						t.Errorf("%+q %s %+q: got %s, the server has %s", attribute, row.Op, row.Value, got, want)
					}
				}
			}
			if differ != test.differ {
				t.Errorf("%d answers differ by an exception, %d expected", differ, test.differ)
			}
		})
	}
}

func (r *serverRow) isPattern() bool { return r.Op == "MatchRegex" || r.Op == "NotMatchRegex" }

// patternException: characters beyond U+FFFF are one here and two there, \w has
// U+200D there, "İ" has a lower case there, and there are blocks such as
// \p{IsGreek}.
func patternException(row *serverRow, attribute string) bool {
	return strings.Contains(row.Value, `\p{Is`) || strings.Contains(attribute, "\u200d") ||
		strings.Contains(row.Value, "(?i") && strings.Contains(attribute, "\u0130") ||
		strings.ContainsFunc(attribute+row.Value, func(r rune) bool { return r > 0xffff })
}

func noException(*serverRow, string) bool { return false }

// invisibleOrCombining: the server compares starts and ends of texts by the
// rules of a language.
func invisibleOrCombining(row *serverRow, attribute string) bool {
	return (row.Op == "StartsWith" || row.Op == "EndsWith") &&
		strings.ContainsAny(attribute+row.Value, "\u00ad\u200b\u200d\ufeff\u0301\u030a\u212b")
}
