package platform

import (
	"math"
	"strconv"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
)

// Events of featureflag.co (protocol reference, section 8). Every evaluation is
// an item of its own, because the platform assigns a whole item to its first
// flag.

func appendClassicUser(dst []byte, u *eval.User, private *Private) []byte {
	name, email, country := u.ClassicBuiltIns()
	dst = append(dst, `{"keyId":`...)
	dst = appendString(dst, u.Key)
	dst = append(dst, `,"userName":`...)
	dst = appendString(dst, private.unless("name", name))
	dst = append(dst, `,"email":`...)
	dst = appendString(dst, private.unless("email", email))
	dst = append(dst, `,"country":`...)
	dst = appendString(dst, private.unless("country", country))
	dst = append(dst, `,"customizedProperties":[`...)
	start := len(dst)
	for i := range u.Custom {
		if a := &u.Custom[i]; !eval.Reserved(a.Name) && !private.has(a.Name) {
			dst = appendProperty(dst, start, a.Name, a.Value)
		}
	}
	return append(dst, `]}`...)
}

// appendProperty appends a name and a value to the list of properties, which
// begins at start.
func appendProperty(dst []byte, start int, name, value string) []byte {
	if len(dst) > start {
		dst = append(dst, ',')
	}
	dst = append(dst, `{"name":`...)
	dst = appendString(dst, name)
	dst = append(dst, `,"value":`...)
	dst = appendString(dst, value)
	return append(dst, '}')
}

func appendClassicEvaluation(dst []byte, e *Evaluation) []byte {
	dst = append(dst, `{"featureFlagKeyName":`...)
	dst = appendString(dst, e.Flag.Key)
	dst = append(dst, `,"sendToExperiment":`...)
	dst = strconv.AppendBool(dst, e.Experiment)
	dst = append(dst, `,"timestamp":`...)
	dst = strconv.AppendInt(dst, e.UnixMilli, 10)
	dst = append(dst, `,"variation":{"localId":`...)
	dst = append(dst, e.Variation.ID...) // decimal: it was read as a number
	dst = append(dst, `,"variationValue":`...)
	dst = appendString(dst, e.Variation.Value)
	dst = append(dst, `,"reason":`...)
	dst = appendString(dst, e.Reason.String())
	return append(dst, `}}`...)
}

func appendClassicMetric(dst []byte, m *Metric) []byte {
	dst = append(dst, `{"route":"index/metric","type":"CustomEvent","eventName":`...)
	dst = appendString(dst, m.Name)
	dst = append(dst, `,"numericValue":`...)
	dst = appendNumber(dst, m.Value)
	return append(dst, `,"appType":"goserverside"}`...)
}

// appendNumber appends a finite number as JSON.
func appendNumber(dst []byte, f float64) []byte {
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, f, format, -1, 64)
}
