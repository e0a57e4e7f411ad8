package problem_test

import (
	"testing"

	"hotline/agent/problem"
)

// BenchmarkFor : what a refusal that names fields costs, in the language that its messages have to be found in.
func BenchmarkFor(b *testing.B) {
	p := problem.New(422, "invalid").With(problem.Field{Location: "body.a", Message: "expected string"}, problem.Field{Location: "body.b", Message: "unexpected property"}, problem.Field{Location: "x", Message: "of nobody"})
	for b.Loop() {
		_ = p.For(b.Context(), "zh-CN")
	}
}
