package local

import (
	"context"
	"path/filepath"
	"time"
)

// Admit is admit for a server that lets clients in.
func Admit(data string, owner *User) error {
	return admit(PostgresConfig{Clients: owner, ClientRoles: []string{"a"}}, data, owner)
}

// EnsureIn is EnsurePackages with apt's folders and the policy of services below root, and command in the place of apt-get. There is
// no package in such a root.
func EnsureIn(ctx context.Context, root, command string, patience time.Duration, progress Progress, names ...string) error {
	return installer{
		apt:    apt{command: command, options: []string{"-o", "Dir=" + root}, patience: patience, look: 10 * time.Millisecond, progress: progress},
		policy: filepath.Join(root, "policy-rc.d"), has: func(context.Context, string) bool { return len(names) == 0 },
	}.ensure(ctx, append(names, "any")[:max(1, len(names))])
}

// Policy is what services are held with.
const Policy = ours
