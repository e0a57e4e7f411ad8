package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestServerLeavesCoresToTheExchange(t *testing.T) {
	t.Parallel()
	unset := func(string) string { return "" }
	for have, want := range map[int]int{1: 1, 2: 1, 3: 1, 8: 4} {
		require.Equal(t, want, coreShare(unset, have))
	}
	require.Equal(t, 8, coreShare(func(string) string { return "8" }, 8), "the operator's word stands")
}
