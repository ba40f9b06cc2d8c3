package classic

import (
	"strconv"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
)

// Events of featureflag.co (protocol reference, section 8). Every evaluation is
// an item of its own, because the platform assigns a whole item to its first
// flag.

func appendUser(dst []byte, u *eval.User, private *platform.Private) []byte {
	name, email, country := u.ClassicBuiltIns()
	dst = append(dst, `{"keyId":`...)
	dst = jsontext.AppendString(dst, u.Key)
	dst = append(dst, `,"userName":`...)
	dst = jsontext.AppendString(dst, private.Unless("name", name))
	dst = append(dst, `,"email":`...)
	dst = jsontext.AppendString(dst, private.Unless("email", email))
	dst = append(dst, `,"country":`...)
	dst = jsontext.AppendString(dst, private.Unless("country", country))
	dst = append(dst, `,"customizedProperties":[`...)
	start := len(dst)
	for i := range u.Custom {
		if a := &u.Custom[i]; !eval.Reserved(a.Name) && !private.Has(a.Name) {
			dst = platform.AppendProperty(dst, start, a.Name, a.Value)
		}
	}
	return append(dst, `]}`...)
}

func appendEvaluation(dst []byte, e *platform.Evaluation) []byte {
	dst = append(dst, `{"featureFlagKeyName":`...)
	dst = jsontext.AppendString(dst, e.Flag.Key)
	dst = append(dst, `,"sendToExperiment":`...)
	dst = strconv.AppendBool(dst, e.Experiment)
	dst = append(dst, `,"timestamp":`...)
	dst = strconv.AppendInt(dst, e.UnixMilli, 10)
	dst = append(dst, `,"variation":{"localId":`...)
	dst = append(dst, e.Variation.ID...) // decimal: it was read as a number
	dst = append(dst, `,"variationValue":`...)
	dst = jsontext.AppendString(dst, e.Variation.Value)
	dst = append(dst, `,"reason":"`...)
	dst = append(dst, e.Reason.String()...) // has nothing to escape
	return append(dst, `"}}`...)
}

func appendMetric(dst []byte, m *platform.Metric) []byte {
	dst = append(dst, `{"route":"index/metric","type":"CustomEvent","eventName":`...)
	dst = jsontext.AppendString(dst, m.Name)
	dst = append(dst, `,"numericValue":`...)
	dst = jsontext.AppendNumber(dst, m.Value)
	return append(dst, `,"appType":"goserverside"}`...)
}
