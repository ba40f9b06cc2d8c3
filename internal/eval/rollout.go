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
	// whole is the index of the only share that can be reached, when that
	// needs no bucket; otherwise -1.
	whole int
}

// share is a compiled model.Share.
type share struct {
	from, to   float64
	all        bool // takes every user without asking for the bucket
	variation  *Variation
	experiment experimentShare
}

// experimentShare says which users of a share count in experiments.
type experimentShare struct {
	limit float64 // the buckets 0 to limit, of the experiment's own hash
	some  bool    // only those: ask limit
	all   bool
}

func (r *Rules) compileRollout(m *model.Rollout, variations []Variation, all model.Tri) rollout {
	out := rollout{shares: make([]share, len(m.Shares)), whole: -1}
	for i, s := range m.Shares {
		out.shares[i] = share{
			from:       s.From,
			to:         s.To,
			all:        s.From == 0 && s.To == 1,
			variation:  &variations[s.Variation],
			experiment: compileExperiment(s, m.Experiment, all),
		}
	}
	if len(out.shares) > 0 && out.shares[0].all {
		out.whole = 0
	}
	return out
}

// compileExperiment follows protocol reference, section 6.8.
func compileExperiment(s model.Share, included, all model.Tri) experimentShare {
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
	limit := min(1, *s.Experiment/width)
	return experimentShare{limit: limit, some: limit < 1, all: limit == 1}
}

// share finds the share that takes the user.
func (ro *rollout) share(u *User) *share {
	if ro.whole >= 0 {
		return &ro.shares[ro.whole]
	}
	bucket := -1.0
	for i := range ro.shares {
		s := &ro.shares[i]
		if s.all {
			return s
		}
		if bucket < 0 {
			bucket = u.userBucket()
		}
		if inShare(s.from, s.to, bucket) {
			return s
		}
	}
	return nil
}

// inShare reports whether from <= bucket < to. The last share also takes the
// bucket 1, which one hash in 2^32 has (protocol reference, section 6.6).
func inShare(from, to, bucket float64) bool {
	return from <= bucket && (bucket < to || to >= 1 && bucket == 1)
}

// has reports whether the user counts in experiments.
func (e experimentShare) has(u *User) bool {
	if !e.some {
		return e.all
	}
	return inShare(0, e.limit, experimentBucket(u.Key))
}

// userBucket is the user's place in every rollout, computed once.
func (u *User) userBucket() float64 {
	if bits := u.bucket.Load(); bits != 0 {
		return math.Float64frombits(bits)
	}
	bucket := asciiBucket(u.Key)
	u.bucket.Store(math.Float64bits(bucket))
	return bucket
}

// maxStackKey is the longest user key, in bytes, that is hashed without an
// allocation, whatever is in it: what is hashed is made of it on the stack.
const maxStackKey = 256

// asciiBucket hashes the key as ASCII. Like the platform, it puts one "?" for
// each UTF-16 code unit of every other character.
func asciiBucket(key string) float64 {
	for i := range len(key) {
		if key[i] >= utf8.RuneSelf {
			var buf [maxStackKey]byte // each byte of the key gives one at most
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

// experimentBucket hashes the Base64 text of the key, so that who counts in an
// experiment does not depend on who got which variation.
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

// digestOf is MD5. The hash spreads users over buckets and protects nothing,
// so it is used even where a policy forbids it for cryptography.
func digestOf(text []byte) [md5.Size]byte {
	if fips140.Enforced() {
		return digestUnenforced(text)
	}
	return md5.Sum(text)
}

// digestUnenforced is apart because what its closure captures moves to the heap.
func digestUnenforced(text []byte) (digest [md5.Size]byte) {
	text = append([]byte(nil), text...)
	fips140.WithoutEnforcement(func() { digest = md5.Sum(text) })
	return digest
}
