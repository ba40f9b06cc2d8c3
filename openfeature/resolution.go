package ffcopenfeature

import (
	"errors"
	"strconv"

	of "github.com/open-feature/go-sdk/openfeature"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// Keys of the flag metadata.
const (
	// MetadataFlagName is the flag's display name, a string; missing if the flag
	// was not found.
	MetadataFlagName = "flagName"
	// MetadataVersion is the version of the data, the Unix time of its newest
	// change in milliseconds, as a string; missing without data.
	MetadataVersion = "version"
	// MetadataDataAge is how many seconds ago the platform last confirmed the
	// data, a float64; missing if it never did, as with a bootstrap.
	MetadataDataAge = "dataAge"
)

// resolve converts the client's result into OpenFeature's. misuse is the error of the
// evaluation context, "" without one.
func resolve[T any](p *Provider, d ffc.Detail[T], defaultValue T, misuse string) of.GenericResolutionDetail[T] {
	r := of.GenericResolutionDetail[T]{Value: defaultValue}
	r.FlagMetadata = p.metadata(d.FlagName)
	if d.Err != nil {
		r.Reason = of.ErrorReason
		r.ResolutionError = resolutionError(d.Err, misuse)
		return r
	}
	r.Value, r.Variant, r.Reason = d.Value, d.VariationID, reason(d.Reason)
	return r
}

func reason(r ffc.Reason) of.Reason {
	switch r {
	case ffc.ReasonFlagOff, ffc.ReasonPrerequisiteFailed:
		return of.DisabledReason
	case ffc.ReasonTargetMatch, ffc.ReasonRuleMatch:
		return of.TargetingMatchReason
	case ffc.ReasonFallthrough:
		return of.DefaultReason
	}
	return of.UnknownReason
}

func resolutionError(err error, misuse string) of.ResolutionError {
	switch {
	case errors.Is(err, ffc.ErrNotReady):
		return of.NewProviderNotReadyResolutionError(err.Error())
	case errors.Is(err, ffc.ErrFlagNotFound):
		return of.NewFlagNotFoundResolutionError(err.Error())
	case errors.Is(err, ffc.ErrUserNotSpecified) && misuse != "":
		return of.NewInvalidContextResolutionError(misuse)
	case errors.Is(err, ffc.ErrUserNotSpecified):
		return of.NewTargetingKeyMissingResolutionError("ffc: the evaluation context has no targeting key; the platform needs one to tell users apart")
	case errors.Is(err, ffc.ErrWrongType):
		return of.NewTypeMismatchResolutionError(err.Error())
	case errors.Is(err, errMalformed):
		return of.NewParseErrorResolutionError(err.Error(), err)
	}
	return of.NewGeneralResolutionError(err.Error(), err)
}

// metadata returns a new map each time: the SDK's multi-provider writes to it.
func (p *Provider) metadata(flagName string) of.FlagMetadata {
	m := make(of.FlagMetadata)
	if flagName != "" {
		m[MetadataFlagName] = flagName
	}
	status := p.client.Status()
	if status.DataVersion != 0 {
		m[MetadataVersion] = p.versionOf(status.DataVersion)
	}
	if status.DataAge != 0 {
		m[MetadataDataAge] = status.DataAge.Seconds()
	}
	return m
}

// versionText caches the text of a version, because the version rarely changes.
type versionText struct {
	version int64
	text    any
}

func (p *Provider) versionOf(version int64) any {
	v := p.version.Load()
	if v == nil || v.version != version {
		v = &versionText{version, strconv.FormatInt(version, 10)}
		p.version.Store(v)
	}
	return v.text
}
