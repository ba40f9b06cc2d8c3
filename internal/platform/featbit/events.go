package featbit

import (
	"strconv"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
)

// Events of FeatBit (FeatBit reference, section 7). An item is a user with lists
// of evaluations and metrics; the platform stores each element of the lists on its
// own.

func appendUser(dst []byte, u *eval.User, private *platform.Private) []byte {
	dst = append(dst, `{"keyId":`...)
	dst = jsontext.AppendString(dst, u.Key)
	dst = append(dst, `,"name":`...)
	dst = jsontext.AppendString(dst, private.Unless("name", u.Name))
	dst = append(dst, `,"customizedProperties":[`...)
	start := len(dst)
	dst = appendNotEmpty(dst, start, "email", private.Unless("email", u.Email))
	dst = appendNotEmpty(dst, start, "country", private.Unless("country", u.Country))
	for i := range u.Custom {
		if a := &u.Custom[i]; !private.Has(a.Name) {
			dst = platform.AppendProperty(dst, start, a.Name, a.Value)
		}
	}
	return append(dst, `]}`...)
}

// appendNotEmpty appends a property unless its value is empty.
func appendNotEmpty(dst []byte, start int, name, value string) []byte {
	if value == "" {
		return dst
	}
	return platform.AppendProperty(dst, start, name, value)
}

func appendEvaluation(dst []byte, e *platform.Evaluation) []byte {
	dst = append(dst, `{"featureFlagKey":`...)
	dst = jsontext.AppendString(dst, e.Flag.Key)
	dst = append(dst, `,"variation":{"id":`...)
	dst = jsontext.AppendString(dst, e.Variation.ID)
	dst = append(dst, `,"value":`...)
	dst = jsontext.AppendString(dst, e.Variation.Value)
	dst = append(dst, `},"timestamp":`...)
	dst = strconv.AppendInt(dst, e.UnixMilli, 10)
	dst = append(dst, `,"sendToExperiment":`...)
	dst = strconv.AppendBool(dst, e.Experiment)
	return append(dst, '}')
}

func appendMetric(dst []byte, m *platform.Metric) []byte {
	dst = append(dst, `{"appType":"go-server-side","route":"index/metric","type":"CustomEvent","eventName":`...)
	dst = jsontext.AppendString(dst, m.Name)
	dst = append(dst, `,"numericValue":`...)
	dst = jsontext.AppendNumber(dst, m.Value)
	dst = append(dst, `,"timestamp":`...)
	dst = strconv.AppendInt(dst, m.UnixMilli, 10)
	return append(dst, '}')
}
