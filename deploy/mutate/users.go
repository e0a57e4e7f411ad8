package main

// users are those between the users of the system that server, exchange and stores run as (reliability.md 10, RS1).
func users() []guard {
	const asterisk, demo = "deploy/asterisk/instance.go", "./cmd/hotline/demo"
	return []guard{
		{
			name: "users: no server runs as root", file: "cmd/hotline/users.go",
			old: "if uid == 0 && !c.AllowRoot {", new: "if uid < 0 {",
			pkg: "./cmd/hotline", tests: "TestNoServerRunsAsRoot",
		},
		{
			name: "users: the demo's server is nobody else", file: "cmd/hotline/demo/demo.go",
			old: "local.OwnUser(ctx, ServerUser)", new: `local.ServerUser("postgres")`,
			pkg: demo, tests: "TestEachRunsAsAUserOfItsOwn",
		},
		{
			name: "users: Asterisk is nobody else", file: asterisk,
			old: "local.OwnUser(ctx, User)", new: `local.ServerUser("nobody")`,
			pkg: demo, tests: "TestEachRunsAsAUserOfItsOwn",
		},
		{
			name: "users: nobody looks into the spool", file: asterisk,
			old: "os.Chmod(spool, 0o711))", new: "os.Chmod(spool, 0o755))",
			pkg: demo, tests: "TestEachRunsAsAUserOfItsOwn",
		},
		{
			name: "users: the server comes into the net's folder", file: asterisk,
			old: "owner.Share(net, cfg.Reader, 0o770|fs.ModeSetgid)", new: "owner.Share(net, cfg.Reader, 0o700|fs.ModeSetgid)",
			pkg: demo, tests: "TestEachRunsAsAUserOfItsOwn",
		},
		{
			name: "users: the server reads what the net writes", file: asterisk,
			old: `return "027"`, new: `return "077"`,
			pkg: demo, tests: "TestF13",
		},
		{
			name: "users: who connects to the stores is named", file: "deploy/local/postgres.go",
			old: "owner.Share(socket, cfg.Clients, 0o750)", new: "owner.Share(socket, cfg.Clients, 0o755)",
			pkg: demo, tests: "TestEachRunsAsAUserOfItsOwn",
		},
		{
			name: "users: the doctor names who runs as root", file: "cmd/hotline/users.go",
			old: "case uid == 0:", new: "case uid < 0:",
			pkg: "./cmd/hotline", tests: "TestDoctorLooksAtUsers",
		},
	}
}
