// Package vaulttest makes vaults for tests.
package vaulttest

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/agent/vault"
)

// New is a vault with keys of its own.
func New(tb testing.TB) *vault.Vault {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "number.keys")
	require.NoError(tb, vault.Create(path, vault.International))
	v, err := vault.Open(path)
	require.NoError(tb, err)
	return v
}
