package ffcopenfeature

import (
	"errors"
	"strconv"

	of "github.com/open-feature/go-sdk/openfeature"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// StaleReason is the specification's reason for a value that may be out of date.
// OpenFeature's SDK has no constant for it.
const StaleReason of.Reason = "STALE"

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
	// MetadataReason is the reason of the evaluation, a string, while the
	// resolution's reason is STALE; missing otherwise.
	MetadataReason = "reason"
)

// resolve converts the client's result into OpenFeature's.
func resolve[T any](p *Provider, d ffc.Detail[T], defaultValue T, flatCtx of.FlattenedContext) of.GenericResolutionDetail[T] {
	r := of.GenericResolutionDetail[T]{Value: defaultValue}
	status := p.client.Status()
	r.FlagMetadata = p.metadata(d.FlagName, &status)
	if d.Err != nil {
		r.Reason = of.ErrorReason
		r.ResolutionError = resolutionError(d.Err, flatCtx)
		return r
	}
	r.Value, r.Variant, r.Reason = d.Value, d.VariationID, reason(d.Reason, d.Static, d.Split)
	if status.State != ffc.StateOK {
		r.FlagMetadata[MetadataReason] = string(r.Reason)
		r.Reason = StaleReason
	}
	return r
}

func reason(r ffc.Reason, static, split bool) of.Reason {
	switch {
	case r == ffc.ReasonFlagOff, r == ffc.ReasonPrerequisiteFailed:
		return of.DisabledReason
	case split:
		return of.SplitReason
	case r == ffc.ReasonTargetMatch, r == ffc.ReasonRuleMatch:
		return of.TargetingMatchReason
	case static:
		return of.StaticReason
	case r == ffc.ReasonFallthrough:
		return of.DefaultReason
	}
	return of.UnknownReason
}

func resolutionError(err error, flatCtx of.FlattenedContext) of.ResolutionError {
	switch {
	case errors.Is(err, ffc.ErrNotReady):
		return of.NewProviderNotReadyResolutionError(err.Error())
	case errors.Is(err, ffc.ErrFlagNotFound):
		return of.NewFlagNotFoundResolutionError(err.Error())
	case errors.Is(err, ffc.ErrUserNotSpecified):
		if wrong := wrongTargetingKey(flatCtx); wrong != "" {
			return of.NewInvalidContextResolutionError(wrong)
		}
		return of.NewTargetingKeyMissingResolutionError("ffc: the evaluation context has no targeting key; the platform needs one to tell users apart")
	case errors.Is(err, ffc.ErrInvalidAttribute):
		return of.NewInvalidContextResolutionError(misuse(flatCtx))
	case errors.Is(err, errMalformed):
		return of.NewParseErrorResolutionError(err.Error(), err)
	case errors.Is(err, ffc.ErrWrongType):
		return of.NewTypeMismatchResolutionError(err.Error())
	}
	return of.NewGeneralResolutionError(err.Error(), err)
}

// metadata returns a new map each time: the SDK's multi-provider writes to it.
func (p *Provider) metadata(flagName string, status *ffc.Status) of.FlagMetadata {
	m := make(of.FlagMetadata)
	if flagName != "" {
		m[MetadataFlagName] = flagName
	}
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
