package main

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestNoServerRunsAsRoot(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, (&serveCmd{}).checkUser(0), "--allow-root")
	require.NoError(t, (&serveCmd{AllowRoot: true}).checkUser(0))
	require.NoError(t, (&serveCmd{}).checkUser(995))
	code, said := command(t, nil, append([]string{"serve", "--listen=127.0.0.1:0"}, serveFiles(t)...)...)
	require.Equal(t, 1, code)
	if os.Geteuid() == 0 {
		require.Contains(t, said, "deploy/systemd/hotline.service")
	}
}

// serveFiles are settings that are complete, and lead nowhere.
func serveFiles(t *testing.T) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(path, []byte("postgres:///nowhere?host=/nonexistent"), 0o600))
	return []string{"--database-url-file=" + path, "--redis-url-file=" + path, "--ari-password-file=" + path, "--number-key-file=" + path}
}

// RS1: the doctor names whoever runs as root, and what others may read.
func TestDoctorLooksAtUsers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put := func(name string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		require.NoError(t, os.Chmod(path, mode))
		return path
	}
	folder := func(name string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.Mkdir(path, 0o700))
		require.NoError(t, os.Chmod(path, mode))
		return path
	}
	const table = `   0: 0100007F:1F98 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000   995        0 1 1 0 100 0 0 10 0
`
	root := fstest.MapFS{"proc/net/tcp": {Data: []byte(table)}}
	c := &doctorCmd{settings: settings{
		Listen: "127.0.0.1:8080", ARIURL: "http://127.0.0.1:8088", NumberKeyFile: put("keys", 0o600), NetDir: folder("net", 0o770),
		databaseFiles: databaseFiles{DatabaseURLFile: put("db", 0o640)}, RedisURLFile: put("redis", 0o600), ARIPasswordFile: put("ari", 0o400),
	}}
	folder("keys.journal", 0o700)
	put("keys.anchor", 0o600)
	put("net/net.csv", 0o640)
	require.Equal(t, []finding{
		{name: "server's user", detail: "uid 995 listens at 127.0.0.1:8080"},
		{"asterisk's user", "what listens at 127.0.0.1:8088 runs as root", "run it as a user of its own: deploy/systemd/asterisk.service.d/hotline.conf"},
	}, c.checkUsers(root))
	c.ARIURL, c.Listen = "http://127.0.0.1:8080", "127.0.0.1:8088"
	require.Equal(t, "what listens at 127.0.0.1:8088 runs as root", c.checkUsers(root)[0].detail)

	for name, mode := range map[string]os.FileMode{
		"db": 0o644, "redis": 0o604, "ari": 0o666, "keys": 0o640, "keys.anchor": 0o644, "keys.journal": 0o750, "net": 0o775, "net/net.csv": 0o664,
	} {
		require.NoError(t, os.Chmod(filepath.Join(dir, name), mode))
	}
	var mends []string
	for _, f := range c.checkReaders() {
		require.Contains(t, f.detail, "can be read by")
		mends = append(mends, f.mend)
	}
	at := func(mode, name string) string { return "chmod " + mode + " " + filepath.Join(dir, name) }
	require.Equal(t, []string{
		at("640", "db"), at("640", "redis"), at("640", "ari"), at("600", "keys"), at("640", "keys.anchor"), at("700", "keys.journal"),
		at("770", "net"), at("660", "net/net.csv"),
	}, mends)
}
