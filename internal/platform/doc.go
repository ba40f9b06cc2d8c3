// Package platform has everything in which the platforms differ: secrets,
// tokens, messages, events, and the decoding of data into package model.
//
// A Protocol has what is the same for all environments of a platform. A Codec
// reads the data of one environment. To add a platform, write a function like
// Classic and add its result to All.
package platform
