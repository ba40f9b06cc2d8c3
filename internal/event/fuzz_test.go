package event

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
)

// wireItem has the exact names of the protocol.
type wireItem struct {
	User       wireUser     `json:"user"`
	Variations []wireRecord `json:"userVariations"`
	Metrics    []wireMetric `json:"metrics"`
}

type wireUser struct {
	Key        string         `json:"keyId"`
	Name       string         `json:"userName"`
	Email      string         `json:"email"`
	Country    string         `json:"country"`
	Properties []wireProperty `json:"customizedProperties"`
}

type wireProperty struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type wireRecord struct {
	FlagKey          string        `json:"featureFlagKeyName"`
	SendToExperiment bool          `json:"sendToExperiment"`
	Timestamp        int64         `json:"timestamp"`
	Variation        wireVariation `json:"variation"`
}

type wireVariation struct {
	LocalID int64  `json:"localId"`
	Value   string `json:"variationValue"`
	Reason  string `json:"reason"`
}

type wireMetric struct {
	Route   string  `json:"route"`
	Type    string  `json:"type"`
	Name    string  `json:"eventName"`
	Value   float64 `json:"numericValue"`
	AppType string  `json:"appType"`
}

// text is what is left of a string in JSON: each byte that is not UTF-8 becomes
// U+FFFD.
func text(s string) string { return string([]rune(s)) }

// FuzzBody records arbitrary texts and reads them back from the request.
func FuzzBody(f *testing.F) {
	f.Add("u1", "Ann", "age", "18", "checkout", "true", int64(1), "click", 2.5)
	f.Add("\x00\xff\"\\", "\u2028</script>", "", "\x7f", "ключ", "{\"a\":[1]}", int64(math.MinInt64), "\xed\xa0\x80", math.MaxFloat64)
	f.Fuzz(func(t *testing.T, key, name, attribute, value, flag, served string, id int64, metric string, number float64) {
		if math.IsNaN(number) || math.IsInf(number, 0) {
			t.Skip("the client takes finite numbers only")
		}
		u := &eval.User{Key: key, Name: name, Email: value, Country: attribute}
		u.Set("hidden", value)
		u.Set(attribute, value)
		u.Set("last", name)
		v := eval.NewVariation(strconv.FormatInt(id, 10), served)
		r := eval.Result{Flag: &eval.Flag{Key: flag}, Variation: &v, Reason: eval.ReasonRuleMatch, Experiment: id > 0}

		var sink testPlatform
		p := inMemory(flush.Config{Capacity: 4, PrivateAttributes: []string{"email", "hidden"}}, &sink)
		before := time.Now().UnixMilli()
		p.RecordEvaluation(u, []eval.Result{r}, &r)
		p.RecordMetric(user(name), metric, number)
		p.RecordMetric(u, metric, number)
		after := time.Now().UnixMilli()
		if err := p.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		body := sink.seen()[0].body
		if !utf8.Valid(body) {
			t.Errorf("not UTF-8: %q", body)
		}
		d := json.NewDecoder(bytes.NewReader(body))
		d.DisallowUnknownFields()
		var got []wireItem
		if err := d.Decode(&got); err != nil || d.More() {
			t.Fatalf("%v: %q", err, body)
		}

		full := wireUser{Key: text(key), Name: text(name), Country: text(attribute), Properties: []wireProperty{}}
		for _, a := range u.Custom {
			if !strings.EqualFold(a.Name, "hidden") && !strings.EqualFold(a.Name, "email") {
				full.Properties = append(full.Properties, wireProperty{text(a.Name), text(a.Value)})
			}
		}
		record := wireRecord{FlagKey: text(flag), SendToExperiment: id > 0}
		record.Variation = wireVariation{LocalID: id, Value: text(served), Reason: "rule match"}
		event := wireMetric{Route: "index/metric", Type: "CustomEvent", Name: text(metric), Value: number, AppType: "goserverside"}
		want := []wireItem{
			{User: full, Variations: []wireRecord{record}},
			{User: full, Variations: []wireRecord{record}},
			{User: wireUser{Key: text(name), Properties: []wireProperty{}}, Metrics: []wireMetric{event}},
			{User: full, Metrics: []wireMetric{event}},
		}
		for i := range got {
			for j := range got[i].Variations {
				if stamp := &got[i].Variations[j].Timestamp; *stamp >= before && *stamp <= after {
					*stamp = 0
				}
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v\nwant %+v\nbody %s", got, want, body)
		}
	})
}
