//go:build linux

package bounds

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/classic"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/featbit"
)

// Input is a kind of data that can be made in any size.
type Input struct {
	Name     string
	Platform string // classic.Name or featbit.Name
	// Factor is the maximum memory of a process, as a multiple of the size of
	// the data, in addition to spare.
	Factor int
	// Rejected: the data as a whole is rejected.
	Rejected bool
	// Value is the value of the flag "probe" for the user "u"; "-" if it has
	// none.
	Value string
	// data returns the elements of the list of flags, and of segments if there
	// are any, for a message of about n bytes.
	data func(n int) (flags, segments []byte)
	// message returns the whole message; if nil, the message is made from data.
	message func(n int) []byte
}

// Size is the size of the data in the table and in tests, in bytes.
const Size = 8 << 20

const (
	// spare is the memory that a process may take for data of any size, in bytes.
	spare = 16 << 20
	// refusedFactor is the maximum memory for data that is not read to its end, or a
	// file that ffc serve refuses, as a multiple of its size.
	refusedFactor = 2
)

// Most returns the maximum memory of a process, in bytes, for data of n bytes. A
// file that ffc serve rejects takes less.
func (in *Input) Most(n int, refused bool) int64 {
	if refused {
		return refusedFactor * int64(n)
	}
	return int64(in.Factor)*int64(n) + spare
}

// Message returns data of this kind of about n bytes.
func (in *Input) Message(n int) []byte {
	if in.message != nil {
		return in.message(n)
	}
	flags, segments := in.data(n)
	b := make([]byte, 0, len(flags)+len(segments)+200)
	b = append(b, `{"messageType":"data-sync","data":{"eventType":"full","featureFlags":[`...)
	b = append(append(b, flags...), `],"segments":[`...)
	return append(append(b, segments...), `]}}`...)
}

const (
	on  = `{"localId":1,"variationValue":"on"}`
	off = `{"localId":2,"variationValue":"off"}`
)

// classicFlag returns a flag of featureflag.co with more members. Its default rule
// serves "on" to every user.
func classicFlag(key, more string) string {
	return `{"id":"FF__11__22__33__` + key + `","timestamp":1,"ff":{"defaultRulePercentageRollouts":[{"valueOption":` + on +
		`}],"variationOptionWhenDisabled":` + off + `}` + more + `}`
}

// featBitFlag is classicFlag for FeatBit.
func featBitFlag(key, more string) string {
	return `{"key":"` + key + `","updatedAt":"2026-01-31T12:00:00.123Z","isEnabled":true,"variations":[{"id":"1","value":"on"},{"id":"2","value":"off"}],` +
		`"disabledVariationId":"2","fallthrough":{"variations":[{"id":"1","rollout":[0,1]}]}` + more + `}`
}

// list joins elements with commas until they have n bytes.
func list(n int, element func(i int) string) []byte {
	b := make([]byte, 0, n+200)
	for i := 0; len(b) < n; i++ {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, element(i)...)
	}
	return b
}

func same(text string) func(int) string { return func(int) string { return text } }

// one returns data of one flag "probe" that has a list of elements. before and
// after are the text around the list.
func one(flag func(key, more string) string, before string, element func(i int) string, after string) func(n int) (flags, segments []byte) {
	return func(n int) ([]byte, []byte) {
		head, tail, _ := bytes.Cut([]byte(flag("probe", before+"\x00"+after)), []byte{0})
		return append(append(head, list(n, element)...), tail...), nil
	}
}

// many returns data of many elements in the list of flags. The first is
// "probe".
func many(flag func(key, more string) string, element func(i int) string) func(n int) (flags, segments []byte) {
	return func(n int) ([]byte, []byte) {
		return append([]byte(flag("probe", "")+","), list(n, element)...), nil
	}
}

// typical is a rule and targets of the usual size.
const typical = `,"_id":"8f6e4f6e-0b7d-4d7e-9d6a-0c9d6b4a6f10","environmentId":33,"objectType":"FeatureFlag","fftuwmtr":[{"ruleId":"3b1f","ruleName":"adults in Europe","isIncludedInExpt":false,` +
	`"ruleJsonContent":[{"property":"age","operation":"BiggerEqualThan","value":"18"},{"property":"country","operation":"IsOneOf","value":"[\"FR\",\"BE\",\"NL\"]"}],` +
	`"valueOptionsVariationRuleValues":[{"rolloutPercentage":[0,0.5],"valueOption":` + on + `},{"rolloutPercentage":[0.5,1],"valueOption":` + off + `}]}],` +
	`"targetIndividuals":[{"individuals":[{"id":"1","name":"Ann","keyId":"ann@example.com","email":"ann@example.com"},{"id":"2","name":"Bob","keyId":"bob@example.com","email":null}],"valueOption":` + off + `}]`

// Inputs returns all kinds.
func Inputs() []Input {
	classicClause := func(i int) string { return fmt.Sprintf(`{"property":"a%d","operation":"Equal","value":"b%d"}`, i, i) }
	return []Input{
		{Name: "flags of 1 KiB", Platform: classic.Name, Factor: 4, Value: "on",
			data: many(classicFlag, func(i int) string { return classicFlag("flag-"+strconv.Itoa(i), typical) })},
		{Name: "the smallest flags", Platform: classic.Name, Factor: 4, Value: "on",
			data: many(classicFlag, func(i int) string { return classicFlag(strconv.Itoa(i), "") })},
		{Name: "the smallest flags, FeatBit", Platform: featbit.Name, Factor: 4, Value: "on",
			data: many(featBitFlag, func(i int) string { return featBitFlag(strconv.Itoa(i), "") })},
		{Name: "flags that have no more than an id", Platform: classic.Name, Factor: 3, Rejected: true,
			data: many(classicFlag, func(i int) string { return `{"id":"FF__11__22__33__` + strconv.Itoa(i) + `"}` })},
		{Name: "elements that are numbers", Platform: classic.Name, Factor: 3, Value: "on", data: many(classicFlag, same("0"))},
		{Name: "elements that are empty objects, FeatBit", Platform: featbit.Name, Factor: 3, Value: "on", data: many(featBitFlag, same("{}"))},
		{Name: "one flag with a list of targets", Platform: classic.Name, Factor: 6, Value: "on",
			data: one(classicFlag, `,"targetIndividuals":[{"valueOption":`+off+`,"individuals":[`, func(i int) string { return fmt.Sprintf(`{"keyId":"%07d"}`, i) }, `]}]`)},
		{Name: "one flag with a list of targets, FeatBit", Platform: featbit.Name, Factor: 6, Value: "on",
			data: one(featBitFlag, `,"targetUsers":[{"variationId":"2","keyIds":[`, func(i int) string { return fmt.Sprintf(`"user-%08d"`, i) }, `]}]`)},
		{Name: "the shortest targets, FeatBit", Platform: featbit.Name, Factor: 6, Value: "on",
			data: one(featBitFlag, `,"targetUsers":[{"variationId":"2","keyIds":[`, func(i int) string { return `"` + strconv.FormatInt(int64(i)+40, 36) + `"` }, `]}]`)},
		{Name: "one rule with many clauses", Platform: classic.Name, Factor: 4, Value: "on",
			data: one(classicFlag, `,"fftuwmtr":[{"ruleId":"r","ruleJsonContent":[`, classicClause, `],"valueOptionsVariationRuleValues":[{"valueOption":`+off+`}]}]`)},
		{Name: "a clause with a long list", Platform: classic.Name, Factor: 6, Value: "on",
			data: one(classicFlag, `,"fftuwmtr":[{"ruleJsonContent":[{"property":"a","operation":"IsOneOf","value":"[`, func(i int) string { return `\"` + strconv.Itoa(i) + `\"` }, `]"}],"valueOptionsVariationRuleValues":[{"valueOption":`+off+`}]}]`)},
		{Name: "shares that all have options of their own", Platform: classic.Name, Factor: 4, Value: "on",
			data: one(classicFlag, `,"fftuwmtr":[{"ruleJsonContent":[{"property":"key","operation":"Equal","value":"u"}],"valueOptionsVariationRuleValues":[`,
				func(i int) string {
					return fmt.Sprintf(`{"rolloutPercentage":[2,3],"valueOption":{"localId":%d,"variationValue":"v"}}`, i)
				}, `]}]`)},
		{Name: "empty conditions, FeatBit", Platform: featbit.Name, Factor: 3, Value: "-",
			data: one(featBitFlag, `,"rules":[{"conditions":[`, same("{}"), `]}]`)},
		{Name: "empty rules, FeatBit", Platform: featbit.Name, Factor: 3, Value: "-",
			data: one(featBitFlag, `,"rules":[`, same("{}"), `]`)},
		{Name: "a segment with a long list", Platform: classic.Name, Factor: 6, Value: "off",
			data: func(n int) ([]byte, []byte) {
				return []byte(classicFlag("probe", `,"fftuwmtr":[{"ruleJsonContent":[{"property":"User is in segment","operation":"","value":"[\"s\"]"}],"valueOptionsVariationRuleValues":[{"valueOption":`+off+`}]}]`)),
					append(append([]byte(`{"id":"s","timestamp":1,"included":[`), list(n, func(i int) string { return fmt.Sprintf(`"user-%08d"`, i) })...), `,"u"]}`...)
			}},
		{Name: "half a message", Platform: classic.Name, Factor: 3, Rejected: true,
			message: func(n int) []byte { return append([]byte(`{"featureFlags":[`), list(n, same(`{"id":"a"}`))...) }},
		{Name: "no JSON", Platform: classic.Name, Factor: 2, Rejected: true,
			message: func(n int) []byte { return bytes.Repeat([]byte("<p>"), n/3) }},
		{Name: "deep nesting", Platform: classic.Name, Factor: 2, Rejected: true,
			message: func(n int) []byte { return append([]byte(`{"data":`), bytes.Repeat([]byte("["), n)...) }},
	}
}
