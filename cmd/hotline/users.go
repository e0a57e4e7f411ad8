package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"hotline/deploy/local"
)

// checkUser refuses to serve as root: what a stranger makes such a server do knows no bounds, and the journal and the anchors that it
// leaves are not to be opened by the user who serves next. It refuses, and does not only warn, for the reason of checkPowers. A
// container that has no other user says so.
func (c *serveCmd) checkUser(uid int) error {
	if uid == 0 && !c.AllowRoot {
		return errors.New("a server needs nothing that only root may: run it as a user of its own (deploy/systemd/hotline.service), or say --allow-root")
	}
	return nil
}

// checkUsers looks who listens where the server and the exchange do, and who may read what they keep.
func (c *doctorCmd) checkUsers(root fs.FS) []finding {
	var out []finding
	for _, l := range []struct{ name, addr, mend string }{
		{"server's user", c.Listen, "run it as a user of its own: deploy/systemd/hotline.service"},
		{"asterisk's user", hostOf(c.ARIURL), "run it as a user of its own: deploy/systemd/asterisk.service.d/hotline.conf"},
	} {
		uid, found := local.ListenerUser(root, l.addr)
		switch {
		case !found: // it does not run, or elsewhere
		case uid == 0:
			out = append(out, finding{l.name, "what listens at " + l.addr + " runs as root", l.mend})
		default:
			out = append(out, finding{name: l.name, detail: fmt.Sprintf("uid %d listens at %s", uid, l.addr)})
		}
	}
	return append(out, c.checkReaders()...)
}

// checkReaders finds secrets, keys and spools that are open to more than whom they belong to: of the spool that is the group too, which
// is the server's.
func (c *doctorCmd) checkReaders() []finding {
	var out []finding
	look := func(name, path string, closed fs.FileMode) {
		info, err := os.Stat(path)
		if path == "" || err != nil || info.Mode().Perm()&^closed == 0 {
			return
		}
		what := " can be read by others"
		if info.Mode().Perm()&0o007 != 0 {
			what = " can be read by everybody"
		}
		out = append(out, finding{name, path + what, fmt.Sprintf("chmod %o %s", closed, path)})
	}
	for _, path := range []string{c.DatabaseURLFile, c.ControllerURLFile, c.ReactionsURLFile, c.RedisURLFile, c.ARIPasswordFile} {
		look("secret", path, 0o640)
	}
	look("number keys", c.NumberKeyFile, 0o600)
	if c.NumberKeyFile != "" {
		look("audit anchors", cmp.Or(c.AuditAnchorFile, c.NumberKeyFile+".anchor"), 0o640)
		look("journal", cmp.Or(c.JournalDir, c.NumberKeyFile+".journal"), 0o700)
	}
	look("spool", c.NetDir, 0o770)
	if c.NetDir != "" {
		written, _ := filepath.Glob(filepath.Join(c.NetDir, "*")) // the pattern is well formed
		for _, path := range written {
			look("spool", path, 0o660)
		}
	}
	return out
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
