package ffctest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
)

// A client of the server, here plain HTTP, and what the server saw of it.
func ExampleNewServer() {
	srv := ffctest.NewServer(nil)
	defer srv.Close()
	srv.Put(ffctest.Flag("checkout"))

	body := `[{"user":{"keyId":"u1"},"userVariations":[{"featureFlagKeyName":"checkout","sendToExperiment":true,` +
		`"timestamp":1662595200123,"variation":{"localId":1,"variationValue":"true","reason":"fall through all rules"}}]}]`
	req, err := http.NewRequest(http.MethodPost, srv.URL+"/api/public/track", strings.NewReader(body))
	if err != nil {
		fmt.Println(err)
		return
	}
	req.Header.Set("envSecret", srv.EnvSecret)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = resp.Body.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	events, err := srv.WaitEvents(ctx, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(resp.Status, events[0].UserKey, events[0].FlagKey, events[0].Value)
	// Output: 200 OK u1 checkout true
}

// An outage of the events endpoint that ends after two requests.
func ExampleServer_FailNext() {
	srv := ffctest.NewServer(nil)
	defer srv.Close()
	srv.FailNext(ffctest.Events, 2, ffctest.Failure{Status: 429, RetryAfter: "1"})

	for range 3 {
		req, err := http.NewRequest(http.MethodPost, srv.URL+"/api/public/track", strings.NewReader("[]"))
		if err != nil {
			fmt.Println(err)
			return
		}
		req.Header.Set("envSecret", srv.EnvSecret)
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		_ = resp.Body.Close()
		fmt.Println(resp.StatusCode, resp.Header.Get("Retry-After"))
	}
	// Output:
	// 429 1
	// 429 1
	// 200
}

// Half of the users get blue, but all users in France or Belgium of age do, and
// so does u1.
func ExampleFlag() {
	checkout := ffctest.Flag("checkout").
		Variations("red", "blue").
		Target("blue", "u1").
		Rule("blue", ffctest.Attr("country").IsOneOf("FR", "BE"), ffctest.Attr("age").AtLeast("18")).
		Rollout(50, 50)

	srv := ffctest.NewServer(nil)
	defer srv.Close()
	srv.Put(checkout)
	srv.Put(checkout.Off()) // later

	fmt.Println(strings.Count(string(srv.Snapshot()), `"keyName":"checkout","status":"Disabled"`))
	// Output: 1
}

// Data for an offline client.
func ExampleSnapshot() {
	data := ffctest.Snapshot(
		ffctest.Segment("testers").Include("u1").Rule(ffctest.Attr("email").EndsWith("@example.com")),
	)

	var pretty bytes.Buffer
	if err := json.Indent(&pretty, data, "", "  "); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(pretty.String())
	// Output:
	// {
	//   "messageType": "data-sync",
	//   "data": {
	//     "eventType": "full",
	//     "featureFlags": [],
	//     "segments": [
	//       {
	//         "id": "testers",
	//         "isArchived": false,
	//         "timestamp": 1,
	//         "included": [
	//           "u1"
	//         ],
	//         "excluded": [],
	//         "rules": [
	//           {
	//             "ruleId": "s1",
	//             "ruleName": "rule 1",
	//             "ruleJsonContent": [
	//               {
	//                 "property": "email",
	//                 "operation": "EndsWith",
	//                 "value": "@example.com"
	//               }
	//             ]
	//           }
	//         ]
	//       }
	//     ],
	//     "userTags": []
	//   }
	// }
}
