// Package systemd_test holds the units of a production installation to what they promise.
package systemd_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// settings are those of a unit's section, each with all its values in order; an empty one forgets those before it.
func settings(t *testing.T, path, section string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	all, in := map[string][]string{}, ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			in = strings.Trim(line, "[]")
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if in != section || strings.HasPrefix(line, "#") || line == "" {
			continue
		}
		require.True(t, ok, line)
		if value == "" {
			all[name] = nil
			continue
		}
		all[name] = append(all[name], value)
	}
	return all
}

// RS1, reliability.md 10: neither is root, gains anything, or writes beyond its own; no core keeps a key. They share one folder.
func TestUnitsKeepApart(t *testing.T) {
	t.Parallel()
	server, exchange := settings(t, "hotline.service", "Service"), settings(t, "asterisk.service.d/hotline.conf", "Service")
	for name, unit := range map[string]map[string][]string{"hotline": server, "asterisk": exchange} {
		for setting, want := range map[string]string{
			"User": name, "Group": name, "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes", "PrivateDevices": "yes",
			"NoNewPrivileges": "yes", "LimitCORE": "0", "Restart": "always", "RestrictSUIDSGID": "yes", "RestrictNamespaces": "yes",
			"ProtectProc": "invisible",
		} {
			require.Equal(t, []string{want}, unit[setting], "%s: %s", name, setting)
		}
		for _, empty := range []string{"CapabilityBoundingSet", "AmbientCapabilities"} {
			values, said := unit[empty]
			require.True(t, said, "%s: %s", name, empty)
			require.Empty(t, values, "%s: %s", name, empty)
		}
	}
	require.Equal(t, []string{"-/var/spool/asterisk/net"}, server["ReadWritePaths"], "of Asterisk's folders only the net's")
	require.Equal(t, []string{"0077"}, server["UMask"])
	require.Equal(t, []string{"0027"}, exchange["UMask"], "the server's group reads what is written into its folder")
	require.NotContains(t, exchange["ExecStart"][0], "-U", "it does not start as root")
	shared, err := os.ReadFile("hotline.tmpfiles")
	require.NoError(t, err)
	require.Equal(t, []string{"d", "/var/spool/asterisk/net", "2770", "asterisk", "hotline", "-"}, strings.Fields(lastLine(shared)))
	require.Contains(t, server["Environment"], "HOTLINE_NET_DIR=/var/spool/asterisk/net")
}

func lastLine(text []byte) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}

// systemd itself finds nothing wrong, where there is one to ask, and little exposed.
func TestSystemdTakesTheUnits(t *testing.T) {
	t.Parallel()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		return // the test above reads them all the same
	}
	root := t.TempDir()
	put := func(path, content string, mode os.FileMode) {
		path = filepath.Join(root, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), mode))
	}
	read := func(path string) string {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		return string(text)
	}
	const units = "/etc/systemd/system/"
	put(units+"hotline.service", read("hotline.service"), 0o644)
	put(units+"asterisk.service", "[Unit]\nDescription=Asterisk\n[Service]\nType=notify\nExecStart=/usr/sbin/asterisk -g -f -p -U asterisk -G asterisk\n", 0o644)
	put(units+"asterisk.service.d/hotline.conf", read("asterisk.service.d/hotline.conf"), 0o644)
	for _, target := range []string{"sysinit", "basic", "shutdown", "multi-user", "network-online"} {
		put(units+target+".target", "[Unit]\nDescription="+target+"\n", 0o644)
	}
	put("/usr/local/bin/hotline", "", 0o755)
	put("/usr/sbin/asterisk", "", 0o755)
	for _, unit := range []string{"hotline.service", "asterisk.service"} {
		out, err := exec.CommandContext(t.Context(), analyze, "--root="+root, "--man=no", "verify", unit).CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.NotContains(t, string(out), root, "%s", out)
		out, err = exec.CommandContext(t.Context(), analyze, "--root="+root, "--no-pager", "--offline=true", "--threshold=20", "security", unit).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
}
