package auth_test

import (
	"testing"

	"github.com/alexedwards/argon2id"
	"github.com/stretchr/testify/require"

	"hotline/agent/auth"
)

// TestNobodysPassword : to check it is the work of checking anybody's, and none fits.
func TestNobodysPassword(t *testing.T) {
	t.Parallel()
	hash, of := auth.NobodysHash()
	fits, params, err := argon2id.CheckHash("Xk7-unbekannt-2026", hash)
	require.NoError(t, err)
	require.False(t, fits)
	require.Equal(t, of, params)
	again, _ := auth.NobodysHash()
	require.NotEqual(t, hash, again)
}
