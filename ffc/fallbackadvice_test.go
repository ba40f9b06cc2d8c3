package ffc_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
)

// TestFallbackAdvice: the line about a fallback says what has to be corrected: the
// flag, the user's attribute, or the call.
func TestFallbackAdvice(t *testing.T) {
	data := []ffctest.Item{
		ffctest.Flag("tags").Rule("true", ffctest.Attr("plan").Equal("free")).Rule("true", ffctest.Attr("tags").Contains("a")),
		ffctest.Flag("segment").Rule("true", ffctest.InSegment("s")),
		ffctest.Segment("s").Rule(ffctest.Attr("country").Equal("FR")),
		ffctest.Flag("text").Variations("red", "blue"),
	}
	user := ffc.NewUser("u", ffc.Invalid("plans"), ffc.Invalid("tags"), ffc.Invalid("country"), ffc.String("plan", "pro"))
	const attribute = `reason="error in evaluation" getter=bool attribute=NAME advice="pass the attribute as a string, boolean, number or time; name, email and country as a string"`
	tests := map[string]struct {
		evaluate func(c *ffc.Client)
		want     string
	}{
		"attribute of a rule":    {func(c *ffc.Client) { c.BoolVariation(t.Context(), "tags", user, false) }, strings.Replace(attribute, "NAME", "tags", 1)},
		"attribute of a segment": {func(c *ffc.Client) { c.BoolVariation(t.Context(), "segment", user, false) }, strings.Replace(attribute, "NAME", "country", 1)},
		"no key": {
			func(c *ffc.Client) { c.BoolVariation(t.Context(), "text", ffc.NewUser(""), false) },
			`reason="user not specified" getter=bool advice="give the user a key (with OpenFeature: a targeting key, which is a string)"`,
		},
		"float":    {func(c *ffc.Client) { c.FloatVariation(t.Context(), "text", user, 0) }, `reason="wrong type" getter=float advice=`},
		"int64":    {parsing(t, user, int64(0)), `reason="wrong type" getter=int64 advice=`},
		"any":      {parsing[any](t, user, nil), `reason="wrong type" getter=any advice=`},
		"duration": {parsing(t, user, time.Second), `reason="wrong type" getter=time.Duration advice=`},
	}
	platforms.Each(t, func(t *testing.T, p ffctest.Platform) {
		for name, test := range tests {
			synctest.Test(t, func(t *testing.T) {
				var buf bytes.Buffer
				client, err := ffc.New(t.Context(), ffc.Config{Offline: true, Bootstrap: p.Snapshot(data...), Logger: slog.New(slog.NewTextHandler(&buf, nil))})
				if err != nil {
					t.Fatal(err)
				}
				defer client.Close(t.Context())
				test.evaluate(client)
				synctest.Wait()
				if logged := buf.String(); !strings.Contains(logged, test.want) || strings.Count(logged, "\n") != 1 {
					t.Errorf("%s: logged %q, want %s", name, logged, test.want)
				}
			})
		}
	})
}

// parsing evaluates a text with ParseDetail.
func parsing[T any](t *testing.T, user ffc.User, fallback T) func(c *ffc.Client) {
	return func(c *ffc.Client) {
		ffc.ParseDetail(t.Context(), c.For(user), "text", fallback, func(value string) (T, error) {
			_, err := strconv.Atoi(value)
			return fallback, err
		})
	}
}

// TestFallbackAdviceNamesTheUsersAttribute: on featureflag.co a rule finds Name and
// name; the log has the name that the user has.
func TestFallbackAdviceNamesTheUsersAttribute(t *testing.T) {
	for _, name := range []string{"name", "Name"} {
		synctest.Test(t, func(t *testing.T) {
			var buf bytes.Buffer
			client, err := ffc.New(t.Context(), ffc.Config{
				Offline: true, Logger: slog.New(slog.NewTextHandler(&buf, nil)),
				Bootstrap: ffctest.Snapshot(ffctest.Flag("a").Rule("true", ffctest.Attr("name").Equal("ann"))),
			})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close(t.Context())
			client.BoolVariation(t.Context(), "a", ffc.NewUser("u", ffc.Invalid(name)), false)
			synctest.Wait()
			if logged := buf.String(); !strings.Contains(logged, " attribute="+name+" ") {
				t.Errorf("logged %q, want attribute=%s", logged, name)
			}
		})
	}
}

// TestWrongTypeSaysWhatIsExpected: as the errors of JSON and ParseDetail do.
func TestWrongTypeSaysWhatIsExpected(t *testing.T) {
	t.Parallel()
	platforms.Each(t, func(t *testing.T, p ffctest.Platform) {
		client := offlineWith(t, p.Snapshot(ffctest.Flag("text").Variations("red", "blue")))
		user := ffc.NewUser("u")
		for want, err := range map[string]error{
			"ffc: the flag's value is of another type: expected a boolean":                        client.BoolVariationDetail(t.Context(), "text", user, false).Err,
			"ffc: the flag's value is of another type: expected a whole number that an int holds": client.IntVariationDetail(t.Context(), "text", user, 0).Err,
			"ffc: the flag's value is of another type: expected a number":                         client.FloatVariationDetail(t.Context(), "text", user, 0).Err,
		} {
			if !errors.Is(err, ffc.ErrWrongType) || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		}
	})
}
