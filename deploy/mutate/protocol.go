package main

// protocol are those of what clients outside rely on (RP1 to RP4).
func protocol() []guard {
	return []guard{
		{
			name: "an address without a version is answered", file: "cmd/hotline/unversioned.go",
			old: "if !lacksVersion(r.URL.Path) {", new: "if true || !lacksVersion(r.URL.Path) {",
			pkg: "./cmd/hotline", tests: "TestWithoutAVersion",
		},
		{
			name: "a database that does not answer is told in time", file: "cmd/hotline/routes.go",
			old: "within(s.patience, ", new: "within(time.Hour, ",
			pkg: "./cmd/hotline", tests: "TestSilentDatabaseIsTold",
		},
		{
			name: "a head that is too large is told so", file: "cmd/hotline/listen.go",
			old: "size > mostHead {", new: "size > 4*mostHead {",
			pkg: "./cmd/hotline", tests: "TestHeadIsBounded",
		},
		{
			name: "nothing is said twice", file: "cmd/hotline/text.go",
			old: "if len(values) > 1 {", new: "if len(values) > 9 {",
			pkg: "./cmd/hotline", tests: "TestWhatIsNoOperationIsAProblem",
		},
		{
			name: "a refusal says why", file: "agent/problem/problem.go",
			old: "p.why = why", new: "p.why = why[:0]",
			pkg: "./agent/problem", tests: "TestWhyIsTold",
		},
		{
			name: "every answer is described", file: "agent/door/describe.go",
			old: "http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)", new: "http.StatusRequestEntityTooLarge)",
			pkg: "./cmd/hotline", tests: "TestOperationsSayHowTheyRefuse",
		},
	}
}
