package main

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/aws/aws-lambda-go/events"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// shop is a checkout with two flags and a metric.
type shop struct{ client *ffc.Client }

// serve handles GET /checkout and POST /purchase. The query has the user's key.
func (s *shop) serve(ctx context.Context, req events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	key := req.QueryStringParameters["user"]
	if key == "" {
		return answer(http.StatusBadRequest, map[string]any{"error": "missing user: expected ?user=KEY"})
	}
	user := ffc.NewUser(key, ffc.Country(req.Headers["cloudfront-viewer-country"]))
	switch req.RouteKey {
	case "GET /checkout":
		flags := s.client.For(user)
		return answer(http.StatusOK, map[string]any{
			"button":   flags.String(ctx, "checkout-button", "green"),
			"discount": flags.Int(ctx, "discount", 0),
		})
	case "POST /purchase":
		if err := s.client.Track(ctx, user, "purchase"); err != nil {
			return events.APIGatewayV2HTTPResponse{}, err
		}
		return answer(http.StatusAccepted, map[string]any{})
	}
	return answer(http.StatusNotFound, map[string]any{"error": "no such route"})
}

func answer(status int, body map[string]any) (events.APIGatewayV2HTTPResponse, error) {
	text, err := json.Marshal(body)
	return events.APIGatewayV2HTTPResponse{
		StatusCode: status,
		Headers:    map[string]string{"Content-Type": "application/json"},
		Body:       string(text),
	}, err
}
