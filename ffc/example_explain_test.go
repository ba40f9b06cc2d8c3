package ffc_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
)

// explainable is a client of a flag that has reasons.
func explainable() *ffc.Client {
	client, _ := ffc.New(context.Background(), ffc.Config{Offline: true, Bootstrap: ffctest.Snapshot(
		ffctest.Segment("testers").Include("u7"),
		ffctest.Flag("checkout").Variations("red", "blue").
			Rule("blue", ffctest.InSegment("testers")).
			RuleRollout([]float64{20, 80}, ffctest.Attr("country").IsOneOf("FR", "BE"), ffctest.Attr("plan").Equal("pro")).
			NoExperiment())})
	return client
}

// Why does this user see the blue checkout?
func ExampleClient_Explain() {
	client := explainable()
	user := ffc.NewUser("u1", ffc.Country("FR"), ffc.String("plan", "pro"))
	fmt.Println(client.Explain("checkout", user))
	// Output:
	// checkout = "blue" (rule match)
	//   targets: the user is not listed
	//   rule 1: does not match
	//     User is in segment ["testers"]: no
	//       segment testers does not have the user (no rule)
	//   rule 2: matches
	//     country IsOneOf ["FR","BE"]: yes, the user has "FR"
	//     plan Equal "pro": yes, the user has "pro"
	//     bucket 0.271103 (key "u1") in share 0.2-1 -> "blue"
}

// Which conditions keep a user out?
func ExampleExplanation() {
	client := explainable()
	e := client.Explain("checkout", ffc.NewUser("u2", ffc.Country("FR"), ffc.String("plan", "free")))
	fmt.Println(e.Value, "because of", e.Reason)
	for _, rule := range e.Rules {
		for _, c := range rule.Clauses {
			if !c.Matched {
				fmt.Println(strings.TrimSpace(c.Attribute+" "+c.Operator), c.Operand)
			}
		}
	}
	// Output:
	// red because of fall through all rules
	// User is in segment ["testers"]
	// plan Equal pro
}
