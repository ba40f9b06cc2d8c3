package eval

import (
	"crypto/fips140"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"math"
	"unicode/utf8"
	"unsafe"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// rollout divides users over variations by their bucket.
type rollout struct {
	shares []share
	// of is the bucket of the flag; nil if users have one bucket for all flags.
	of *bucketOfFlag
	// whole is the index of the only share that can be reached, if that needs
	// no bucket, or -1.
	whole int
}

// share is a compiled model.Share. It serves users with from <= bucket <= to.
type share struct {
	from, to   float64
	all        bool // serves every user, so no bucket is needed
	variation  *Variation
	experiment experimentShare
}

// experimentShare says which users of a share count in experiments.
type experimentShare struct {
	limit float64 // the buckets 0 to limit, of the experiment's own hash
	some  bool    // limit decides
	all   bool
}

// nearlyOne reports whether a share from 0 to this end serves every user, if
// shares are closed, although the end is not exactly 1.
func nearlyOne(to float64) bool { return 1-to < 0.00001 }

// bounds returns the first and the last bucket of a share, and whether the
// share serves every user.
func (sem *Semantics) bounds(from, to float64) (first, last float64, all bool) {
	switch {
	case sem.ClosedShares && from == 0 && to == 0:
		return from, -1, false
	case sem.ClosedShares:
		return from, to, from == 0 && nearlyOne(to)
	case to < 1:
		// Up to the number before. The bucket 1, which one hash in 2^32 has,
		// belongs to the last share (protocol reference, section 6.6).
		return from, math.Nextafter(to, math.Inf(-1)), false
	}
	return from, to, from == 0 && to == 1
}

func (sem *Semantics) compileRollout(flag *model.Flag, m *model.Rollout, variations variations) rollout {
	out := rollout{shares: make([]share, len(m.Shares)), whole: -1}
	if sem.BucketPerFlag {
		out.of = sem.bucketOfFlag(flag.Key, m.BucketBy)
	}
	for i, s := range m.Shares {
		compiled := &out.shares[i]
		compiled.from, compiled.to, compiled.all = sem.bounds(s.From, s.To)
		compiled.variation = variations.at(s.Variation)
		compiled.experiment = sem.compileExperiment(s, m.Experiment, flag.ExperimentAll)
	}
	if len(out.shares) > 0 && out.shares[0].all {
		out.whole = 0
	}
	return out
}

// compileExperiment follows protocol reference, section 6.8. FeatBit's rules
// are the same, but there every value is set (FeatBit reference, section 6.5).
func (sem *Semantics) compileExperiment(s model.Share, included, all model.Tri) experimentShare {
	switch {
	case all != model.No, included == model.Unset, s.Experiment == nil:
		return experimentShare{all: true}
	case included == model.No:
		return experimentShare{}
	}
	width := s.To - s.From
	if *s.Experiment == 0 || width == 0 {
		return experimentShare{}
	}
	_, limit, everybody := sem.bounds(0, min(1, *s.Experiment/width))
	return experimentShare{limit: limit, some: !everybody, all: everybody}
}

// share returns the share of the user of an evaluation.
func (ro *rollout) share(e *evaluation) *share {
	if ro.whole >= 0 {
		return &ro.shares[ro.whole]
	}
	if !e.spend(len(ro.shares)) {
		return nil
	}
	u := e.user
	bucket := -1.0
	for i := range ro.shares {
		s := &ro.shares[i]
		if s.all {
			return s
		}
		if bucket < 0 {
			if ro.of == nil {
				bucket = u.userBucket()
			} else if value, _ := u.lookup(&ro.of.attribute); value == "" && e.needsInvalid(&ro.of.attribute) {
				return nil
			} else {
				bucket = ro.of.bucket(u, false)
			}
		}
		if s.from <= bucket && bucket <= s.to {
			return s
		}
	}
	return nil
}

// result returns the result of a share that the user has.
func (ro *rollout) result(f *Flag, s *share, reason Reason, u *User) Result {
	return Result{Flag: f, Variation: s.variation, Reason: reason, Experiment: ro.counts(s, u), Split: !s.all}
}

// counts reports whether the user, who has a share, counts in experiments.
func (ro *rollout) counts(s *share, u *User) bool {
	e := &s.experiment
	if !e.some {
		return e.all
	}
	if ro.of != nil {
		return ro.of.bucket(u, true) <= e.limit
	}
	return experimentBucket(u.Key) <= e.limit
}

// bucketOfFlag computes the buckets of users in the rollouts of one flag
// (FeatBit reference, section 6.4).
type bucketOfFlag struct {
	prefix    string // experimentPrefix and the flag's key
	attribute attributeRef
}

// experimentPrefix makes buckets of experiments independent of those of
// variations.
const experimentPrefix = "expt"

func (sem *Semantics) bucketOfFlag(key, attribute string) *bucketOfFlag {
	b := &bucketOfFlag{prefix: experimentPrefix + key, attribute: attributeRef{kind: AttributeKey}}
	if !Blank(attribute) {
		b.attribute = sem.attribute(attribute)
	}
	return b
}

// bucket hashes the flag's key and the user's attribute. A missing attribute is
// the empty text. It allocates for texts longer than maxStackText.
func (b *bucketOfFlag) bucket(u *User, experiment bool) float64 {
	prefix := b.prefix
	if !experiment {
		prefix = prefix[len(experimentPrefix):]
	}
	value, _ := u.lookup(&b.attribute)
	var buf [maxStackText]byte
	return bucketOf(append(append(buf[:0], prefix...), value...))
}

// maxStackText is the longest text, in bytes, of a flag's key and an attribute
// that is hashed without an allocation.
const maxStackText = 512

// userBucket returns the user's bucket for every rollout. It is computed once.
func (u *User) userBucket() float64 {
	if bits := u.bucket.Load(); bits != 0 {
		return math.Float64frombits(bits)
	}
	bucket := asciiBucket(u.Key)
	u.bucket.Store(math.Float64bits(bucket))
	return bucket
}

// maxStackKey is the longest user key, in bytes, that is hashed without an
// allocation, whatever its characters. The hashed text is built on the stack.
const maxStackKey = 256

// asciiBucket hashes the key as ASCII. Like the platform, it puts one "?" for
// each UTF-16 code unit of every other character.
func asciiBucket(key string) float64 {
	for i := range len(key) {
		if key[i] >= utf8.RuneSelf {
			var buf [maxStackKey]byte // each byte of the key becomes at most one byte
			return bucketOf(appendASCII(buf[:0], key))
		}
	}
	// The hash only reads the bytes, so the string need not be copied.
	return bucketOf(unsafe.Slice(unsafe.StringData(key), len(key)))
}

func appendASCII(dst []byte, s string) []byte {
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf:
			dst = append(dst, byte(r))
		case r > 0xffff:
			dst = append(dst, "??"...)
		default:
			dst = append(dst, '?')
		}
	}
	return dst
}

// experimentBucket hashes the Base64 text of the key, so that counting in an
// experiment does not depend on the variation.
func experimentBucket(key string) float64 {
	var buf [(maxStackKey + 2) / 3 * 4]byte
	return bucketOf(base64.StdEncoding.AppendEncode(buf[:0], unsafe.Slice(unsafe.StringData(key), len(key))))
}

// bucketOf maps text to [0, 1]: the first four bytes of its MD5 as a
// little-endian signed number, over the smallest such number, without sign.
func bucketOf(text []byte) float64 {
	digest := digestOf(text)
	n := int32(binary.LittleEndian.Uint32(digest[:4]))
	return math.Abs(float64(n) / math.MinInt32)
}

// digestOf is MD5. It spreads users over buckets and is not used for
// cryptography, so it is used even where a policy forbids MD5.
func digestOf(text []byte) [md5.Size]byte {
	if fips140.Enforced() {
		return digestUnenforced(text)
	}
	return md5.Sum(text)
}

// digestUnenforced is a separate function because what its closure captures
// moves to the heap.
func digestUnenforced(text []byte) (digest [md5.Size]byte) {
	text = append([]byte(nil), text...)
	fips140.WithoutEnforcement(func() { digest = md5.Sum(text) })
	return digest
}
