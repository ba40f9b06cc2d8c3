// Package flagfile reads and changes flag files: the format of ffc serve and of
// package ffctest/flagfile.
//
// A file is JSON. Its simple form has flags by key and segments by id, in the
// words of the builders of ffctest:
//
//	{
//	  "flags": {
//	    "checkout": {
//	      "name": "New checkout",
//	      "on": true,
//	      "variations": ["three-steps", "one-page"],
//	      "offVariation": "three-steps",
//	      "prerequisites": {"shop": "open"},
//	      "targets": {"one-page": ["ann"]},
//	      "rules": [
//	        {
//	          "if": [
//	            {"attribute": "country", "isOneOf": ["FR", "BE"]},
//	            {"attribute": "age", "atLeast": 18},
//	            {"inSegment": "beta"}
//	          ],
//	          "rollout": {"three-steps": 50, "one-page": 50}
//	        }
//	      ],
//	      "serve": "three-steps"
//	    },
//	    "shop": {"variations": ["open", "closed"]}
//	  },
//	  "segments": {
//	    "beta": {
//	      "included": ["ann"],
//	      "excluded": ["bob"],
//	      "rules": [{"if": [{"attribute": "email", "endsWith": "@example.com"}]}]
//	    }
//	  }
//	}
//
// All members are optional. By default a flag is on, its name is its key, and its
// variations are "true" and "false". It serves the first variation to everyone,
// and the last while it is off. Variations are text.
//
//   - "prerequisites" are other flags of the file with the variation that each
//     must serve; FeatBit has none.
//   - "targets" are user keys by the variation that they get.
//   - "rules" are tried in order. A rule is for users that match all conditions
//     after "if".
//   - "serve" is one variation for all, "rollout" percentages with a sum of 100:
//     in a rule for who matches, in the flag for everybody else.
//   - "experiment" says who counts in experiments: percentages by variation, or
//     false for no one. Without it everyone counts.
//
// A condition has an "attribute" and one of equal, notEqual, contains,
// notContains, startsWith, endsWith, matchRegex and notMatchRegex with a text,
// isOneOf and notOneOf with a list of texts, lessThan, atMost, greaterThan and
// atLeast with a number, isTrue and isFalse with true. Or it is inSegment or
// notInSegment with the id of a segment of the file, or a list of them. Unknown
// members and duplicate members are errors.
//
// The other form is a snapshot of an environment, of either platform, as
// ffc.Client.WriteSnapshot writes it. Members that this package does not know are
// served, and stay in the file.
package flagfile
