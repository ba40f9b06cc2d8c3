package platform

import (
	"strconv"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
)

// Events of FeatBit (FeatBit reference, section 7). An item is a user with lists
// of evaluations and metrics; the platform stores each element of the lists on its
// own.

func appendFeatBitUser(dst []byte, u *eval.User, private *Private) []byte {
	dst = append(dst, `{"keyId":`...)
	dst = appendString(dst, u.Key)
	dst = append(dst, `,"name":`...)
	dst = appendString(dst, private.unless("name", u.Name))
	dst = append(dst, `,"customizedProperties":[`...)
	start := len(dst)
	dst = appendNotEmpty(dst, start, "email", private.unless("email", u.Email))
	dst = appendNotEmpty(dst, start, "country", private.unless("country", u.Country))
	for i := range u.Custom {
		if a := &u.Custom[i]; !private.has(a.Name) {
			dst = appendProperty(dst, start, a.Name, a.Value)
		}
	}
	return append(dst, `]}`...)
}

// appendNotEmpty appends a property unless its value is empty.
func appendNotEmpty(dst []byte, start int, name, value string) []byte {
	if value == "" {
		return dst
	}
	return appendProperty(dst, start, name, value)
}

func appendFeatBitEvaluation(dst []byte, e *Evaluation) []byte {
	dst = append(dst, `{"featureFlagKey":`...)
	dst = appendString(dst, e.Flag.Key)
	dst = append(dst, `,"variation":{"id":`...)
	dst = appendString(dst, e.Variation.ID)
	dst = append(dst, `,"value":`...)
	dst = appendString(dst, e.Variation.Value)
	dst = append(dst, `},"timestamp":`...)
	dst = strconv.AppendInt(dst, e.UnixMilli, 10)
	dst = append(dst, `,"sendToExperiment":`...)
	dst = strconv.AppendBool(dst, e.Experiment)
	return append(dst, '}')
}

func appendFeatBitMetric(dst []byte, m *Metric) []byte {
	dst = append(dst, `{"appType":"go-server-side","route":"index/metric","type":"CustomEvent","eventName":`...)
	dst = appendString(dst, m.Name)
	dst = append(dst, `,"numericValue":`...)
	dst = appendNumber(dst, m.Value)
	dst = append(dst, `,"timestamp":`...)
	dst = strconv.AppendInt(dst, m.UnixMilli, 10)
	return append(dst, '}')
}
