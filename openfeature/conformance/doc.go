// Package conformance tests the provider against what OpenFeature publishes: the
// scenarios of the specification, run with godog, and the code that the OpenFeature CLI
// generates from manifests of ffc manifest. It is a module of its own, because both
// need modules that users of the provider do not.
package conformance
