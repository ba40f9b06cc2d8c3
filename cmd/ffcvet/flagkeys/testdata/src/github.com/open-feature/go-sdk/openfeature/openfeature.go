// Package openfeature has the parts of OpenFeature's API that the fixtures use.
package openfeature

import "context"

type EvaluationContext struct{}

type Client struct{}

type IClient interface {
	BooleanValue(ctx context.Context, flag string, defaultValue bool, evalCtx EvaluationContext) (bool, error)
	String(ctx context.Context, flag string, defaultValue string, evalCtx EvaluationContext) string
}

type FeatureProvider interface {
	BooleanEvaluation(ctx context.Context, flag string, defaultValue bool) bool
}

func NewClient(domain string) *Client { return &Client{} }

func GetClient() IClient { return &Client{} }

func SetProvider(p FeatureProvider) {}

func (c *Client) BooleanValue(ctx context.Context, flag string, defaultValue bool, evalCtx EvaluationContext) (bool, error) {
	return defaultValue, nil
}

func (c *Client) String(ctx context.Context, flag string, defaultValue string, evalCtx EvaluationContext) string {
	return defaultValue
}
