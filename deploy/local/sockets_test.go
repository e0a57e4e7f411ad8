package local_test

import (
	"net"
	"os"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"hotline/deploy/local"
)

// Whoever listens is found in the kernel's own table, on this machine and in its notation.
func TestListener(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"} {
		l, err := net.Listen("tcp", address)
		require.NoError(t, err)
		uid, found := local.ListenerUser(os.DirFS("/"), l.Addr().String())
		require.True(t, found, l.Addr())
		require.Equal(t, os.Geteuid(), uid)
		port := l.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // it is one
		if address != "[::1]:0" {
			_, found = local.ListenerUser(os.DirFS("/"), (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}).String())
			require.True(t, found, "by any of its addresses")
		}
		require.NoError(t, l.Close())
		_, found = local.ListenerUser(os.DirFS("/"), l.Addr().String())
		require.False(t, found)
	}
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F98 00000000:0000 0A 00000000:00000000 00:00000000 00000000   999        0 1 1 0 100 0 0 10 0
   1: 0100007F:1F90 0100007F:1F98 01 00000000:00000000 00:00000000 00000000     7        0 1 1 0 100 0 0 10 0
   2: 0200007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
`
	root := fstest.MapFS{"proc/net/tcp": {Data: []byte(table)}}
	uid, found := local.ListenerUser(root, "127.0.0.1:8088")
	require.True(t, found)
	require.Equal(t, 999, uid)
	_, found = local.ListenerUser(root, "127.0.0.1:8080")
	require.False(t, found, "a connection is none, and neither is another address")
}
