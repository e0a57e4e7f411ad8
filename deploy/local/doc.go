// Package local starts the servers that hotline needs, privately: its own Postgres and Redis, as child processes, with
// data directories, sockets and logs of their own. The demo, the tests and the benchmarks use it, so that they need no
// running service, disturb none, and leave none behind.
//
//	pg, err := local.StartPostgres(ctx, local.PostgresConfig{Dir: ".run/postgres", Progress: say})
//	…
//	pool, err := pgxpool.New(ctx, pg.URL(local.Database))
//	…
//	err = pg.Stop(ctx)
//
// # What is guaranteed
//
//   - A server listens on a unix socket in a directory that only its own user, and who is named, may enter. Nothing is opened on TCP,
//     unless a port is asked for, and then on 127.0.0.1 only.
//   - A directory has one server. The directory's lock file is inherited by the server and all its children, so the
//     lock is free exactly when the last of them has gone, however it went; a second start waits for that.
//   - A child dies with the process that started it, even by kill -9 (PR_SET_PDEATHSIG), and shuts down cleanly then.
//   - A data directory that was only half made (Ctrl-C in initdb) is made anew.
//   - Servers never run as root: when we are root, they run as postgres, redis or nobody, and others as a user that is
//     made for them ([OwnUser]). Where that user could not walk to the directory (a clone under /root), it is lent
//     CAP_DAC_OVERRIDE instead of opening anyone's home: users are kept apart where everybody may walk.
//   - Only processes started here are ever signalled, by their process id.
//
// # What it installs
//
// When a binary is missing, [EnsurePackages] installs the Debian package as root, with services kept from starting;
// without root it says which command to run. Another apt at work is waited for and named; Ctrl-C, SIGTERM and the end of the
// terminal let dpkg finish what it has begun and then leave nothing behind.
//
// # Tests
//
// The command deploy/local/with starts both servers, exports HOTLINE_TEST_DATABASE_URL and HOTLINE_TEST_REDIS_URL,
// runs a command and stops them:
//
//	go run ./deploy/local/with -- go test -race ./...
//
// Without it, package pgtest starts a server of its own for each test process through [StartPair].
//
// The package must not know the schema, the domains, or Asterisk (which is deploy/asterisk's).
package local

// Progress receives one line for a person who waits. A nil Progress is silent.
type Progress func(line string)

// Say tells p, if there is somebody to tell.
func (p Progress) Say(line string) {
	if p != nil {
		p(line)
	}
}
